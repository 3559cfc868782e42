from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vfr.adapters.providers.files import FilesProvider
from vfr.data.snapshot import Snapshot


def load(folder: Path, prices: Path | None = None) -> tuple[Snapshot, dict[str, int]]:
    snapshot, quality = FilesProvider(folder, prices).load()
    return snapshot, {f.check: f.count for f in quality.findings}


def test_a_folder_with_everything(folder: Path, market: Snapshot) -> None:
    snapshot, found = load(folder)
    assert snapshot.name == "my-data"
    assert snapshot.symbols == market.symbols
    assert snapshot.panel.adjustment == "split"
    for field in ("open", "high", "low", "close", "adj_close", "volume"):
        np.testing.assert_array_equal(getattr(snapshot.panel, field), getattr(market.panel, field))
    assert snapshot.securities.sector[:2] == ("Information Technology", "Financials")
    assert snapshot.securities.name[1] == "Berkshire"
    assert found["no_sector"] == 6
    assert snapshot.actions is not None
    assert snapshot.actions.ratio.tolist() == [7.0]
    assert found["splits_not_applied"] == 1
    assert found["splits_after_end"] == 1
    assert snapshot.fundamentals is not None
    assert snapshot.fundamentals.values["revenue"].tolist() == [5.0, 1000.0, 1001.0]
    assert np.isnan(snapshot.fundamentals.values["shares"]).tolist() == [True, False, False]
    assert np.isnan(snapshot.fundamentals.values["cash"]).all()
    assert found["restated_periods"] == 1
    assert found["bad_share_counts"] == 1
    assert snapshot.macro is not None
    assert snapshot.macro.series["DGS10"].known_at.astype(str).tolist() == ["2016-01-05"]
    assert snapshot.texts is not None
    assert snapshot.texts.text == ("great",)
    assert found["duplicate_texts"] == 1
    assert found["unmatched_texts"] == 1
    assert snapshot.membership is not None
    assert snapshot.membership.index_size.max() == 2
    assert snapshot.membership.member.sum(axis=0)[0] == 120
    assert snapshot.benchmark is not None
    assert snapshot.benchmark.price_only


