"""Failures on purpose: named without mistakes, in force everywhere, over by themselves, and nothing hidden by them."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr import bootstrap
from vfr.adapters.store.chaos_file import ChaosFile, FailingModels
from vfr.errors import InvalidField, ModelError
from vfr.settings import Settings
from vfr.workflows.chaos import CALM, ChaosState, parse_duration, parse_faults
from vfr.workflows.chaos_ml import SLOW_MS, FailingForecaster, FailingPredictor
from vfr.workflows.forecaster import Forecast, MlUnavailable

ASK = (None, "7d", ("linear",), "weighted")


def soon(**faults: str) -> ChaosState:
    return ChaosState(**faults, until=time.time() + 60)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "words", [[], [","], ["ml"], ["ml="], ["ml=down"], ["db=slow"], ["gpu=down"], ["ml=hang,ml=nan"], ["ml=hang=x"]]
)
def test_what_cannot_be_broken_is_refused_with_what_can(words: list[str]) -> None:
    with pytest.raises(InvalidField, match="fault: "):
        parse_faults(words)


@pytest.mark.parametrize("text", ["", "10", "0m", "25h", "-5m", "1.5h", "10 m", "m", "99999h", "\uff11\uff10m"])
def test_a_duration_is_short_and_plain(text: str) -> None:
    with pytest.raises(InvalidField, match="for: "):
        parse_duration(text)


@given(state=st.builds(ChaosState, st.sampled_from(["raise", "hang", None]), st.sampled_from(["down", "slow", None])))
def test_words_say_what_the_state_says(state: ChaosState) -> None:
    words = [f"{part}={fault}" for part, fault in state.to_dict().items()]
    assert not words or parse_faults(words) == parse_faults([", ".join(words)]) == state


def test_every_process_follows_and_it_ends_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = ChaosFile(tmp_path), ChaosFile(tmp_path)
    assert (one.read(), other.read()) == (CALM, CALM)
    state = soon(ml="hang", db="down")
    one.write(state)
    assert one.read() == state
    time.sleep(0.3)
    assert other.read() == state
    monkeypatch.setattr("vfr.adapters.store.chaos_file.epoch_ms", lambda: 1e3 * state.until)
    assert (one.read(), other.read()) == (CALM, CALM)


def test_it_is_ended_by_hand(tmp_path: Path) -> None:
    chaos = ChaosFile(tmp_path)
    chaos.write(soon(ml="raise"))
    chaos.clear()
    chaos.clear()
    assert chaos.read() == CALM


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"{}", b'{"ml": "x", "cache": null, "db": null, "until": 9e9}'])
def test_a_damaged_file_breaks_nothing(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "chaos.json").write_bytes(damage)
    assert ChaosFile(tmp_path).read() == CALM


def test_without_the_setting_a_stored_state_is_ignored(tmp_path: Path) -> None:
    ChaosFile(tmp_path).write(soon(db="down", ml="raise"))
    allowed, not_allowed = (bootstrap.build(Settings(data_home=tmp_path, chaos=chaos)) for chaos in (True, False))
    assert (not_allowed.chaos, not_allowed.rehearsal()) == (None, None)
    told = allowed.rehearsal()
    assert told is not None
    assert told["faults"] == {"ml": "raise", "db": "down"}
    not_allowed.toggles.turn("ml", False, reason="r", who="w")
    not_allowed.toggles.close()


class Inner:
    """A forecaster that says how long it was given."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def at(self, as_of, horizon, members, method, timeout_ms) -> Forecast | MlUnavailable:  # type: ignore[no-untyped-def]
        self.given.append(timeout_ms)
        return MlUnavailable("NO_MODEL", "inner")

    def ready(self, as_of, horizon, members, method) -> Forecast | MlUnavailable | None:  # type: ignore[no-untyped-def]
        return MlUnavailable("NO_MODEL", "inner")


class Says:
    """Chaos that is what a test says."""

    def __init__(self, state: ChaosState = CALM) -> None:
        self.state = state

    def read(self) -> ChaosState:
        return self.state


@pytest.mark.parametrize(
    ("fault", "code", "slept", "ready"),
    [
        (None, "NO_MODEL", 0.0, "NO_MODEL"),
        ("raise", "ML_ERROR", 0.0, "ML_ERROR"),
        ("nan", "ML_ERROR", 0.0, "ML_ERROR"),
        ("hang", "TIMEOUT", 1.0, None),
        ("slow", "NO_MODEL", SLOW_MS / 1e3, None),
    ],
)
def test_clients_see_what_failing_members_would_make_them_see(
    fault: str | None, code: str, slept: float, ready: str | None
) -> None:
    waits: list[float] = []
    inner = Inner()
    failing = FailingForecaster(inner, Says(replace(CALM, ml=fault)), waits.append)  # type: ignore[arg-type]
    found, at_once = failing.at(*ASK, 1_000), failing.ready(*ASK)
    assert isinstance(found, MlUnavailable)
    assert (found.code, round(sum(waits), 6)) == (code, slept)
    assert (at_once.code if isinstance(at_once, MlUnavailable) else at_once) == ready
    assert inner.given == ([1_000 - SLOW_MS] if fault == "slow" else [1_000] if fault is None else [])


def test_slow_is_too_late_for_an_impatient_request() -> None:
    waits: list[float] = []
    found = FailingForecaster(Inner(), Says(ChaosState(ml="slow")), waits.append).at(*ASK, 100)
    assert isinstance(found, MlUnavailable)
    assert (found.code, round(sum(waits), 6)) == ("TIMEOUT", 0.1)


def test_whoever_waits_is_answered_as_soon_as_it_is_over() -> None:
    chaos, inner = Says(ChaosState(ml="hang")), Inner()
    found = FailingForecaster(inner, chaos, lambda _: setattr(chaos, "state", CALM)).at(*ASK, 30_000)
    assert isinstance(found, MlUnavailable)
    assert found.code == "NO_MODEL"
    assert inner.given[0] > 29_000


def test_members_fail_where_they_predict(tmp_path: Path) -> None:
    from tests.models.stored_versions import card, files_of

    chaos = Says()
    store = FailingModels(tmp_path, chaos)
    made = store.save(card("one", data_name="x"), files_of())
    calm = store.stamp()
    member = replace(store.load(made.model_id), sleep=lambda _: setattr(chaos, "state", CALM))  # type: ignore[type-var]
    X = np.zeros((1, 3, len(made.feature_names)), dtype=np.float32)
    plain = member.predict(X).p_up
    chaos.state = ChaosState(ml="raise")
    assert store.stamp() != calm
    with pytest.raises(ModelError, match="rehearsal"):
        member.predict(X)
    chaos.state = ChaosState(ml="nan")
    assert np.isnan(member.predict(X).p_up).all()
    for fault in ("hang", "slow"):
        chaos.state = ChaosState(ml=fault)  # type: ignore[arg-type]
        np.testing.assert_array_equal(member.predict(X).p_up, plain)
    assert isinstance(member, FailingPredictor)
    assert (store.stamp(), member.card) == (calm, made)


def test_the_file_holds_no_more_than_is_said(tmp_path: Path) -> None:
    ChaosFile(tmp_path).write(ChaosState(ml="nan", until=5.0))
    assert json.loads((tmp_path / "chaos.json").read_bytes()) == {"ml": "nan", "cache": None, "db": None, "until": 5.0}
