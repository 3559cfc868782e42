"""The breaker: failures in a row open it, one question tries after the rest, and that decides."""

from __future__ import annotations

from vfr.adapters.net.breaker import Breaker


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