def test_prices_alone_are_enough(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    price_frame.write_csv(tmp_path / "prices.csv")
    snapshot, _ = load(tmp_path)
    assert snapshot.panel.shape == (120, 8)
    for record in ("actions", "fundamentals", "macro", "texts", "membership", "benchmark"):
        assert getattr(snapshot, record) is None


def test_csv_and_parquet_give_the_same_version(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    for kind in ("csv", "parquet"):
        (tmp_path / kind).mkdir()
        getattr(price_frame, f"write_{kind}")(tmp_path / kind / f"prices.{kind}")
    assert load(tmp_path / "csv")[0].version == load(tmp_path / "parquet")[0].version


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32 - 1))
def test_order_repeats_and_spelling_do_not_change_the_version(
    tmp_path: Path, price_frame: pl.DataFrame, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    plain, messy = tmp_path / "plain", tmp_path / "messy"
    for made in (plain, messy):
        made.mkdir(exist_ok=True)
    price_frame.write_parquet(plain / "prices.parquet")
    rows = np.concatenate([np.arange(len(price_frame)), rng.integers(0, len(price_frame), 40)])
    columns = rng.permutation(price_frame.columns).tolist()
    spelled = price_frame[rng.permutation(rows)].with_columns(
        symbol=pl.col("symbol").str.replace(".", "-", literal=True)
    )
    spelled.select(columns).rename({"adj_close": "Adj Close", "symbol": "Ticker"}).write_parquet(
        messy / "prices.parquet"
    )
    one, _ = load(plain)
    two, found = load(messy)
    assert one.version == two.version
    assert found["duplicate_rows"] == 40
    assert found["unsorted_rows"] > 0


def test_one_changed_figure_changes_the_version(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    price_frame.write_parquet(tmp_path / "prices.parquet")
    before, _ = load(tmp_path)
    changed = price_frame.with_columns(
        volume=pl.when(pl.int_range(pl.len()) == 5).then(1.0).otherwise(pl.col("volume"))
    )
    changed.write_parquet(tmp_path / "prices.parquet")
    assert load(tmp_path)[0].version != before.version


def test_renaming_symbols_permutes_columns_only(tmp_path: Path, price_frame: pl.DataFrame, market: Snapshot) -> None:
    turned = dict(zip(market.symbols, ("ZB", "ZA", "ZD", "ZC", "ZH", "ZG", "ZF", "ZE"), strict=True))
    price_frame.with_columns(pl.col("symbol").replace(turned)).write_parquet(tmp_path / "prices.parquet")
    snapshot, _ = load(tmp_path)
    order = [market.panel.column(old) for old, _ in sorted(turned.items(), key=lambda pair: pair[1])]
    np.testing.assert_array_equal(snapshot.panel.close, market.panel.close[:, order])


def test_wide_closes(tmp_path: Path, price_frame: pl.DataFrame, market: Snapshot) -> None:
    wide = price_frame.sort("date").pivot("symbol", index="date", values="close").rename({"KO": "LOW", "PG": "OPEN"})
    wide.write_csv(tmp_path / "prices.csv")
    snapshot, found = load(tmp_path)
    assert snapshot.symbols == ("AAPL", "BRK.B", "JPM", "LOW", "MSFT", "OPEN", "WMT", "XOM")
    assert snapshot.panel.adjustment == "dividend"
    np.testing.assert_array_equal(snapshot.panel.close, market.panel.close)
    assert np.isnan(snapshot.panel.volume).all()
    assert found["closes_only"] == 1
    assert found["assumed_adjustment"] == 1


def test_wide_closes_as_pandas_writes_them(tmp_path: Path, price_frame: pl.DataFrame, market: Snapshot) -> None:
    wide = price_frame.sort("date").pivot("symbol", index="date", values="close")
    wide.select(*market.symbols, pl.col("date").cast(pl.Datetime("ns")).alias("__index_level_0__")).write_parquet(
        tmp_path / "prices.parquet"
    )
    snapshot, _ = load(tmp_path)
    np.testing.assert_array_equal(snapshot.panel.close, market.panel.close)


def test_without_adj_close_dividends_are_in_already(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    price_frame.drop("adj_close", "volume").write_parquet(tmp_path / "other.parquet")
    snapshot, found = load(tmp_path, Path("other.parquet"))
    assert snapshot.name == "other"
    assert snapshot.panel.adjustment == "dividend"
    np.testing.assert_array_equal(snapshot.panel.close, snapshot.panel.adj_close)
    assert found["missing_fields"] > 0


def test_days_the_exchange_was_closed_are_dropped_and_counted(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    sunday = price_frame.head(2).with_columns(date=pl.date(2016, 1, 10))
    extra = sunday.with_columns(symbol=pl.Series(["AAPL", "KO"]))
    pl.concat([price_frame, extra]).write_parquet(tmp_path / "prices.parquet")
    snapshot, found = load(tmp_path)
    assert snapshot.panel.shape == (120, 8)
    assert found["closed_days"] == 2


def test_gaps_stay_unknown_and_whole_sessions_too(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    days = price_frame["date"].unique().sort()
    kept = price_frame.filter(~pl.col("date").is_in(days[50:53].implode()))
    kept.write_parquet(tmp_path / "prices.parquet")
    snapshot, found = load(tmp_path)
    assert snapshot.panel.shape == (120, 8)
    assert np.isnan(snapshot.panel.close[50:53]).all()
    assert found["missing_sessions"] >= 18


def test_stragglers_at_the_end_are_cut(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    many = pl.concat(
        price_frame.filter(pl.col("symbol") == "AAPL").with_columns(symbol=pl.lit(f"T{chr(65 + i)}")) for i in range(25)
    )
    last = price_frame["date"].max()
    many.filter((pl.col("date") < last) | (pl.col("symbol") == "TA")).write_parquet(tmp_path / "prices.parquet")
    snapshot, found = load(tmp_path)
    assert snapshot.panel.shape == (119, 25)
    assert found["thin_last_sessions"] == 1


def test_one_symbol_and_a_short_history_are_said(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    price_frame.filter(pl.col("symbol") == "AAPL").tail(3).write_parquet(tmp_path / "prices.parquet")
    snapshot, found = load(tmp_path)
    assert snapshot.panel.shape == (3, 1)
    assert found["one_symbol"] == 1
    assert found["short_history"] == 1


def test_zero_prices_are_unknown(tmp_path: Path, price_frame: pl.DataFrame) -> None:
    first = pl.int_range(pl.len()) == 0
    price_frame.with_columns(open=pl.when(first).then(0.0).otherwise(pl.col("open"))).write_parquet(
        tmp_path / "prices.parquet"
    )
    snapshot, found = load(tmp_path)
    assert np.isnan(snapshot.panel.open[0, 0])
    assert found["zero_prices"] == 1


def test_neighbours_of_other_stocks_are_left_out(folder: Path, price_frame: pl.DataFrame) -> None:
    other = price_frame.with_columns(symbol=pl.lit("Q") + pl.col("symbol").str.slice(0, 2))
    other.write_parquet(folder / "prices.parquet")
    snapshot, found = load(folder)
    assert snapshot.membership is None
    assert snapshot.fundamentals is None
    assert snapshot.texts is None
    assert found["membership_elsewhere"] == 2
    assert found["unmatched_fundamentals"] == 2


def test_later_dates_use_the_last_membership_list(folder: Path, price_frame: pl.DataFrame) -> None:
    price_frame.with_columns(pl.col("date").dt.offset_by("8y")).write_parquet(folder / "prices.parquet")
    snapshot, found = load(folder)
    assert str(snapshot.sessions[0]).startswith("2024-01")
    assert found["membership_ends"] == 1


@pytest.mark.parametrize("dtype", ["datetime", "zoned", "text", "number", "stamped"])
def test_dates_of_every_kind_mean_the_same_sessions(
    tmp_path: Path, price_frame: pl.DataFrame, market: Snapshot, dtype: str
) -> None:
    day = pl.col("date")
    new_york = day.cast(pl.Datetime("us")).dt.offset_by("16h").dt.replace_time_zone("America/New_York")
    kinds = {
        "datetime": day.cast(pl.Datetime("ms")),
        "zoned": new_york.dt.convert_time_zone("UTC"),
        "text": new_york.dt.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "number": day.dt.strftime("%Y%m%d").cast(pl.Int64),
        "stamped": day.cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    }
    price_frame.with_columns(date=kinds[dtype]).write_parquet(tmp_path / "prices.parquet")
    assert load(tmp_path)[0].sessions.tolist() == market.sessions.tolist()


def test_real_data(shared_data: Path) -> None:
    snapshot, quality = FilesProvider(shared_data, name="shared").load()
    assert snapshot.panel.shape == (3775, 480)
    assert quality.facts["rowsRead"] == 1_685_070
    absent = {field.name for field in fields(snapshot) if getattr(snapshot, field.name) is None}
    assert absent == {"insiders", "ratings"}
    found = {f.check: f.count for f in quality.findings}
    assert found["large_returns"] == 23
    assert found["zero_volume"] == 35
    assert found["splits_not_applied"] == 3
    assert found["renamed_members"] == snapshot.membership.renamed == 12  # type: ignore[union-attr]
    assert found["unreconciled_members"] == 380
    assert set(snapshot.securities.sector) >= {"Information Technology", "Communication Services"}
