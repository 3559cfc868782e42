"""PostgreSQL stopped and started, and Redis paused, under load: answers flow, and every row is counted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
from tests.asgi.running import until
from tests.load.asking import metric, mixed, under_load
from tests.load.conftest import Tell
from tests.load.postgres_server import PostgresServer
from tests.redis_server import RedisServer

from vfr.cli.bench_server import Server, served

AWAY_S = float(os.environ.get("VFR_LOAD_SECONDS", "60"))
LOAD_S = AWAY_S + 10.0
SETTLED_S = 5.0
"""After this figures speak of every row: processes write and add up once a second, later if they wait for a core."""


@pytest.fixture(scope="module")
def server(folder: Path, home: Path, redis: RedisServer, postgres: PostgresServer) -> Iterator[Server]:
    more = {
        "VFR_WORKERS": "2",
        "VFR_REDIS_URL": redis.url,
        "VFR_DATABASE_URL": postgres.url,
        "VFR_LOG_LEVEL": "error",
    }
    with served(home, folder, more, secured=True) as started:
        yield started


def rows(server: Server, what: str) -> int:
    return int(metric(server, f'vfr_journal_rows_total{{what="{what}"}}'))


def shown(server: Server) -> int:
    """Rows that were shown so far: one for each stock of an answer."""
    return rows(server, "written") + rows(server, "dropped") + int(metric(server, "vfr_journal_waiting"))


def drained(server: Server) -> bool:
    return metric(server, "vfr_journal_waiting") == 0


@pytest.mark.parametrize("away", ["postgresql", "redis", "both"])
def test_answers_flow_and_every_row_is_written_or_counted_as_dropped(
    server: Server, redis: RedisServer, postgres: PostgresServer, away: str, tell: Tell
) -> None:
    symbols = server.symbols()[:40]
    until(lambda: drained(server), 60)
    Event().wait(SETTLED_S)
    before = {what: rows(server, what) for what in ("written", "dropped")}
    kept = int(postgres.query("select count(*) from journal_exposures"))
    with under_load(server, LOAD_S, mixed(server, symbols)) as load:
        Event().wait(2.0)
        if away != "redis":
            postgres.stop()
        if away != "postgresql":
            redis.pause()
        Event().wait(AWAY_S)
        redis.resume()
        if away != "redis":
            postgres.start()
        figures = load.result()
    classic, ml = figures
    until(lambda: drained(server), 120)
    Event().wait(SETTLED_S)
    written, dropped = (rows(server, what) - before[what] for what in ("written", "dropped"))
    stored = int(postgres.query("select count(*) from journal_exposures")) - kept
    asked = classic["answered"] + 3 * ml["answered"]
    tell(
        f"{classic['answered']} classic answers, p99 {classic['p99_ms']:.0f} ms, slowest {classic['max_ms']:.0f} ms; "
        f"of {asked} rows {written} written, {dropped} dropped; {stored} stored"
    )
    assert set(classic["statuses"]) == set(ml["statuses"]) == {"200"}
    assert written == stored
    assert written + dropped == asked
