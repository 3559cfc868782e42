from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.errors import ArtifactCorrupt
from vfr.workflows.model_cache import ModelCache


@dataclass
class Store:
    """Versions that are as large as the number in their name."""

    loads: list = field(default_factory=list)
    broken: set = field(default_factory=set)

    def size(self, model_id):
        return int(model_id.split("-")[-1])

    def load(self, model_id):
        self.loads.append(model_id)
        if model_id in self.broken:
            raise ArtifactCorrupt(f"{model_id}: truncated")
        return ["predictor", model_id]


def test_a_version_is_read_once_and_the_least_recently_used_is_let_go():
    store = Store()
    cache = ModelCache(store, budget=100)
    first = cache.load("a-40")
    assert cache.load("a-40") is first
    cache.load("b-40")
    cache.load("a-40")
    cache.load("c-40")  # One too many: b was asked for longest ago.
    assert (cache.holds("a-40"), cache.holds("b-40"), cache.holds("c-40")) == (True, False, True)
    assert cache.held_bytes == 80
    cache.load("b-40")
    assert store.loads == ["a-40", "b-40", "c-40", "b-40"]


def test_a_version_above_the_budget_is_held_alone():
    cache = ModelCache(Store(), budget=10)
    cache.load("a-5")
    cache.load("b-400")
    assert (cache.holds("a-5"), cache.held_bytes) == (False, 400)
    cache.load("c-5")
    assert (cache.holds("b-400"), cache.held_bytes) == (False, 5)


def test_a_damaged_version_is_not_held_and_is_read_again():
    store = Store(broken={"a-1"})
    cache = ModelCache(store)
    with pytest.raises(ArtifactCorrupt, match="truncated"):
        cache.load("a-1")
    assert not cache.holds("a-1")
    store.broken.clear()
    assert cache.load("a-1") == ["predictor", "a-1"]


def test_whoever_predicts_keeps_a_version_that_is_let_go_meanwhile():
    cache = ModelCache(Store(), budget=10)
    entered, leave, said = threading.Event(), threading.Event(), []

    def predict():
        held = cache.load("a-10")
        entered.set()
        assert leave.wait(10)
        said.append(held)

    thread = threading.Thread(target=predict)
    thread.start()
    assert entered.wait(10)
    cache.load("b-10")
    assert not cache.holds("a-10")
    leave.set()
    thread.join()
    assert said == [["predictor", "a-10"]]


@given(st.lists(st.integers(1, 30), max_size=40), st.integers(1, 60))
def test_the_budget_holds_after_every_load(sizes, budget):
    cache = ModelCache(Store(), budget=budget)
    for size in sizes:
        cache.load(f"m-{size}")
        assert cache.holds(f"m-{size}")
        assert cache.held_bytes <= max(budget, size)
