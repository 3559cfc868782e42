"""The archive on real data: adjustment against the vendor's own, look-ahead, and a real restatement, end to end."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.adapters.providers.live.edgar_facts import read_facts, statement_rows
from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.archive_lock import file_lock
from vfr.adapters.store.objects import LocalObjects
from vfr.data.bitemporal.tables import TABLES, conform
from vfr.data.bitemporal.versions import amendments
from vfr.data.bitemporal.view import view
from vfr.data.sessions import closes_utc, sessions_between
from vfr.typing import FloatArray
from vfr.workflows.as_of import describe_view
from vfr.workflows.stored import Stored
from vfr.workflows.sync_publish import known_tables, view_as_of

NOW = datetime(2020, 1, 2, 12, tzinfo=UTC)
KEPT = 40


@pytest.fixture(scope="module")
def prices(shared_data: Path) -> pl.DataFrame:
    """Real prices of some names, AAPL with its 7:1 split among them, split-adjusted to the end of 2019."""
    frame = pl.read_parquet(shared_data / "prices.parquet").with_columns(pl.col("date").cast(pl.Date))
    names = frame["symbol"].unique().sort().to_list()
    return frame.filter(pl.col("symbol").is_in(["AAPL", *names[:: len(names) // KEPT]])).sort("symbol", "date")


@pytest.fixture(scope="module")
def archive(shared_data: Path, prices: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> ParquetArchive:
    """Those prices as traded, with their splits and dividends, in an archive on disk."""
    root = tmp_path_factory.mktemp("archives")
    made = ParquetArchive(LocalObjects(root), "real", file_lock(root))
    actions = (
        pl.read_parquet(shared_data / "corporate_actions.parquet")
        .filter(pl.col("applied") | (pl.col("action") == "dividend"))
        .with_columns(pl.col("date").cast(pl.Date), source=pl.lit("vendor"))
        .with_columns(known_at=pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"))
        .join(prices.select("symbol").unique(), on="symbol", how="semi")
        .unique(["symbol", "date", "action"])
    )
    made.publish(
        {"bars": as_traded(prices, actions), "actions": conform("actions", actions)}, sources=["vendor"], now=NOW
    )
    return made


def as_traded(prices: pl.DataFrame, actions: pl.DataFrame) -> pl.DataFrame:
    """Return bars on the basis of their own day: prices times the splits after it."""
    splits = actions.filter(pl.col("action") == "split")
    after = (
        prices.select("symbol", "date")
        .join(splits.select("symbol", "value", ex="date"), on="symbol", how="left")
        .with_columns(ratio=pl.when(pl.col("date") < pl.col("ex")).then("value").otherwise(1.0).fill_null(1.0))
        .group_by("symbol", "date")
        .agg(pl.col("ratio").product())
    )
    days = sessions_between(np.datetime64("2005-01-03"), np.datetime64("2019-12-31"))
    closes = pl.DataFrame({"date": days, "known_at": closes_utc(days).astype("datetime64[us]")})
    joined = prices.join(after, on=["symbol", "date"]).join(closes, on="date").sort("symbol", "date")
    ratio = pl.col("ratio")
    return conform(
        "bars",
        joined.with_columns(
            *(pl.col(name) * ratio for name in ("open", "high", "low", "close")),
            pl.col("volume") / ratio,
            pl.col("known_at").dt.replace_time_zone("UTC"),
            currency=pl.lit("USD"),
            source=pl.lit("vendor"),
        ),
    )


def grid(prices: pl.DataFrame, column: str, sessions: np.ndarray, symbols: tuple[str, ...]) -> FloatArray:
    out = np.full((sessions.size, len(symbols)), np.nan)
    row = np.searchsorted(sessions, prices["date"].to_numpy().astype("datetime64[D]"))
    place = np.searchsorted(np.array(symbols), prices["symbol"].to_numpy().astype(str))
    out[row, place] = prices[column].to_numpy()
    return out


def test_prices_as_traded_come_back_split_adjusted_and_with_dividends(
    archive: ParquetArchive, prices: pl.DataFrame
) -> None:
    panel = view_as_of(archive, NOW).panel
    np.testing.assert_allclose(panel.close, grid(prices, "close", panel.sessions, panel.symbols), rtol=1e-9)
    vendor = grid(prices, "adj_close", panel.sessions, panel.symbols)
    ours, theirs = (np.diff(np.log(one), axis=0) for one in (panel.adj_close, vendor))
    difference = np.abs(ours - theirs)[np.isfinite(ours) & np.isfinite(theirs)]
    # What is left is the vendor's four decimals on old, far-adjusted prices, and spin-offs, which are no dividends.
    assert (difference > 1e-3).mean() < 2e-4
    assert np.median(difference) < 5e-5


def test_a_day_before_a_split_sees_the_price_that_was_quoted(archive: ParquetArchive) -> None:
    then = view_as_of(archive, datetime(2014, 6, 6, 22, tzinfo=UTC)).panel
    assert then.close[-1, then.column("AAPL")] == pytest.approx(645.57, abs=0.01)
    later = view_as_of(archive, datetime(2014, 6, 9, 22, tzinfo=UTC)).panel
    assert later.close[-2, later.column("AAPL")] == pytest.approx(645.57 / 7, abs=0.01)


@pytest.mark.parametrize("moment", ["2008-09-15T22:00", "2012-07-04T12:00", "2014-06-09T14:00", "2018-02-05T20:59"])
def test_deleting_what_came_later_changes_nothing(archive: ParquetArchive, moment: str) -> None:
    when = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    tables = known_tables(archive)
    past = {kind: frame.filter(pl.col("known_at") <= when) for kind, frame in tables.items()}
    whole = view(tables, when, name="real", sources=("vendor",))
    assert view(past, when, name="real", sources=("vendor",)).version == whole.version
    assert past["bars"].height < tables["bars"].height


def test_a_real_restatement_shows_both_values(shared_data: Path, tmp_path: Path) -> None:
    """Logistic Properties of the Americas reported 2023 earnings of 0.019 a share in 2024, and of 0.11 in 2025."""
    document = json.loads((shared_data / "api_samples" / "sec_companyfacts_lpa.json").read_text())
    now = datetime(2025, 6, 2, 12, tzinfo=UTC)
    archive = ParquetArchive(LocalObjects(tmp_path), "real", file_lock(tmp_path))
    told = conform("fundamentals", statement_rows("LPA", read_facts(document, "LPA"), {}))
    # What matters here is when statements were known; the prices are invented.
    days = sessions_between(np.datetime64("2024-03-28"), np.datetime64("2025-05-30"))
    lines = [
        ("LPA", day, 9.0, 9.2, 8.8, 9.1, 1e5, "USD", "invented", close.replace(tzinfo=UTC))
        for day, close in zip(days.tolist(), closes_utc(days).tolist(), strict=True)
    ]
    bars = pl.DataFrame(lines, schema=dict(TABLES["bars"].columns), orient="row")
    facts = amendments("fundamentals", Stored(archive).table("fundamentals"), told, now)
    archive.publish({"bars": bars, "fundamentals": facts}, sources=["invented", "edgar"], now=now)

    def eps(day: date) -> tuple[float | None, bool]:
        known = view_as_of(archive, datetime(day.year, day.month, day.day, 22, tzinfo=UTC))
        [stock] = describe_view(known.upto(known.as_of), ["LPA"])["stocks"]
        year = next(s for s in stock["statements"] if s["periodEnd"] == "2023-12-31")
        return year["items"]["eps"], year["restated"]

    assert eps(date(2024, 4, 29)) == (0.019, False)
    assert eps(date(2025, 4, 2)) == (0.019, False)
    assert eps(date(2025, 4, 3)) == (0.11, True)
