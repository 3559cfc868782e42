"""The whole current data set is held in memory; a part of it is read for who asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.data import synthetic
from vfr.data.fingerprint import fingerprint
from vfr.data.quality import QualityReport
from vfr.errors import InvalidField, Overloaded
from vfr.factors.compute import compute_board
from vfr.workflows.held import Boards, HeldDatasets

if TYPE_CHECKING:
    from pathlib import Path

    from vfr.factors.board import Board


def test_a_part_is_passed_through_and_does_not_displace_the_whole(tmp_path: Path) -> None:
    made = synthetic.snapshot(np.random.default_rng(4), n_sessions=60, n_symbols=8)
    made = replace(made, version=fingerprint(made))
    held = HeldDatasets(DirectoryDatasets(tmp_path))
    held.publish(made, QualityReport.of([], {}), compute_board(made))
    whole = held.snapshot()
    part = held.snapshot(symbols=[made.symbols[5], made.symbols[2]])
    assert part.symbols == (made.symbols[2], made.symbols[5])
    assert fingerprint(part) == fingerprint(made.take(np.array([2, 5])))
    assert held.snapshot("synthetic", [made.symbols[0]]).symbols == made.symbols[:1]
    assert held.snapshot() is whole


class Computing:
    """Computes boards when it is told to, or fails; remembers which days it was asked for."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.asked: list[str] = []
        self.go = Event()
        self.fails = False

    def __call__(self, day: np.datetime64) -> Board:
        self.asked.append(str(day))
        self.go.wait(10)
        if self.fails:
            raise Overloaded("too much")
        return replace(self.board, as_of=day)


@pytest.fixture
def installed(tmp_path: Path) -> HeldDatasets:
    made = synthetic.snapshot(np.random.default_rng(4), n_sessions=300, n_symbols=8)
    held = HeldDatasets(DirectoryDatasets(tmp_path))
    held.publish(replace(made, version=fingerprint(made)), QualityReport.of([], {}), compute_board(made))
    return held


def test_past_boards_are_those_of_their_day_and_kept(installed: HeldDatasets) -> None:
    boards, snapshot = Boards(installed, kept=2), installed.snapshot()
    days = [np.datetime64(day, "D") for day in snapshot.sessions[-4:-1]]
    assert boards.ready(days[0]) is None
    made = [boards.at(day) for day in days]
    assert [board.as_of for board in made] == days
    want = compute_board(snapshot.upto(days[1]))
    assert np.array_equal(made[1].scores.score, want.scores.score, equal_nan=True)
    assert boards.at(days[2]) is boards.ready(days[2]) is made[2]
    assert boards.ready(days[0]) is None
    assert boards.at(None) is boards.ready(snapshot.as_of) is installed.board()
    with pytest.raises(InvalidField, match=f"as_of: 1900-01-01 is before {snapshot.sessions[0]}"):
        boards.at(np.datetime64("1900-01-01"))


def test_the_same_data_under_another_name_has_boards_of_that_name(installed: HeldDatasets) -> None:
    boards, snapshot = Boards(installed), installed.snapshot()
    day = snapshot.sessions[-3]
    assert boards.at(day).data_name == "synthetic"
    named = replace(snapshot, name="other")
    installed.publish(named, QualityReport.of([], {}), compute_board(named))
    assert boards.ready(day) is None
    assert boards.at(day).data_name == "other"


def test_a_board_of_data_that_came_while_it_was_computed_is_not_kept_for_those_before(installed: HeldDatasets) -> None:
    computing = Computing(replace(installed.board(), data_version="of the data that came"))
    computing.go.set()
    boards = Boards(installed, computing)
    day = installed.snapshot().sessions[-3]
    assert boards.at(day).data_version == "of the data that came"
    assert boards.ready(day) is None
    boards.at(day)
    assert len(computing.asked) == 2


def test_a_day_asked_for_twice_at_once_is_computed_once(installed: HeldDatasets) -> None:
    compute = Computing(installed.board())
    boards = Boards(installed, compute)
    first, second = (np.datetime64(day, "D") for day in installed.snapshot().sessions[-3:-1])
    with ThreadPoolExecutor(6) as six:
        asked = [six.submit(boards.at, day) for day in (first, first, first, second, second)]
        while len(compute.asked) < 2:
            Event().wait(0.01)
        compute.go.set()
        found = [one.result(10) for one in asked]
    assert sorted(compute.asked) == sorted(map(str, (first, second)))
    assert found[0] is found[1] is found[2]
    assert [board.as_of for board in found[2:4]] == [first, second]


def test_a_failure_reaches_everybody_and_is_not_kept(installed: HeldDatasets) -> None:
    compute = Computing(installed.board())
    compute.fails = True
    boards, day = Boards(installed, compute), np.datetime64(installed.snapshot().sessions[-2], "D")
    with ThreadPoolExecutor(2) as two:
        asked = [two.submit(boards.at, day) for _ in range(2)]
        while not compute.asked:
            Event().wait(0.01)
        Event().wait(0.05)
        compute.go.set()
        for one in asked:
            with pytest.raises(Overloaded):
                one.result(10)
    compute.fails = False
    assert boards.at(day).as_of == day


def test_a_board_is_ready_while_it_is_the_current_one_and_in_memory(
    installed: HeldDatasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfr.workflows.held.LATELY_MS", 0.0)
    assert installed.ready() is None
    boards = Boards(installed)
    assert boards.ready(None) is None
    board = boards.at(None)
    assert installed.ready() is boards.ready(None) is boards.ready(board.as_of) is board
    assert boards.ready(board.as_of - np.timedelta64(9, "D")) is None
    other = synthetic.snapshot(np.random.default_rng(5), n_sessions=300, n_symbols=8)
    DirectoryDatasets(tmp_path).publish(replace(other, version="next"), QualityReport.of([], {}), compute_board(other))
    assert installed.ready() is None
    assert boards.at(None) is boards.ready(None) is not board


def test_a_stamp_of_a_moment_ago_is_trusted_unless_this_process_published(
    installed: HeldDatasets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfr.workflows.held.LATELY_MS", 60_000.0)
    board = installed.board()
    assert installed.ready() is board
    other = synthetic.snapshot(np.random.default_rng(5), n_sessions=300, n_symbols=8)
    there, here = replace(other, version="there"), replace(other, version="here")
    DirectoryDatasets(tmp_path).publish(there, QualityReport.of([], {}), compute_board(there))
    assert installed.ready() is board
    installed.publish(here, QualityReport.of([], {}), compute_board(here))
    assert installed.ready() is None
    assert installed.board() is installed.ready()
