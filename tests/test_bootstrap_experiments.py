"""Experiments of an installation: dealt from memory, followed everywhere, counted off the path, whatever breaks."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event
from tests.journal.made import forecast

from vfr import bootstrap
from vfr.bootstrap.experiments import ExperimentDesk
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.errors import DataError, InvalidField
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.typing import MEMBER_NAMES
from vfr.workflows.compare import ArmCount, Plan, Seen
from vfr.workflows.query import AnalyzeQuery

SNAPSHOT = synthetic.snapshot(np.random.default_rng(3), n_sessions=320, n_symbols=24)
BOARD = compute_board(SNAPSHOT)
ASKED = AnalyzeQuery("single", ("AAPL",), include_ml=True)
PLAN = Plan("blend", {"classic": 0.5, "ml": 0.5}, "7d", "to see", weight=0.3)
LONG = 30.0

START = """
import sys
from vfr import bootstrap
from vfr.settings import Settings
from vfr.workflows.compare import Plan
desk = bootstrap.build(Settings(data_home=sys.argv[1])).experiments
if sys.argv[2] == "start":
    desk.start(Plan("blend", {"ml": 1.0}, "7d", "to see"), "other")
else:
    desk.stop(desk.one().id, why="enough", who="other")
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = bootstrap.build(Settings(data_home=tmp_path / "home"))
    (tmp_path / "home").mkdir()
    made.datasets.publish(SNAPSHOT, QualityReport.of((), {}), BOARD)
    return tmp_path / "home"


@pytest.fixture
def desk(home: Path) -> Iterator[ExperimentDesk]:
    made = bootstrap.build(Settings(data_home=home))
    yield made.experiments
    made.experiments.close(LONG)
    made.close()


def until(true: Callable[[], object], seconds: float = 20.0) -> float:
    """Wait until something is so, and return how long that took."""
    started = time.perf_counter()
    while not true():
        assert time.perf_counter() - started < seconds
        time.sleep(0.01)
    return time.perf_counter() - started


def elsewhere(home: Path, what: str) -> None:
    """Start or stop an experiment in another process."""
    subprocess.run([sys.executable, "-c", START, str(home), what], check=True)  # noqa: S603 - this interpreter


def test_without_an_experiment_a_request_is_nobodys_business_and_nothing_is_made(desk, home):
    assert desk.dealt(ASKED, "u") is ASKED
    time.sleep(0.5)
    assert desk.dealt(ASKED, "u") is ASKED
    assert not (home / "vfr.sqlite3").exists()
    assert desk.listed() == ()
    with pytest.raises(InvalidField, match="there is none yet"):
        desk.one()


def test_a_start_here_is_in_force_at_once_and_so_is_a_stop(desk):
    desk.follow()
    made = desk.start(PLAN, "me")
    assert made.first == str(BOARD.as_of)
    given = {desk.dealt(ASKED, f"u{n}").experiment[1] for n in range(30)}
    assert given == {"classic", "ml"}
    with pytest.raises(InvalidField, match="another one runs"):
        desk.start(PLAN, "me")
    ended = desk.stop(made.id, why="enough", who="you")
    assert (ended.last, ended.stopped_by) == (str(BOARD.as_of), "you")
    assert desk.dealt(ASKED, "u") is ASKED
    with pytest.raises(InvalidField, match="stopped already"):
        desk.stop(made.id, why="enough", who="you")
    with pytest.raises(InvalidField, match="why"):
        desk.stop(made.id, why=" ", who="you")


def test_other_processes_follow(desk, home):
    assert desk.dealt(ASKED, "u") is ASKED
    elsewhere(home, "start")
    until(lambda: desk.dealt(ASKED, "u") is not ASKED)
    assert desk.dealt(ASKED, "u").experiment == (desk.one().id, "ml")
    elsewhere(home, "stop")
    until(lambda: desk.dealt(ASKED, "u") is ASKED)


