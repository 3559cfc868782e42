"""kill -9 at random points of a settlement: the journal opens, the next completes it, and nothing is settled twice."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import astuple, fields, replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, event, text
from tests.workflows.test_settle import NOW, START, Datasets, at, made
from tests.zygote import Fork, zygote

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.migrate import migrate
from vfr.data.snapshot import Snapshot
from vfr.journal.records import LastReturns, Outcomes
from vfr.journal.tallies import Tally
from vfr.workflows.settle import settle

POINTS = 16
SESSIONS = 3
"""New ones in each settlement."""

HORIZONS = ("1d", "7d")

ZYGOTE = """
import os, signal, threading, time
from sqlalchemy import event
from tests.adapters.database.test_settle_killed import data
from tests.workflows.test_settle import NOW, Datasets
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.journal import SqlJournal
from vfr.workflows.settle import settle
import pg8000, vfr.workflows.train_data, vfr.workflows.journalled, vfr.models.design

def die(after):
    time.sleep(after)
    os.kill(os.getpid(), signal.SIGKILL)

def child(url, point, statement, after):
    engine, left = open_engine(url), [int(statement)]
    def count(*_):
        left[0] -= 1
        if left[0] == 0 and float(after) <= 0.0:
            os.kill(os.getpid(), signal.SIGKILL)
        if left[0] == 0:
            threading.Thread(target=die, args=(float(after),), daemon=True).start()
    event.listen(engine, "before_cursor_execute", count)
    settle(SqlJournal(engine), Datasets(data(int(point))), NOW)
"""
"""Imports once; a child kills itself as one of its statements begins, or a moment after."""


def data(point: int) -> Snapshot:
    """The market some sessions later, with a price of each settled stretch that was put right."""
    then = at(START + SESSIONS * (point + 1) + 2)
    opened = then.panel.open.copy()
    for earlier in range(point):
        opened[START + SESSIONS * (earlier + 1), earlier] *= 1.02
    return replace(then, panel=replace(then.panel, open=opened))


@pytest.fixture(scope="module")
def fork() -> Iterator[Fork]:
    with zygote(ZYGOTE) as forked:
        yield forked


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[SqlJournal]:
    """A journal whose settlements nobody kills."""
    engine = open_engine(f"sqlite:///{tmp_path / 'whole.db'}")
    migrate(engine)
    yield SqlJournal(engine)
    engine.dispose()


def test_a_settlement_killed_anywhere_is_completed_by_the_next(
    fork: Fork, database_url: str, engine: Engine, whole: SqlJournal
) -> None:
    journal, rng = SqlJournal(engine), np.random.default_rng(5)
    asked: list[str] = []
    event.listen(whole.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    stages = set()
    kills = new = restated = 0
    for point in range(POINTS):
        for row in range(START + SESSIONS * point, START + SESSIONS * (point + 1)):
            for horizon in HORIZONS:
                for one in (journal, whole):
                    one.record(made(row, horizon))
        asked.clear()
        done = settle(whole, Datasets(data(point)), NOW)["live"]
        new, restated = new + done.new, restated + done.restated
        # One random statement in each of as many equal parts; every other time it goes on for a moment.
        statement = 1 + int((point + rng.random()) * len(asked) / POINTS)
        late = (point % 2) * rng.uniform(0.0, 0.004)
        kills += fork(database_url, point, statement, late).ended() == -signal.SIGKILL
        if engine.dialect.name == "sqlite":
            with transaction(engine, reads=True) as connection:
                assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        version = journal.checked("live") == data(point).version
        stages.add("tallying" if version and journal.tallies("live", "7d")[1] else "settled" if version else "begun")
        settle(journal, Datasets(data(point)), NOW)
        assert contents(journal) == contents(whole)
    assert kills >= 10
    assert {"begun", "tallying"} <= stages, "the points must hit more than one stage, or the test shows little"
    assert restated >= POINTS - 1
    assert sum(row.outcomes for row in journal.state()) == new
    assert sum(row.restated for row in journal.state()) <= restated


def contents(journal: SqlJournal) -> list[object]:
    """Everything a reader can see."""
    found: list[object] = [[astuple(row) for row in journal.state()], journal.checked("live")]
    for horizon in HORIZONS:
        tallies, wanting = journal.tallies("live", horizon, stocks=True)
        assert wanting == []
        kept = (journal.outcomes("live", horizon), journal.last_returns("live", horizon, ""), tallies)
        found += [plain(one) for some in kept for one in some]
    return found


def plain(one: Outcomes | LastReturns | Tally) -> list[object]:
    values = (getattr(one, field.name) for field in fields(one))
    return [value.tobytes() if isinstance(value, np.ndarray) else str(value) for value in values]
