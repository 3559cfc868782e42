"""The journal while its database is away: answers come, it catches up once it is back, and counts what it lost."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
from sqlalchemy.exc import SQLAlchemyError
from tests.adapters.database.conftest import administer
from tests.journal.test_desk import LONG, predicted, publish, query, wait_for

from vfr import bootstrap
from vfr.adapters.database import engine
from vfr.bootstrap import Application, complaint
from vfr.bootstrap import journal as desk
from vfr.bootstrap.complaint import Complaint
from vfr.settings import Settings

SHOWN = 3
"""Stocks of one answer."""

PATIENCE = 5.0
"""Seconds that no answer takes, however long the database is away."""


class Proxy:
    """A way to PostgreSQL that can be shut: then it refuses, and what goes through it breaks."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._listen()

    def open(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._listen()

    def shut(self) -> None:
        for one in (self._listener, *self._sockets):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._sockets.clear()

    def _listen(self) -> None:
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", 5432))
                self._sockets += (near, far)
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while piece := source.recv(65_536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    made = Proxy()
    yield made
    made.shut()


@pytest.fixture
def postgresql(proxy: Proxy) -> Iterator[str]:
    """Address of an empty database behind the proxy."""
    name = f"vfr_test_{os.getpid()}_{uuid4().hex[:8]}"
    try:
        administer(f"CREATE DATABASE {name}")
    except SQLAlchemyError:
        pytest.skip("needs a PostgreSQL server at 127.0.0.1:5432 that lets postgres in without a password")
    yield f"postgresql://postgres@127.0.0.1:{proxy.port}/{name}"
    administer(f"DROP DATABASE {name} WITH (FORCE)")


def application(home: Path, url: str | None = None) -> Application:
    made = bootstrap.build(Settings(data_home=home, database_url=url, log_format="json"))
    publish(made, 300)
    made.journal.made(predicted())
    wait_for(lambda: made.journal.counters()["forecastsWritten"] == 1)
    return made


def ask(app: Application, name: str) -> None:
    start = time.monotonic()
    assert len(app.analyze(query(), name).stocks) == SHOWN
    assert time.monotonic() - start < PATIENCE


def test_answers_come_while_postgresql_is_away_and_the_journal_catches_up(
    tmp_path: Path, proxy: Proxy, postgresql: str
) -> None:
    app = application(tmp_path, postgresql)
    proxy.shut()
    for k in range(20):
        ask(app, f"away {k}")
    app.journal.made(predicted(horizon="7d"))
    wait_for(lambda: app.journal.counters()["failures"] >= 2)
    assert app.journal.counters()["exposuresWritten"] == 0
    proxy.open()
    ask(app, "back")
    wait_for(lambda: app.journal.counters()["waiting"] == 0)
    counters = app.journal.counters()
    assert (counters["exposuresWritten"], counters["forecastsWritten"], counters["dropped"]) == (21 * SHOWN, 2, 0)
    state = app.journal.state()
    assert (state["exposures"], [row["forecasts"] for row in state["rows"]]) == (21 * SHOWN, [1, 1])
    assert app.journal.close(LONG)


def test_a_long_outage_drops_what_does_not_fit_and_says_how_much(
    tmp_path: Path, proxy: Proxy, postgresql: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(desk, "_EXPOSURES", 10 * SHOWN)
    app = application(tmp_path, postgresql)
    bootstrap.configure_logging(app.settings)
    try:
        proxy.shut()
        for k in range(25):
            ask(app, f"away {k}")
        wait_for(lambda: app.journal.counters()["failures"] >= 1)
        assert app.journal.counters()["dropped"] == 15 * SHOWN
        proxy.open()
        wait_for(lambda: app.journal.counters()["waiting"] == 0)
        assert app.journal.state()["exposures"] == app.journal.counters()["exposuresWritten"] == 10 * SHOWN
        assert app.journal.close(LONG)
    finally:
        structlog.reset_defaults()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert sum(line["count"] for line in lines if line["event"] == "journal_dropped") == 15 * SHOWN
    assert sum(line["event"] == "journal_failed" and line["what"] == "exposures" for line in lines) <= 2


def test_a_file_that_somebody_holds_is_written_when_they_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_BUSY_MS", 50)
    app = application(tmp_path)
    holder = sqlite3.connect(tmp_path / "vfr.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for k in range(5):
        ask(app, f"held {k}")
    wait_for(lambda: app.journal.counters()["failures"] >= 2)
    assert app.journal.report("1d")["dates"] == 0, "readers are not kept waiting"
    holder.execute("COMMIT")
    holder.close()
    wait_for(lambda: app.journal.counters()["waiting"] == 0)
    assert app.journal.state()["exposures"] == 5 * SHOWN
    assert app.journal.counters()["dropped"] == 0
    assert app.journal.close(LONG)


@contextmanager
def logging_to(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Log as a server does, and give what is new in the log."""
    bootstrap.configure_logging(Settings(log_format="json"))
    try:
        yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        structlog.reset_defaults()


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of complaints, in milliseconds."""
    made = [0.0]
    monkeypatch.setattr(complaint, "elapsed_ms", lambda: made[0])
    return made


def test_what_cannot_be_written_is_said_once_a_minute(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    made = Complaint("exposures")
    with logging_to(capsys) as said:
        for second in range(0, 125, 5):
            now[0] = second * 1e3
            made.hear(2, OSError("read-only"))
        made.say()
        made.say()
        lines = said()
    assert [line["count"] for line in lines if line["event"] == "journal_dropped"] == [2, 24, 24]
    assert sum(line["event"] == "journal_failed" for line in lines) == 3


def test_every_outage_is_said_as_it_begins_without_what_is_secret(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    made = Complaint("exposures")
    with logging_to(capsys) as said:
        for error in (OSError("postgresql://jane:hunter2@db is away"), OSError("still"), None):
            now[0] += 1e3
            made.hear(0, error)
        assert [line["error"] for line in said()] == ["postgresql://[hidden]@db is away"]
        made.hear(0, OSError("away again"))
        assert [line["error"] for line in said()] == ["away again"]
        for _ in range(25):  # What can never be written is no outage, however often it comes.
            now[0] += 1e3
            made.hear(1, KeyError("field"))
        assert said() == []
