"""The journal with a million rows: writing, settling and reports over HTTP, on SQLite and, where it runs, PostgreSQL.

Forecasts of 500 names over three horizons on 667 sessions that end now, of an invented market, settled by the rule that
is used in service; then what users were shown, as many rows again.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np

from benchmarks.measure import Row, medians

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vfr.adapters.database.journal import SqlJournal
    from vfr.bootstrap import Application
    from vfr.data.snapshot import Snapshot
    from vfr.journal.records import ForecastRecord

SERVER = "postgresql://postgres@127.0.0.1:5432"
LATE = 100_000
"""Outcomes settled at once, at least."""

BATCH = 5_000
DAY_S = 86_400.0


@dataclass(frozen=True)
class Size:
    names: int
    days: int
    repeats: int
    batches: int


FULL = Size(500, 667, 5, 200)
TENTH = Size(500, 67, 5, 20)
"""For PostgreSQL: its rows are here to be compared, and have no limits."""

QUICK = Size(40, 60, 1, 2)


def measure(quick: bool) -> list[Row]:
    size, less = (QUICK, QUICK) if quick else (FULL, TENTH)
    with tempfile.TemporaryDirectory() as folder:
        rows = measured("SQLite", None, Path(folder) / "one", invented(size), size)
        with postgresql() as url:
            if url is not None:
                rows += measured("PostgreSQL", url, Path(folder) / "two", invented(less), less)
    return rows


def measured(kind: str, url: str | None, home: Path, market: Snapshot, size: Size) -> list[Row]:
    from vfr import bootstrap
    from vfr.settings import Settings

    home.mkdir()
    app = bootstrap.build(Settings(data_home=home, database_url=url, log_level="error"))
    try:
        from vfr.adapters.database.journal import SqlJournal
        from vfr.bootstrap.database import open_database

        journal = SqlJournal(open_database(app.settings))
        strict = size is FULL and kind == "SQLite"
        rows = [
            *written(journal, market, size, strict),
            *settled(app, journal, market, size, strict),
            *reported(app, size, strict),
            Row("state of all", seconds(journal.state), "s"),
            *opened(app, size),
        ]
        journal.engine.dispose()
    finally:
        app.journal.close()
    return [replace(row, name=f"journal, {kind}: {row.name}") for row in rows]


def written(journal: SqlJournal, market: Snapshot, size: Size, strict: bool) -> list[Row]:
    """Record every forecast but the newest, then what users were shown."""
    from vfr.journal.records import Exposure
    from vfr.typing import HORIZONS

    made = [forecast(market, row, horizon) for row in range(size.days) for horizon in HORIZONS]
    took = seconds(lambda: [journal.record(one) for one in made])
    entries = len(made) * size.names
    batches = [
        [
            Exposure(f"{k}-{n // 50}", f"S{n % 50}", "live", "2020-01-02", "7d", 50.0, True, 0.07, k * DAY_S)
            for n in range(BATCH)
        ]
        for k in range(size.batches)
    ]
    shown = seconds(lambda: [journal.expose(batch) for batch in batches])
    least = 5_000.0 if strict else None
    return [
        Row(f"{entries:,} rows of forecasts recorded", entries / took, "rows/s", least),
        Row(f"{BATCH * size.batches:,} rows of what was shown", BATCH * size.batches / shown, "rows/s", least),
    ]


def settled(app: Application, journal: SqlJournal, market: Snapshot, size: Size, strict: bool) -> list[Row]:
    """Settle what is old, then what came later, then one day on top."""
    late = size.days - min(-(-LATE // (3 * size.names)), size.days // 4)
    rows = []
    for upto in (late, size.days):
        publish(app, market, upto)
        taken: list[int] = []
        took = seconds(lambda: taken.append(next(iter(app.journal.settle().values())).new))  # noqa: B023
        rows.append(Row(f"{taken[0]:,} outcomes settled and tallied", took, "s", 30.0 if strict and rows else None))
    for horizon in ("1d", "7d", "30d"):
        journal.record(forecast(market, size.days, horizon))
    publish(app, market, size.days + 1)
    rows.append(Row("one new day settled on top", seconds(app.journal.settle), "s"))
    rows.append(Row("settling with nothing new", seconds(app.journal.settle), "s"))
    return rows


def reported(app: Application, size: Size, strict: bool) -> list[Row]:
    """Ask for every time frame: whole, by day, by stock and for one member; return the slowest of each time frame.

    The first time a report is made from tallies; after it, until the journal says something else, it is kept.
    """
    import httpx

    from vfr.asgi import create_app

    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(app)), base_url="http://127.0.0.1:8000")
    limit = 200.0 if strict else None

    with asyncio.Runner() as runner:

        def ask(**asked: str) -> Callable[[], None]:
            def call() -> None:
                answer = runner.run(client.get("/api/ml/metrics", params=asked))
                assert answer.status_code == 200, answer.text
                assert answer.json()["data"]["dates"] > 0, asked

            return call

        kinds: list[dict[str, str]] = [{}, {"groupBy": "daily"}, {"groupBy": "stock"}, {"model": "linear"}]
        ask(timeframe="all", horizon="7d")()
        rows = []
        for frame in ("7d", "30d", "90d", "all"):
            calls = [ask(timeframe=frame, horizon="1d", **kind) for kind in kinds]
            what = f"GET /api/ml/metrics, {frame}, slowest of {len(calls)} kinds"
            rows.append(Row(f"{what}, first time", 1e3 * max(seconds(call) for call in calls), "ms", limit))
            rows.append(Row(what, max(medians(size.repeats, *calls)), "ms", limit, size.repeats))
        runner.run(client.aclose())
    return rows


def opened(app: Application, size: Size) -> list[Row]:
    from vfr.adapters.database.journal import SqlJournal
    from vfr.bootstrap.database import open_database

    def call() -> None:
        engine = open_database(app.settings)
        SqlJournal(engine).checked("live")
        engine.dispose()

    return [Row("opening it and one look", medians(size.repeats, call)[0], "ms", None, size.repeats)]


def invented(size: Size) -> Snapshot:
    """Return a market on the last sessions there were."""
    from vfr.clock import utc_now
    from vfr.data import synthetic
    from vfr.data.sessions import sessions_between

    count = size.days + 2
    today = np.datetime64(utc_now().date())
    sessions = sessions_between(today - np.timedelta64(2 * count, "D"), today)[-count:]
    made = synthetic.snapshot(np.random.default_rng(7), n_sessions=count, n_symbols=size.names)
    return replace(made, name="live", panel=replace(made.panel, sessions=sessions), actions=None)


def publish(app: Application, market: Snapshot, upto: int) -> None:
    """Install the market as it was after a session, without a settlement."""
    from vfr.data.quality import QualityReport
    from vfr.factors.compute import compute_board

    then = replace(market.upto(market.sessions[upto]), version=f"v{upto}")
    settle, app.datasets.settle = app.datasets.settle, lambda: None
    app.datasets.publish(then, QualityReport.of((), {}), compute_board(then))
    app.datasets.settle = settle


def forecast(market: Snapshot, row: int, horizon: str) -> ForecastRecord:
    from vfr.journal.records import ForecastRecord
    from vfr.typing import MEMBER_NAMES

    rng = np.random.default_rng((row, len(horizon)))
    n, members = len(market.symbols), len(MEMBER_NAMES)
    expected = rng.normal(0.0, 0.01, n)
    score = rng.uniform(0.0, 100.0, n)
    tiers = tuple(rng.choice(("BUY", "HOLD", "SELL"), n).tolist())
    return ForecastRecord(
        data_name="live",
        data_version="v",
        horizon=horizon,
        as_of=market.sessions[row],
        members=MEMBER_NAMES,
        model_ids=tuple(f"{name}-{horizon}-a" for name in MEMBER_NAMES),
        weights=np.full(members, 1.0 / members),
        method="equal",
        standard=True,
        feature_spec="spec",
        inputs="inputs",
        base_rate=0.53,
        level=0.9,
        timely=True,
        created_at=0.0,
        symbols=market.symbols,
        p_up=rng.uniform(0.4, 0.6, n),
        expected=expected,
        low=expected - 0.02,
        high=expected + 0.02,
        confidence=rng.uniform(0.49, 0.55, n),
        ml_score=score,
        classic=score,
        blended=score,
        classic_tier=tiers,
        blended_tier=tiers,
        member_p_up=rng.uniform(0.4, 0.6, (members, n)),
        member_expected=rng.normal(0.0, 0.01, (members, n)),
    )


@contextmanager
def postgresql() -> Iterator[str | None]:
    """Give the address of an empty database, None where no server lets postgres in without a password."""
    from sqlalchemy import text
    from sqlalchemy.exc import SQLAlchemyError

    from vfr.adapters.database.engine import open_engine

    name = f"vfr_bench_{uuid4().hex[:8]}"

    def administer(statement: str) -> None:
        engine = open_engine(f"{SERVER}/postgres")
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    try:
        administer(f"CREATE DATABASE {name}")
    except (SQLAlchemyError, OSError):
        yield None
    else:
        try:
            yield f"{SERVER}/{name}"
        finally:
            administer(f"DROP DATABASE {name} WITH (FORCE)")


def seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
