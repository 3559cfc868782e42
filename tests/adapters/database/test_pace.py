"""The shared pace: places never come faster than the rate, whoever asks, in one process or in several."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.adapters.database.conftest import finish, launch

from vfr.adapters.database.pace import Pace, PaceState, place

HAMMER = """
import sys
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.pace import Pace
pace = Pace(open_engine(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    print(pace.reserve("acme", 10.0, int(sys.argv[3]), 1000.0))
"""


@given(
    steps=st.lists(st.floats(0.0, 30.0), min_size=1, max_size=60),
    per_second=st.floats(0.05, 50.0),
    burst=st.integers(1, 10),
    pause=st.tuples(st.integers(0, 59), st.floats(0.0, 100.0)),
)
def test_no_window_holds_more_than_the_rate_and_a_burst(
    steps: list[float], per_second: float, burst: int, pause: tuple[int, float]
) -> None:
    now, state, taken, paused_until = 0.0, PaceState(), [], 0.0
    for index, step in enumerate(steps):
        now += step
        if index == pause[0]:
            paused_until = now + pause[1]
            taken = [moment for moment in taken if moment <= now]
            state = PaceState(state.next_at, paused_until)
        wait, next_at = place(state, per_second, burst, now)
        state = PaceState(next_at, state.paused_until)
        assert wait >= 0.0
        assert now + wait >= state.paused_until - 1e-9
        taken.append(now + wait)
    for index, moment in enumerate(taken):
        for later in range(index + 1, len(taken)):
            allowed = burst + (taken[later] - moment) * per_second
            assert later - index + 1 <= allowed + 1e-6


def test_a_quiet_vendor_is_asked_at_once_and_a_burst_is_spent(engine: Engine) -> None:
    pace = Pace(engine)
    waits = [pace.reserve("acme", 2.0, 3, 1_000.0) for _ in range(5)]
    assert waits == [0.0, 0.0, 0.0, 0.5, 1.0]
    assert pace.reserve("acme", 2.0, 3, 1_002.5) == 0.0
    assert pace.reserve("other", 2.0, 3, 1_000.0) == 0.0


def test_a_wait_beyond_patience_takes_no_place(engine: Engine) -> None:
    pace = Pace(engine)
    pace.reserve("acme", 0.1, 1, 1_000.0)
    before = pace.state("acme")
    assert pace.reserve("acme", 0.1, 1, 1_000.0, at_most=9.0) == 10.0
    assert pace.state("acme") == before
    assert pace.reserve("acme", 0.1, 1, 1_000.0, at_most=10.0) == 10.0
    assert pace.state("acme").next_at == 1_020.0


def test_nobody_is_let_through_a_pause_and_no_burst_follows_it(engine: Engine) -> None:
    pace = Pace(engine)
    pace.pause("acme", 1_060.0, "asked for fewer questions")
    assert [pace.reserve("acme", 2.0, 3, 1_000.0) for _ in range(3)] == [60.0, 60.5, 61.0]
    late = Pace(engine)
    late.pause("other", 1_060.0, "")
    assert [late.reserve("other", 2.0, 3, 1_060.0) for _ in range(3)] == [0.0, 0.5, 1.0]


def test_the_longer_pause_stands(engine: Engine) -> None:
    pace = Pace(engine)
    pace.reserve("acme", 1.0, 1, 1_000.0)
    pace.pause("acme", 1_060.0, "long")
    pace.pause("acme", 1_010.0, "short")
    assert pace.state("acme") == PaceState(1_001.0, 1_060.0, "long")
    pace.pause("acme", 1_061.0, "x" * 1_000)
    assert pace.state("acme").reason == "x" * 300


def test_a_vendor_never_asked_stands_at_zero(engine: Engine) -> None:
    assert Pace(engine).state("acme") == PaceState(0.0, 0.0, "")


@pytest.mark.parametrize("burst", [1, 5])
def test_two_processes_together_keep_the_rate(database_url: str, engine: Engine, burst: int) -> None:
    hammering = [launch(HAMMER, database_url, 150, burst) for _ in range(2)]
    waits = sorted(float(line) for process in hammering for line in finish(process).split())
    expected = [0.0] * (burst - 1) + [index / 10.0 for index in range(301 - burst)]
    assert waits == pytest.approx(expected, abs=1e-6)
    assert Pace(engine).state("acme").next_at == pytest.approx(1_030.0)
