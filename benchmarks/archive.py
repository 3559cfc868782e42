"""What the archive of facts costs: publishing a history, the view of all of it, and a day's sync of a whole universe.

The market is invented; the provider answers at once, so that what is measured is ours.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.measure import Row, medians
from vfr.data.bitemporal.tables import TABLES, empty
from vfr.data.provider import Batch, Offer, Order
from vfr.data.sessions import closes_utc, sessions_between

BARS = Offer(("bars", "actions"), "symbol")


def measure(quick: bool) -> list[Row]:
    from vfr.adapters.store.archive import ParquetArchive
    from vfr.adapters.store.archive_lock import file_lock
    from vfr.adapters.store.objects import LocalObjects
    from vfr.workflows.sync_publish import view_as_of

    n_symbols, first = (40, "2023-06-01") if quick else (480, "2010-01-04")
    market = Market.invented(n_symbols, first)
    repeats = 1 if quick else 3
    with tempfile.TemporaryDirectory() as scratch:
        archive = ParquetArchive(LocalObjects(Path(scratch)), "measured", file_lock(Path(scratch)))
        now = market.last + timedelta(hours=2)
        [publish] = medians(1, lambda: archive.publish({"bars": market.bars}, sources=["one"], now=now))
        view, past = medians(
            repeats,
            lambda: view_as_of(archive, now),
            lambda: view_as_of(archive, now - timedelta(days=200)),
        )
        syncs = [one_day(market, Path(scratch) / f"home{n}", archive) for n in range(repeats)]
    size = f"{n_symbols} symbols x {market.sessions} sessions"
    return [
        Row(f"archive: publish {size}", publish, "ms"),
        Row(f"archive: read and view {size}", view, "ms", None, repeats),
        Row("archive: the same as of 200 days before", past, "ms", None, repeats),
        Row(
            f"sync of one new session, {n_symbols} symbols, answered at once",
            float(np.median(syncs)),
            "ms",
            None,
            repeats,
        ),
    ]


def one_day(market: Market, home: Path, archive: object) -> float:
    """Return the milliseconds of a sync that learns the newest session of every symbol, board included."""
    from vfr.adapters.store.archive import ParquetArchive
    from vfr.adapters.store.datasets import DirectoryDatasets
    from vfr.adapters.store.staging import DirectoryStaging
    from vfr.workflows.sync import sync
    from vfr.workflows.sync_request import SyncRequest

    assert isinstance(archive, ParquetArchive)
    now = market.last + timedelta(days=1, hours=2)
    start = market.bars["date"].min()
    provider = Instant(market)
    request = SyncRequest([provider], {"symbol": market.symbols}, start, now, now - timedelta(hours=1))
    ready = ParquetArchive(archive.objects, "measured", archive.writer)
    staging, datasets = DirectoryStaging(home, "measured"), DirectoryDatasets(home)
    [taken] = medians(1, lambda: sync(request, ready, staging, datasets, lambda *_: None))
    return taken


@dataclass(frozen=True)
class Market:
    """Bars of every symbol but for the last session, and that session apart."""

    symbols: tuple[str, ...]
    bars: pl.DataFrame
    news: pl.DataFrame
    sessions: int
    last: datetime

    @classmethod
    def invented(cls, n_symbols: int, first: str) -> Market:
        days = sessions_between(np.datetime64(first), np.datetime64("2024-12-20"))
        closes = closes_utc(days)
        rng = np.random.default_rng(5)
        symbols = tuple(f"SYM{chr(65 + i // 26)}{chr(65 + i % 26)}" for i in range(n_symbols))
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.012, (n_symbols, days.size)), axis=1))
        frame = pl.DataFrame(
            {
                "symbol": np.repeat(np.array(symbols), days.size),
                "date": np.tile(days, n_symbols),
                "open": close.ravel() * 0.999,
                "high": close.ravel() * 1.01,
                "low": close.ravel() * 0.99,
                "close": close.ravel(),
                "volume": np.round(rng.lognormal(13, 0.3, close.size)),
                "known_at": np.tile(closes.astype("datetime64[us]"), n_symbols),
            }
        ).with_columns(pl.col("known_at").dt.replace_time_zone("UTC"), currency=pl.lit("USD"), source=pl.lit("one"))
        frame = frame.select(list(TABLES["bars"].columns))
        newest = pl.col("date") == frame["date"].max()
        last = closes[-2].astype("datetime64[s]").item().replace(tzinfo=UTC)
        return cls(symbols, frame.filter(~newest), frame.filter(newest), days.size, last)


@dataclass
class Instant:
    """A provider that answers at once with the last two weeks."""

    market: Market
    name: str = "one"
    offers: tuple[Offer, ...] = (BARS,)
    told: dict[str, pl.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        since = self.market.last.date() - timedelta(days=20)
        recent = self.market.bars.filter(pl.col("date") >= since)
        both = pl.concat([recent, self.market.news]).sort("symbol", "date")
        self.told = {str(name): rows for (name,), rows in both.partition_by("symbol", as_dict=True).items()}

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        rows = self.told.get(order.subject, empty("bars")).filter(pl.col("date") >= order.since)
        return (
            Batch("bars", order.subject, rows, order.since),
            Batch("actions", order.subject, empty("actions"), order.since),
        )
