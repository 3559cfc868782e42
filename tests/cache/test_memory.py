"""The memory tier: within its budget whatever happens, least recently used first out."""

from __future__ import annotations

from collections import OrderedDict

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.examples import examples

from vfr.cache.memory import OVERHEAD, MemoryCache
from vfr.cache.protocol import Entry

BUDGET = 4 * (OVERHEAD + 100)
KEYS = st.sampled_from(("a", "b", "c", "d", "e", "f"))


class AgainstAModel(RuleBasedStateMachine):
    """The same calls on the cache and on a plain model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0
        self.cache = MemoryCache(BUDGET, now=lambda: self.time)
        self.model: OrderedDict[str, Entry] = OrderedDict()

    @rule(key=KEYS, size=st.integers(0, 2 * BUDGET // 3), ttl=st.integers(-1, 5))
    def put(self, key: str, size: int, ttl: int) -> None:
        entry = Entry(bytes(size), self.time + ttl)
        self.cache.put(key, entry)
        self.model.pop(key, None)
        if size + len(key) + OVERHEAD <= BUDGET and ttl > 0:
            self.model[key] = entry
            while self.size() > BUDGET:
                self.model.popitem(last=False)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        assert self.cache.get(key) == self.expected(key)

    @rule(keys=st.lists(KEYS, max_size=4, unique=True))
    def get_many(self, keys: list[str]) -> None:
        expected = {key: found for key in keys if (found := self.expected(key)) is not None}
        assert self.cache.get_many(keys) == expected

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.cache.delete(key)
        self.model.pop(key, None)

    @rule(by=st.integers(1, 3))
    def pass_time(self, by: int) -> None:
        self.time += by

    @invariant()
    def the_budget_holds(self) -> None:
        [stats] = self.cache.stats()
        assert (stats.entries, stats.bytes) == (len(self.model), self.size())
        assert stats.bytes <= BUDGET

    def expected(self, key: str) -> Entry | None:
        entry = self.model.get(key)
        if entry is None or entry.expires_ms <= self.time:
            self.model.pop(key, None)
            return None
        self.model.move_to_end(key)
        return entry

    def size(self) -> int:
        return sum(OVERHEAD + len(key) + len(entry.value) for key, entry in self.model.items())


AgainstAModel.TestCase.settings = settings(examples(60), stateful_step_count=30)
TestAgainstAModel = AgainstAModel.TestCase


def test_what_was_used_last_stays() -> None:
    cache = MemoryCache(2 * (OVERHEAD + 1 + 10), now=lambda: 0)
    cache.put("a", Entry(bytes(10), 1))
    cache.put("b", Entry(bytes(10), 1))
    cache.get("a")
    cache.put("c", Entry(bytes(10), 1))
    assert cache.get_many(["a", "b", "c"]).keys() == {"a", "c"}
    assert cache.stats()[0].evictions == 1


def test_a_value_too_large_takes_the_place_of_nothing_but_its_own_earlier_one() -> None:
    cache = MemoryCache(1_000, now=lambda: 0)
    cache.put("a", Entry(b"a", 1))
    cache.put("b", Entry(b"b", 1))
    cache.put("b", Entry(bytes(1_000), 1))
    assert cache.get_many(["a", "b"]).keys() == {"a"}


@pytest.mark.parametrize("times", [1, 3])
def test_counts(times: int) -> None:
    cache = MemoryCache(1_000, now=lambda: 0)
    for _ in range(times):
        cache.get("a")
        cache.put("a", Entry(b"a", 1))
        cache.get("a")
        cache.delete("a")
    [stats] = cache.stats()
    assert (stats.hits, stats.misses, stats.puts, stats.entries, stats.bytes) == (times, times, times, 0, 0)
