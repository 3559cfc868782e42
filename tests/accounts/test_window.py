"""The sliding window against its definition: a list of every charge with its moment."""

from __future__ import annotations

from collections import UserList
from contextlib import suppress
from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from vfr.accounts.limits import Budget
from vfr.accounts.window import COUNTED, HEAD, PARTS, Window

STEPS = st.lists(st.tuples(st.integers(0, 70_000), st.integers(1, 9)), min_size=1, max_size=60)
BUDGETS = st.builds(Budget, st.just("requests"), st.integers(1, 20), st.sampled_from([1, 7, 60, 3_600]))


def charged(budget: Budget, steps: list[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """Moment in ms, size and outcome of charges that follow each other by steps in thousandths of the window."""
    window, now, outcomes = Window(), 1_000_000_000_000, []
    for step, n in steps:
        now += step * budget.window_s // 60
        outcomes.append((now, n, window.charge(budget, n, now).allowed))
    return outcomes


@given(BUDGETS, STEPS)
def test_no_window_wherever_it_starts_holds_more_than_the_budget(budget: Budget, steps: list[tuple[int, int]]) -> None:
    granted = [(at, n) for at, n, allowed in charged(budget, steps) if allowed]
    for end, _ in granted:
        inside = sum(n for at, n in granted if end - budget.window_s * 1_000 < at <= end)
        assert inside <= budget.amount


@given(BUDGETS, STEPS)
def test_a_refusal_means_that_the_window_and_a_sixtieth_is_full(budget: Budget, steps: list[tuple[int, int]]) -> None:
    outcomes = charged(budget, steps)
    for place, (now, n, allowed) in enumerate(outcomes):
        since = now - budget.window_s * 1_000 * COUNTED / PARTS
        recent = sum(size for at, size, passed in outcomes[:place] if passed and at >= since)
        assert allowed or recent + n > budget.amount


@given(BUDGETS, STEPS, st.integers(1, 20))
def test_who_waits_as_told_passes_and_not_much_sooner(budget: Budget, steps: list[tuple[int, int]], n: int) -> None:
    window, now = Window(), 1_000_000_000_000
    for step, size in steps:
        now += step * budget.window_s // 60
        window.charge(budget, size, now)
    verdict = window.charge(budget, n, now)
    if verdict.allowed or n > budget.amount:
        return
    early = now + (verdict.retry_after_s - 1) * 1_000 - budget.window_s * 1_000 // PARTS
    if early > now:
        assert not deepcopy(window).charge(budget, n, early).allowed
    assert window.charge(budget, n, now + verdict.retry_after_s * 1_000).allowed


@given(BUDGETS, STEPS)
def test_what_remains_can_be_had_and_no_more(budget: Budget, steps: list[tuple[int, int]]) -> None:
    window, now = Window(), 1_000_000_000_000
    for step, size in steps:
        now += step * budget.window_s // 60
        verdict = window.charge(budget, size, now)
        assert verdict.remaining == window.charge(budget, 0, now).remaining
        assert 0 <= verdict.remaining <= budget.amount
        assert not window.charge(budget, verdict.remaining + 1, now).allowed


@given(BUDGETS, st.integers(-400_000, 400_000))
def test_a_clock_that_is_set_neither_locks_out_nor_opens(budget: Budget, jump: int) -> None:
    window, now = Window(), 1_000_000_000_000
    assert window.charge(budget, budget.amount, now).allowed
    moved = now + jump * budget.window_s
    allowed = window.charge(budget, 1, moved).allowed
    far = abs(jump) * budget.window_s >= budget.window_s * 1_000 * (COUNTED + 1) / PARTS
    near = abs(jump) * budget.window_s < budget.window_s * 1_000
    assert allowed if far else True
    assert not allowed if near else True
    assert window.charge(budget, 1, moved + 3 * budget.window_s * 1_000).allowed


def test_a_refusal_takes_nothing() -> None:
    budget, window = Budget("ml-units", 10, 86_400), Window()
    assert window.charge(budget, 8, 0).allowed
    assert not window.charge(budget, 3, 0).allowed
    assert window.charge(budget, 2, 0).allowed


@given(BUDGETS, STEPS, st.integers(0, 70_000))
def test_the_figures_beside_the_counts_are_those_of_the_counts(
    budget: Budget, steps: list[tuple[int, int]], later: int
) -> None:
    window, now = Window(), 1_000_000_000_000
    for step, size in steps:
        now += step * budget.window_s // 60
        verdict = window.charge(budget, size, now)
        parts = [part for part in range(window.newest - PARTS, window.newest + 1) if window.counts[part % COUNTED]]
        assert verdict.remaining == budget.amount - sum(window.counts)
        first = parts[0] if parts else window.newest  # Where all is free and more is asked for, a whole window.
        gone = -(-(first + COUNTED) * budget.window_s * 1_000 // PARTS)
        assert verdict.reset_s == max(1, -(-(gone - now) // 1_000))
    window.head[2] += later
    window.charge(budget, 0, now + budget.window_s * 1_000 // PARTS + 1)
    assert window.head[2] == sum(window.counts), "right again with the next part, whatever was written"


class Killed(Exception):
    """The process that writes is no more."""


class Mortal(UserList[int]):
    """Figures whose writer is killed once as many as `left` says are written; several may share that."""

    def __init__(self, figures: list[int], left: list[int]) -> None:
        super().__init__()
        self.data, self.left = figures, left  # Not a copy: what was written stays.

    def __setitem__(self, place: int, figure: int) -> None:  # type: ignore[override]  # a window sets single figures
        if not self.left[0]:
            raise Killed
        self.left[0] -= 1
        self.data[place] = figure


@given(BUDGETS, STEPS, st.integers(0, 70_000), st.integers(0, 70))
def test_a_charge_killed_at_any_write_was_made_or_was_not(
    budget: Budget, steps: list[tuple[int, int]], step: int, writes: int
) -> None:
    head, counts, now = [0] * HEAD, [0] * COUNTED, 1_000_000_000_000
    window = Window(head, counts)
    for before, size in steps:
        now += before * budget.window_s // 60
        window.charge(budget, size, now)
    now += step * budget.window_s // 60
    without, whole, left = deepcopy(window), deepcopy(window), [writes]
    whole.charge(budget, 1, now)
    with suppress(Killed):
        Window(Mortal(head, left), Mortal(counts, left)).charge(budget, 1, now)
    for later in range(now, now + 2_000 * budget.window_s, 1_000 * budget.window_s // PARTS):
        used = [budget.amount - one.charge(budget, 0, later).remaining for one in (without, window, whole)]
        assert used[0] <= used[1] <= used[2]
