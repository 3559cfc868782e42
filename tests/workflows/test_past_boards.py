"""Boards of past days are the same before and after what days carry along is there, and nobody waits for more."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vfr.factors import carried, compute
from vfr.workflows.past_boards import PastBoards


class Data:
    """A store of one data set."""

    def __init__(self, snapshot):
        self.held = snapshot

    def snapshot(self):
        return self.held


@pytest.fixture
def carrying(monkeypatch):
    """Return of each board whether what days carry along was there, in order."""
    found, made = [], compute.compute_board
    monkeypatch.setattr(compute, "compute_board", lambda past, along: found.append(along is not None) or made(past))
    return found


def test_random_days_are_the_same_before_and_after(seeded_snapshot):
    later = []
    boards = PastBoards(Data(seeded_snapshot), later.append)
    rows = np.random.default_rng(6).integers(0, seeded_snapshot.sessions.size, 24)
    days = seeded_snapshot.sessions[rows]
    for k, day in enumerate(days):
        if k == 2:
            later.pop()()
        found, alone = boards(day).scores, compute.compute_board(seeded_snapshot.upto(day)).scores
        for name in ("value", "score", "reason", "as_of", "market_cap"):
            np.testing.assert_array_equal(getattr(found, name), getattr(alone, name), err_msg=f"{day} {name}")
    assert not later


def test_days_are_answered_while_what_they_carry_along_is_computed(seeded_snapshot, carrying):
    later = []
    boards = PastBoards(Data(seeded_snapshot), later.append)
    for row in (300, 301):
        boards(seeded_snapshot.sessions[row])
    [work] = later
    work()
    boards(seeded_snapshot.sessions[302])
    assert carrying == [False, False, True]


def test_by_default_the_second_day_waits_for_it(seeded_snapshot, carrying):
    boards = PastBoards(Data(seeded_snapshot))
    for row in (300, 301, 302):
        boards(seeded_snapshot.sessions[row])
    assert carrying == [False, True, True]


def test_what_another_version_carries_is_not_read(seeded_snapshot, carrying):
    later, data = [], Data(seeded_snapshot)
    boards = PastBoards(data, later.append)
    day = seeded_snapshot.sessions[300]
    boards(day)
    data.held = replace(seeded_snapshot, version="another")
    boards(day)
    [first, second] = later
    first()  # Too late: the data changed meanwhile.
    boards(day)
    second()
    boards(day)
    assert carrying == [False, False, False, True]
    assert boards(day).data_version == "another"


def test_what_could_not_be_carried_is_tried_again_at_the_next_day(seeded_snapshot, carrying, monkeypatch):
    later, told, made = [], [], carried.carried

    def full(*_):
        raise MemoryError("no room")

    boards = PastBoards(Data(seeded_snapshot), later.append, failed=told.append)
    monkeypatch.setattr(carried, "carried", full)
    boards(seeded_snapshot.sessions[300])
    later.pop()()
    assert [str(error) for error in told] == ["no room"]
    monkeypatch.setattr(carried, "carried", made)
    for row in (301, 302):
        boards(seeded_snapshot.sessions[row])
    [work] = later
    work()
    boards(seeded_snapshot.sessions[303])
    assert carrying == [False, False, False, True]
    assert len(told) == 1


def test_a_day_is_answered_where_no_thread_can_be_had_for_the_others(seeded_snapshot, carrying):
    told, later = [], []

    def aside(work):
        if not told:
            raise RuntimeError("can't start new thread")
        later.append(work)

    boards = PastBoards(Data(seeded_snapshot), aside, failed=told.append)
    for row in (300, 301):
        boards(seeded_snapshot.sessions[row])
    later.pop()()
    boards(seeded_snapshot.sessions[302])
    assert carrying == [False, False, True]
    assert len(told) == 1


def test_no_day_fails_with_what_it_was_to_carry_along(seeded_snapshot, carrying):
    def full(_):
        raise OSError("no room")

    told = []
    boards = PastBoards(Data(seeded_snapshot), keep=full, failed=told.append)
    for row in (300, 301, 302):
        boards(seeded_snapshot.sessions[row])
    assert carrying == [False, False, False]
    assert len(told) == 2
