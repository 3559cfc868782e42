"""Experiments in both databases: one runs at a time, subjects are counted once, what was shown is read by arm."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import pytest
from sqlalchemy import Engine, select, text
from tests.experiments.made import experiment

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.experiments import SqlExperiments
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.migrate import downgrade, migrate
from vfr.adapters.database.tables import EXPERIMENT_EXPOSURES, EXPOSURES
from vfr.errors import DataError
from vfr.experiments.experiment import Experiment, StopRule
from vfr.journal.records import Exposure
from vfr.workflows.compare import ArmCount, Seen, Shown


@pytest.fixture
def store(engine: Engine) -> SqlExperiments:
    return SqlExperiments(engine)


def ended(number: str = "3f2a") -> Experiment:
    return replace(experiment(id=number), last="2019-08-01", stopped_at=2e9, stopped_by="you", stopped_why="enough")


def seen(subject: str, at: float = 10.0, arm: str = "ml", ml: int = 1, requests: int = 1) -> Seen:
    return Seen("3f2a", subject, arm, at, at, requests, ml)


def exposure(request: str, symbol: str, score: float, arm: str | None = "ml", day: str = "2019-07-01") -> Exposure:
    named = None if arm is None else "3f2a"
    return Exposure(request, symbol, "data", day, "7d", score, True, 0.1, 1e9, named, arm)


def test_an_experiment_comes_back_as_it_was_kept(store: SqlExperiments) -> None:
    one = experiment(
        shares={"classic": 0.25, "ml": 0.5, "shadow": 0.25}, holdout=0.1, rule=StopRule(0.01, 100, 40, 0.01)
    )
    assert store.running() is None
    assert store.start(one)
    assert store.one("3f2a") == store.running() == one
    assert store.all(10) == [one]
    assert store.one("none") is None


def test_only_one_runs_at_a_time(store: SqlExperiments) -> None:
    assert store.start(experiment())
    assert not store.start(experiment(id="40b1"))
    assert store.one("40b1") is None
    assert store.verdict("3f2a") is None
    assert store.stop(ended(), {"verdict": "nothing yet", "mean": 0.1, "low": None})
    assert not store.stop(replace(ended(), stopped_why="again"), {"verdict": "another"})
    assert store.one("3f2a") == ended()
    assert store.verdict("3f2a") == {"verdict": "nothing yet", "mean": 0.1, "low": None}
    assert store.start(experiment(id="40b1", started_at=3e9))
    assert [one.id for one in store.all(10)] == ["40b1", "3f2a"]
    assert [one.id for one in store.all(1)] == ["40b1"]


def test_of_many_that_start_at_once_one_does(store: SqlExperiments) -> None:
    with ThreadPoolExecutor(8) as pool:
        started = list(pool.map(lambda n: store.start(experiment(id=f"id{n}")), range(8)))
    assert started.count(True) == 1


def test_what_is_known_already_is_returned_itself(store: SqlExperiments) -> None:
    store.start(experiment())
    known = store.running()
    assert store.running(known) is known
    assert store.running(experiment(id="40b1")) == known
    store.stop(ended(), None)
    assert store.running(known) is None


def test_a_subject_is_one_row_however_often_it_asks(store: SqlExperiments) -> None:
    store.start(experiment())
    store.see([seen("a", 10.0), seen("b", 11.0, ml=0)])
    store.see([seen("b", 12.0, requests=3, ml=2), seen("c", 12.0, arm="classic", ml=0)])
    store.see([])
    assert store.counts("3f2a") == [ArmCount("classic", 1, 0, 1, 0), ArmCount("ml", 2, 2, 5, 3)]
    with transaction(store.engine, reads=True) as connection:
        row = connection.execute(select(EXPERIMENT_EXPOSURES).where(EXPERIMENT_EXPOSURES.c.subject == "b")).one()
    assert (row.first_seen, row.last_seen) == (11.0, 12.0)
    assert store.counts("40b1") == []


def test_writers_at_once_lose_no_request(store: SqlExperiments) -> None:
    store.start(experiment())
    subjects = [f"s{n}" for n in range(20)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda k: store.see([seen(s) for s in subjects[:: 1 if k % 2 else -1]]), range(12)))
    assert store.counts("3f2a") == [ArmCount("ml", 20, 20, 240, 240)]


def test_exposures_of_an_experiment_that_is_not_there_are_refused(store: SqlExperiments) -> None:
    with pytest.raises(DataError):
        store.see([seen("a")])


def test_what_was_shown_is_read_by_arm_and_popularity_does_not_weigh(store: SqlExperiments) -> None:
    shown = [
        exposure("1", "AAPL", 60.0),
        exposure("2", "AAPL", 61.0),
        exposure("3", "AAPL", 50.0, "classic"),
        exposure("4", "AAPL", 70.0, None),
        exposure("5", "MSFT", 40.0, day="2019-07-02"),
    ]
    SqlJournal(store.engine).expose(shown)
    assert store.shown("3f2a") == [
        Shown("data", "classic", "2019-07-01", "AAPL", 50.0),
        Shown("data", "ml", "2019-07-01", "AAPL", 60.5),
        Shown("data", "ml", "2019-07-02", "MSFT", 40.0),
    ]


def test_what_was_shown_before_experiments_came_survives_the_way_up_and_down(engine: Engine) -> None:
    downgrade(engine, "0004")
    with transaction(engine) as connection:
        connection.execute(
            text(
                "INSERT INTO journal_exposures (request, symbol, data_name, as_of, score, include_ml, shown_at) "
                "VALUES ('1', 'AAPL', 'data', '2019-07-01', 60.5, true, 1e9)"
            )
        )
    for _ in range(2):
        migrate(engine)
        with transaction(engine, reads=True) as connection:
            row = connection.execute(select(EXPOSURES)).one()
        assert (row.symbol, row.score, row.experiment, row.arm) == ("AAPL", 60.5, None, None)
        downgrade(engine, "0004")


def test_experiments_are_listed_newest_first(store: SqlExperiments) -> None:
    for n in range(4):
        store.start(experiment(id=f"id{n}", started_at=1e9 + n))
        store.stop(ended(f"id{n}"), None)
    assert all(a.started_at > b.started_at for a, b in pairwise(store.all(10)))