def test_requests_are_counted_by_subject(desk):
    desk.follow()
    made = desk.start(Plan("all", {"ml": 1.0}, "7d", "to see"), "me")
    for _ in range(3):
        desk.dealt(ASKED, "alice")
    desk.dealt(replace(ASKED, include_ml=False), "bob")
    assert desk.close(LONG)
    assert desk.counters() == {"written": 4, "dropped": 0, "waiting": 0}
    [arm] = [one for one in desk.report(made.id).arms if one.subjects]
    assert (arm.arm, arm.subjects, arm.requests, arm.opt_in.count) == ("ml", 2, 4, 1)


def test_a_forecast_of_the_session_is_made_once_whoever_asks(home):
    app = bootstrap.build(Settings(data_home=home))
    made: list[str] = []

    class Asked:
        """A forecaster that notes what it is asked for."""

        def at(self, as_of, horizon, members, method, timeout_ms):
            assert (as_of, members, method) == (None, MEMBER_NAMES, "weighted")
            made.append(horizon)

    desk = ExperimentDesk(app.settings, app.datasets, app.journal, Asked())
    desk.follow()
    desk.start(Plan("dark", {"shadow": 1.0}, "30d", "to see"), "me")
    for n in range(20):
        assert desk.dealt(replace(ASKED, ml_horizon="30d"), f"u{n}").experiment[1] == "shadow"
    until(lambda: made)
    assert made == ["30d"]
    desk.close(LONG)


def test_a_database_that_breaks_costs_no_request_and_what_was_known_holds(desk):
    desk.follow()
    desk.start(PLAN, "me")
    broken = threading.Event()

    def refuse(*_about):
        if broken.is_set():
            raise sqlite3.OperationalError("disk I/O error")

    event.listen(desk._store[1].engine, "begin", refuse)
    broken.set()
    for _ in range(20):
        assert desk.dealt(ASKED, "u") is not ASKED
        time.sleep(0.02)
    broken.clear()
    assert desk.close(LONG)
    assert sum(one.requests for one in desk.report().arms) == 20


def test_the_report_reads_the_journal_from_the_session_of_the_start_on(desk, home):
    made = desk.start(replace(PLAN, horizon="1d"), "me")
    journal = bootstrap.build(Settings(data_home=home)).journal._journal()
    names = tuple(SNAPSHOT.symbols)
    for row in (-12, -8, -1):
        journal.record(forecast(str(SNAPSHOT.sessions[row]), names, seed=-row, data_name=SNAPSHOT.name))
    found = desk.report()
    assert found.experiment == made
    assert found.data_name == SNAPSHOT.name
    assert found.ordering.dates == 0  # The only session since the start has not matured.
    assert desk.report(made.id).to_dict() == found.to_dict()


def test_what_it_had_found_when_it_was_stopped_stays(desk, home):
    made = desk.start(replace(PLAN, horizon="1d"), "me")
    assert desk.report().to_dict()["atStop"] is None
    before = desk.report().findings()
    desk.stop(made.id, why="enough", who="you")
    desk._open().see([Seen(made.id, "late", "ml", 1.0, 1.0, 7, 7)])
    found = desk.report(made.id).to_dict()
    assert found["atStop"] == before | {"dataVersion": BOARD.data_version}
    assert sum(one["requests"] for one in found["arms"]) == 7
    assert sum(one["requests"] for one in found["atStop"]["arms"]) == 0


def test_an_experiment_stops_even_where_its_report_cannot_be_made(desk, monkeypatch):
    made = desk.start(PLAN, "me")

    def away():
        raise DataError("the journal is away")

    with monkeypatch.context() as broken:
        broken.setattr(desk._journal, "opened", away)
        assert not desk.stop(made.id, why="enough", who="me").running
    assert desk.report(made.id).to_dict()["atStop"] is None


def test_counts_of_arms_are_of_the_experiment_alone(desk):
    desk.follow()
    first = desk.start(PLAN, "me")
    desk.dealt(ASKED, "u")
    desk.stop(first.id, why="enough", who="me")
    second = desk.start(PLAN, "me")
    assert desk.close(LONG)
    store = desk._open()
    assert store.counts(second.id) == []
    assert store.counts(first.id) in ([ArmCount("ml", 1, 1, 1, 1)], [ArmCount("classic", 1, 1, 1, 1)])
