"""The breaker: failures in a row open it, one question tries after the rest, and that decides."""

from __future__ import annotations

import pytest

from vfr.typing import MEMBER_NAMES
from vfr.workflows.breaker import Breaker, Guarded, NoAnswer
from vfr.workflows.forecaster import MlUnavailable, UnavailableCode


def opened() -> Breaker:
    breaker = Breaker(limit=2, rest=60.0)
    assert not breaker.failed(0.0)
    assert breaker.failed(10.0)
    return breaker


def test_open_refuses_until_the_rest_is_over() -> None:
    assert opened().refuses_until(69.9) == 70.0


def test_an_answer_between_starts_the_count_anew() -> None:
    breaker = Breaker(limit=2, rest=60.0)
    breaker.failed(0.0)
    breaker.answered()
    assert not breaker.failed(1.0)
    assert breaker.refuses_until(2.0) is None


def test_one_question_tries_and_others_wait() -> None:
    breaker = opened()
    assert breaker.refuses_until(70.0) is None
    assert breaker.refuses_until(70.0) == 130.0


def test_trial_that_succeeds_closes_it() -> None:
    breaker = opened()
    breaker.refuses_until(70.0)
    breaker.answered()
    assert breaker.refuses_until(70.0) is None
    assert breaker.refuses_until(70.0) is None


def test_trial_that_fails_opens_it_at_once() -> None:
    breaker = opened()
    breaker.refuses_until(70.0)
    assert breaker.failed(75.0)
    assert breaker.refuses_until(134.0) == 135.0


def test_trial_that_is_never_reported_does_not_close_the_door_for_ever() -> None:
    breaker = opened()
    breaker.refuses_until(70.0)
    assert breaker.refuses_until(130.0) is None


def test_failures_far_apart_do_not_add_up() -> None:
    breaker = Breaker(limit=2, rest=60.0, window=30.0)
    assert not breaker.failed(0.0)
    assert not breaker.failed(31.0)
    assert breaker.failed(40.0)
    assert breaker.state(41.0) == "open"
    assert breaker.state(100.0) == "half-open"
    # Once open it takes an answer to close it, however long ago the failures were.
    assert breaker.failed(200.0)


class Layer:
    """A layer that says or does what it is set to, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.silent: MlUnavailable | None = None
        self.failed = True
        self.says = MlUnavailable("NO_MODEL", "none yet")

    def ask(self, *question: object) -> MlUnavailable:
        self.asked += 1
        if self.silent is not None:
            raise NoAnswer(self.silent, failed=self.failed)
        return self.says


class Clock:
    seconds = 0.0

    def now(self) -> float:
        return self.seconds


def guarded(limit: int = 2) -> tuple[Guarded, Layer, Clock]:
    layer, clock = Layer(), Clock()
    return Guarded(layer.ask, Breaker(limit, rest=5.0), clock.now), layer, clock


def ask(guard: Guarded, timeout_ms: int = 1_000, members: tuple[str, ...] = MEMBER_NAMES) -> MlUnavailable:
    found = guard.at(None, "7d", members, "weighted", timeout_ms)
    assert isinstance(found, MlUnavailable)
    return found


@pytest.mark.parametrize("code", ["TIMEOUT", "ML_ERROR"])
def test_a_silent_layer_is_left_alone_and_tried_again(code: UnavailableCode) -> None:
    guard, layer, clock = guarded()
    layer.silent = MlUnavailable(code, "nothing came")
    assert [ask(guard).code for _ in range(4)] == [code, code, "ML_ERROR", "ML_ERROR"]
    assert "tried again in 5.0 s" in ask(guard).message
    assert (layer.asked, guard.state) == (2, "open")
    clock.seconds, layer.silent = 5.0, None
    assert guard.state == "half-open"
    assert ask(guard).code == "NO_MODEL"
    assert ask(guard).code == "NO_MODEL"
    assert (layer.asked, guard.state) == (4, "closed")


def test_a_layer_that_fails_is_left_alone_and_one_that_needs_time_is_not() -> None:
    guard, layer, _ = guarded()
    layer.says = MlUnavailable("TIMEOUT", "a server finishes it")
    assert {ask(guard).code for _ in range(5)} == {"TIMEOUT"}
    layer.says = MlUnavailable("ML_ERROR", "the forecast failed")
    for _ in range(5):
        ask(guard)
    assert layer.asked == 7


def test_a_member_that_fails_alone_does_not_take_the_others_from_everybody() -> None:
    guard, layer, _ = guarded()
    layer.says = MlUnavailable("ML_ERROR", "no member could answer (trees-7d-a: it raised)")
    for _ in range(5):
        assert ask(guard, members=("trees",)) is layer.says
    assert (layer.asked, guard.state) == (5, "closed")


def test_a_layer_that_is_being_started_has_not_failed() -> None:
    guard, layer, _ = guarded()
    layer.silent, layer.failed = MlUnavailable("TIMEOUT", "being started"), False
    assert {ask(guard).code for _ in range(5)} == {"TIMEOUT"}
    assert (layer.asked, guard.state) == (5, "closed")


def test_impatient_requests_prove_nothing() -> None:
    guard, layer, _ = guarded()
    layer.silent = MlUnavailable("TIMEOUT", "nothing came")
    for _ in range(5):
        assert ask(guard, timeout_ms=10).code == "TIMEOUT"
    assert layer.asked == 5
    assert guard.ready(None, "7d", (), "weighted") is None
