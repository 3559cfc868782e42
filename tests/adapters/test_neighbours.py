from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from vfr.adapters.providers.files import FilesProvider
from vfr.data.quality import Finding
from vfr.data.snapshot import Snapshot
from vfr.errors import ImportRejected


def load(folder: Path) -> tuple[Snapshot, dict[str, Finding]]:
    snapshot, quality = FilesProvider(folder).load()
    return snapshot, {f.check: f for f in quality.findings}


def test_repeated_rows_of_neighbours_do_not_change_the_version(folder: Path) -> None:
    before, _ = load(folder)
    for name in ("macro", "texts", "sp500_membership", "corporate_actions", "fundamentals"):
        head, *rows = (folder / f"{name}.csv").read_text().splitlines()
        (folder / f"{name}.csv").write_text("\n".join([head, *reversed(rows), *rows]) + "\n")
    assert load(folder)[0].version == before.version


def test_macro_without_release_dates_is_assumed_and_said(folder: Path) -> None:
    (folder / "macro.csv").write_text(
        "series,date,value\nDGS10,2016-01-04,2.2\nDGS10,2016-01-05,2.1\nUNRATE,2016-01-01,5\nUNRATE,2016-02-01,4.9\n"
    )
    snapshot, found = load(folder)
    assert snapshot.macro is not None
    assert snapshot.macro.series["DGS10"].known_at.astype(str).tolist() == ["2016-01-05", "2016-01-06"]
    assert snapshot.macro.series["UNRATE"].known_at.astype(str).tolist() == ["2016-03-16", "2016-04-16"]
    assert snapshot.macro.series["UNRATE"].revised
    assert found["assumed_release"].examples == ("DGS10", "UNRATE")


def test_a_figure_released_before_its_period_is_left_out(folder: Path) -> None:
    (folder / "macro.csv").write_text(
        "series,date,value,available_date\nX,2016-02-01,1,2016-01-01\nX,2016-03-01,2,2016-04-01\n"
    )
    snapshot, found = load(folder)
    assert snapshot.macro is not None
    assert snapshot.macro.series["X"].value.tolist() == [2.0]
    assert found["impossible_release"].severity == "error"


def test_a_text_with_a_day_only_is_known_after_that_days_close(folder: Path) -> None:
    (folder / "texts.csv").write_text("symbol,date,text\nAAPL,2016-02-01,good news\nAAPL,2016-02-02,\n")
    snapshot, _ = load(folder)
    assert snapshot.texts is not None
    assert snapshot.texts.text == ("good news",)
    row = int(np.searchsorted(snapshot.sessions, np.datetime64("2016-02-01")))
    assert snapshot.closes_at[row] < snapshot.texts.created_at[0] < snapshot.closes_at[row + 1]


def test_texts_keep_their_second_whatever_the_zone(folder: Path) -> None:
    (folder / "texts.csv").write_text(
        "symbol,created_at,text\nAAPL,2016-02-01T15:59:59-05:00,before\nAAPL,2016-02-01T16:00:01.250-05:00,after\n"
    )
    snapshot, _ = load(folder)
    assert snapshot.texts is not None
    assert snapshot.texts.created_at.astype(str).tolist() == ["2016-02-01T20:59:59", "2016-02-01T21:00:01"]


def test_statements_without_a_filing_date_are_assumed_and_impossible_ones_left_out(folder: Path) -> None:
    (folder / "fundamentals.csv").write_text("symbol,period_end,revenue\nAAPL,2015-12-31,7\n")
    snapshot, found = load(folder)
    assert snapshot.fundamentals is not None
    assert snapshot.fundamentals.known_at.astype(str).tolist() == ["2016-03-30"]
    assert found["assumed_filing"].severity == "warning"
    (folder / "fundamentals.csv").write_text(
        "symbol,period_end,filing_date,revenue\nAAPL,2015-12-31,2015-01-31,7\nKO,2015-12-31,2016-02-20,8\n"
    )
    snapshot, found = load(folder)
    assert snapshot.fundamentals is not None
    assert snapshot.fundamentals.values["revenue"].tolist() == [8.0]
    assert found["impossible_filing"].severity == "error"


