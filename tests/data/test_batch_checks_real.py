"""Real bars brought to as traded: hardly anything is refused, and what is refused is known to be wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.data.batch_checks import Checked, check_batch
from vfr.data.bitemporal.tables import conform, empty
from vfr.data.provider import Batch, Offer, Order

KNOWN_STALE = {
    ("FITB", date(2008, 9, 29)),
    ("RF", date(2008, 9, 18)),
    ("ZION", date(2008, 9, 18)),
    ("AFL", date(2009, 1, 22)),
    ("NKE", date(2014, 9, 26)),
}
# Looked at one by one: bars without a range on an ordinary volume, and whole bars that came twice.
ALSO_STALE = {
    ("AIZ", date(2014, 8, 4)),
    ("ANTM", date(2005, 6, 1)),
    ("CLX", date(2014, 8, 15)),
    ("KO", date(2007, 2, 23)),
    ("NFLX", date(2013, 10, 22)),
    ("NOW", date(2014, 8, 4)),
    ("PSA", date(2014, 8, 4)),
    ("SRE", date(2014, 8, 4)),
    ("VTR", date(2014, 8, 4)),
}
SPLIT = ("AAPL", "NFLX", "NKE", "AFL")
SINCE = date(2005, 1, 3)
PRICES = ("open", "high", "low", "close")


@pytest.fixture(scope="module")
def prices(shared_data: Path) -> pl.DataFrame:
    return pl.read_parquet(shared_data / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))


@pytest.fixture(scope="module")
def told(shared_data: Path) -> pl.DataFrame:
    read = pl.read_parquet(shared_data / "corporate_actions.parquet").filter(pl.col("applied"))
    moment = pl.col("date").cast(pl.Datetime("us", "UTC"))
    return conform("actions", read.with_columns(source=pl.lit("vendor"), known_at=moment))


def as_adjusted(prices: pl.DataFrame, symbol: str) -> pl.DataFrame:
    frame = prices.filter(pl.col("symbol") == symbol).sort("date")
    moment = pl.col("date").cast(pl.Datetime("us", "UTC"))
    stamped = frame.with_columns(currency=pl.lit("USD"), source=pl.lit("vendor"), known_at=moment)
    return conform("bars", stamped)


def as_traded(prices: pl.DataFrame, told: pl.DataFrame, symbol: str) -> pl.DataFrame:
    frame = as_adjusted(prices, symbol)
    splits = told.filter((pl.col("symbol") == symbol) & (pl.col("action") == "split"))
    later = frame["date"].to_numpy()[:, None] < splits["date"].to_numpy()
    factor = pl.Series(np.where(later, splits["value"].to_numpy(), 1.0).prod(axis=1))
    return frame.with_columns(*((pl.col(c) * factor).round(4) for c in PRICES), volume=pl.col("volume") / factor)


def judged(frame: pl.DataFrame, told: pl.DataFrame) -> Checked:
    symbol = frame["symbol"][0]
    order = Order(Offer(("bars",), "symbol"), symbol, SINCE, datetime(2020, 1, 2, 12, tzinfo=UTC))
    about = told.filter(pl.col("symbol") == symbol)
    return check_batch(Batch("bars", symbol, frame, SINCE), order, empty("bars"), about)


def test_of_real_bars_only_repeats_are_refused(prices: pl.DataFrame, told: pl.DataFrame) -> None:
    every = prices["symbol"].unique().sort()
    symbols = [*every.gather_every(9).to_list(), *{symbol for symbol, _ in KNOWN_STALE}, *SPLIT]
    assert len(set(symbols)) >= 60
    refused, count = [], 0
    for symbol in sorted(set(symbols)):
        frame = as_traded(prices, told, symbol)
        checked = judged(frame, told)
        count += frame.height
        refused += checked.quarantined.select("symbol", "date", "reason").rows()
        assert checked.accepted.height + checked.quarantined.height == frame.height
    assert {reason for *_, reason in refused} == {"stale_repeat"}
    assert len(refused) < count / 1000
    assert {(symbol, day) for symbol, day, _ in refused} == KNOWN_STALE | ALSO_STALE


@pytest.mark.parametrize("symbol", SPLIT)
def test_prices_adjusted_for_splits_are_refused_whole(prices: pl.DataFrame, told: pl.DataFrame, symbol: str) -> None:
    """A vendor that adjusts what it calls raw: its splits have no jump."""
    frame = as_adjusted(prices, symbol)
    checked = judged(frame, told)
    assert checked.accepted.is_empty()
    assert "split_inconsistent" in checked.quarantined["reason"].to_list()