def test_every_filing_that_says_something_new_is_a_version(folder: Path) -> None:
    rows = [
        "AAPL,2015-12-31,2016-02-20,7,3",
        "AAPL,2015-12-31,2016-03-20,7,3",  # says nothing new
        "AAPL,2015-12-31,2016-04-20,,2",  # restates income only
        "AAPL,2015-12-31,2016-02-20,7,3",  # the same row again
        "KO,2015-12-31,2016-02-11,5,1",
        "KO,2015-12-31,2016-02-11,6,1",  # contradicts the row above in revenue
    ]
    versions = []
    for lines in (rows, rows[::-1]):
        text = "\n".join(["symbol,period_end,filing_date,revenue,net_income", *lines])
        (folder / "fundamentals.csv").write_text(text)
        snapshot, found = load(folder)
        filed = snapshot.fundamentals
        assert filed is not None
        assert filed.known_at.astype(str).tolist() == ["2016-02-11", "2016-02-20", "2016-04-20"]
        np.testing.assert_array_equal(filed.values["revenue"], [np.nan, 7.0, 7.0])
        assert filed.values["net_income"].tolist() == [1.0, 3.0, 2.0]
        assert found["restated_periods"].count == 1
        assert found["repeated_statements"].count == 2
        assert found["statements_of_one_day"].count == 1
        versions.append(snapshot.version)
    assert versions[0] == versions[1]


def test_a_macro_table_with_vintages_keeps_them_all(folder: Path) -> None:
    (folder / "macro.csv").write_text(
        "series,date,value,available_date\nUNRATE,2016-01-01,5.0,2016-02-05\nUNRATE,2016-01-01,4.9,2016-03-04\n"
        "CPIAUCSL,2016-01-01,237.1,2016-02-19\nCPIAUCSL,2016-01-01,237.2,2016-02-19\n"
        "CPIAUCSL,2016-02-01,237.3,2016-03-16\n"
    )
    snapshot, found = load(folder)
    assert snapshot.macro is not None
    jobs, prices = snapshot.macro.series["UNRATE"], snapshot.macro.series["CPIAUCSL"]
    assert jobs.value.tolist() == [5.0, 4.9]
    assert not jobs.revised
    assert prices.value.tolist() == [237.3]
    assert prices.revised
    assert found["contradicting_figures"].count == 2


def test_contradicting_splits_are_refused(folder: Path) -> None:
    (folder / "corporate_actions.csv").write_text(
        "symbol,date,action,value\nAAPL,2016-03-01,split,7\nAAPL,2016-03-01,split,2\n"
    )
    with pytest.raises(
        ImportRejected, match=r"2 splits of one symbol and day contradict each other, the first on 2016-03-01"
    ):
        load(folder)


def test_splits_before_the_first_session_change_nothing(folder: Path) -> None:
    (folder / "corporate_actions.csv").write_text("symbol,date,action,value\nAAPL,2005-02-28,split,2\n")
    assert load(folder)[0].actions is None


def test_a_benchmark_of_other_years_or_with_holes_is_said(folder: Path, price_frame: pl.DataFrame) -> None:
    days = price_frame["date"].unique().sort()
    pl.DataFrame({"symbol": "SPY", "date": days[3:], "close": 100.0, "adj_close": 90.0}).write_csv(
        folder / "benchmark.csv"
    )
    snapshot, found = load(folder)
    assert snapshot.benchmark is not None
    assert (snapshot.benchmark.symbol, snapshot.benchmark.price_only) == ("SPY", False)
    assert np.isnan(snapshot.benchmark.close[:3]).all()
    assert snapshot.benchmark.adj_close[3] == 90.0
    assert found["benchmark_gaps"].count == 3
    (folder / "benchmark.csv").write_text("date,close\n1999-01-04,1\n1999-01-05,2\n")
    snapshot, found = load(folder)
    assert snapshot.benchmark is None
    assert "benchmark_elsewhere" in found


def test_rows_without_a_close_are_said(folder: Path, price_frame: pl.DataFrame) -> None:
    here = pl.int_range(pl.len()) < 2
    price_frame.with_columns(close=pl.when(here).then(None).otherwise(pl.col("close"))).write_parquet(
        folder / "prices.parquet"
    )
    snapshot, found = load(folder)
    assert np.isnan(snapshot.panel.close[:2, 0]).all()
    assert found["rows_without_close"].count == 2


def test_a_renamed_company_is_matched_and_counted(folder: Path, price_frame: pl.DataFrame) -> None:
    price_frame.with_columns(pl.col("symbol").replace({"KO": "BKNG"})).write_parquet(folder / "prices.parquet")
    text = (folder / "fundamentals.csv").read_text().replace("KO,", "PCLN,")
    (folder / "fundamentals.csv").write_text(text)
    snapshot, found = load(folder)
    assert snapshot.fundamentals is not None
    assert set(snapshot.fundamentals.column.tolist()) == {snapshot.panel.column("AAPL"), snapshot.panel.column("BKNG")}
    assert found["renamed_fundamentals"].examples == ("PCLN=BKNG",)
