from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from vfr.adapters.providers.files import FilesProvider
from vfr.errors import ImportRejected

Break = Callable[[Path, pl.DataFrame], object]


def at(row: int, **values: object) -> list[pl.Expr]:
    here = pl.int_range(pl.len()) == row
    return [pl.when(here).then(pl.lit(v)).otherwise(pl.col(c)).alias(c) for c, v in values.items()]


def parquet(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Break:
    return lambda folder, frame: change(frame).write_parquet(folder / "prices.parquet")


def csv(change: Callable[[pl.DataFrame], pl.DataFrame]) -> Break:
    def write(folder: Path, frame: pl.DataFrame) -> None:
        (folder / "prices.parquet").unlink()
        change(frame.cast({"date": pl.String})).write_csv(folder / "prices.csv")

    return write


def neighbour(name: str, text: str) -> Break:
    return lambda folder, _: (folder / name).write_text(text)


def truncate(folder: Path, frame: pl.DataFrame) -> None:
    frame.write_parquet(folder / "prices.parquet")
    whole = (folder / "prices.parquet").read_bytes()
    (folder / "prices.parquet").write_bytes(whole[: len(whole) // 2])


def text_price(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.cast({"close": pl.String}).with_columns(at(3, close="12,5"))


def two_zones(frame: pl.DataFrame) -> pl.DataFrame:
    zone = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("T16:00:00-05:00")).otherwise(pl.lit("T21:00:00+00:00"))
    return frame.with_columns(date=pl.col("date") + zone)


def chicago(frame: pl.DataFrame) -> pl.DataFrame:
    zone = pl.when(pl.col("symbol") == "AAPL").then(pl.lit("T15:00:00-05:00")).otherwise(pl.lit("T16:00:00-04:00"))
    return frame.with_columns(date=pl.col("date") + zone)


def half_zoned(frame: pl.DataFrame) -> pl.DataFrame:
    zone = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("T16:00:00")).otherwise(pl.lit("T21:00:00Z"))
    return frame.with_columns(date=pl.col("date") + zone)


def contradiction(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, frame[7:8].with_columns(close=pl.col("close") * 2)])


def named_zones(frame: pl.DataFrame) -> pl.DataFrame:
    zone = pl.when(pl.int_range(pl.len()) < 5).then(pl.lit("UTC")).otherwise(pl.lit("Asia/Tokyo"))
    return frame.with_columns(timezone=zone)


BAD: dict[str, tuple[Break, str]] = {
    "no prices": (
        lambda folder, _: (folder / "prices.parquet").unlink(),
        r"prices: the folder holds none of prices.parq",
    ),
    "no symbol column": (
        parquet(lambda f: f.drop("symbol")),
        r"prices.parquet: column symbol is missing \(it has: date",
    ),
    "no date column": (parquet(lambda f: f.drop("date")), r"prices.parquet: column date is missing"),
    "no close column": (parquet(lambda f: f.drop("close")), r"prices.parquet: column close is missing"),
    "only bar fields": (parquet(lambda f: f.select("date", "open", "volume")), r"column symbol is missing"),
    "only dates": (parquet(lambda f: f.select("date")), r"prices.parquet: only the column date; expected symbol, date"),
    "negative price": (
        parquet(lambda f: f.with_columns(at(4, low=-3.5))),
        r"column low, row 5 \(AAPL 2016-01-08\): -3.5; a price must be positive; correct or remove it",
    ),
    "negative volume": (parquet(lambda f: f.with_columns(at(0, volume=-1.0))), r"a volume cannot be negative"),
    "infinite price": (
        parquet(lambda f: f.with_columns(at(0, high=float("inf")))),
        r"column high, row 1: 'inf' is not a fi",
    ),
    "contradicting rows": (
        parquet(contradiction),
        r"1 \(symbol, date\) pairs come twice .* AAPL 2016-01-13 \(rows 8 and",
    ),
    "text as a price": (csv(text_price), r"prices.csv: column close, row 5: '12,5' is not a number; correct it"),
    "a flag as a price": (
        parquet(lambda f: f.with_columns(close=pl.lit(True))),
        r"column close holds Boolean, not num",
    ),
    "two time zones": (csv(two_zones), r"date mixes time zones: row 2 has -05:00, row 7 has \+00:00"),
    "some rows with a zone": (csv(half_zoned), r"date mixes time zones: row 2 has none, row 7 has \+00:00"),
    "two American zones": (csv(chicago), r"mixes time zones: row 2 has -05:00, row 122 has -04:00"),
    "two named time zones": (parquet(named_zones), r"column timezone names 2 time zones \(Asia/Tokyo, UTC\)"),
    "date in another style": (
        csv(lambda f: f.with_columns(at(1, date="1/5/2016"))),
        r"date, row 3: '1/5/2016' is not a date",
    ),
    "no such day": (csv(lambda f: f.with_columns(at(1, date="2016-02-30"))), r"row 3: '2016-02-30' is not a date"),
    "missing date": (parquet(lambda f: f.with_columns(at(2, date=None))), r"date, row 3: the date is missing"),
    "date before any exchange": (
        csv(lambda f: f.with_columns(at(0, date="1066-10-14"))),
        r"1066-10-14 is outside 1900",
    ),
    "dates as fractions": (
        parquet(lambda f: f.with_columns(date=pl.lit(1.5))),
        r"column date holds Float64, not dates",
    ),
    "missing symbol": (
        parquet(lambda f: f.with_columns(at(9, symbol=None))),
        r"column symbol, row 10: the symbol is missing",
    ),
    "no ticker at all": (
        parquet(lambda f: f.with_columns(symbol=pl.lit("^GSPC"))),
        r"names a US ticker \(found '\^GSPC'\)",
    ),
    "empty file": (
        lambda folder, _: (folder / "prices.parquet").write_bytes(b""),
        r"prices.parquet: the file is empty",
    ),
    "no rows": (parquet(lambda f: f.clear()), r"prices.parquet: the file has no rows"),
    "truncated parquet": (truncate, r"prices.parquet: cannot be read as parquet .*truncated or damaged"),
    "not parquet": (lambda folder, _: (folder / "prices.parquet").write_text("hello"), r"cannot be read as parquet"),
    "one session": (parquet(lambda f: f.filter(pl.col("date") == pl.date(2016, 1, 5))), r"fewer than two sessions"),
    "closed days only": (parquet(lambda f: f.with_columns(date=pl.date(2016, 1, 10))), r"fewer than two sessions"),
    "no close anywhere": (
        parquet(lambda f: f.with_columns(close=pl.lit(None, pl.Float64))),
        r"close: no row on a session",
    ),
    "statements without a key": (
        neighbour("fundamentals.csv", "symbol,revenue\nAAPL,1\n"),
        r"fundamentals.csv: column per",
    ),
    "statements without items": (
        neighbour("fundamentals.csv", "symbol,period_end,filing_date,x\nAAPL,2015-12-31,2016-02-01,1\n"),
        r"fundamentals.csv: holds no known item; name columns like revenue",
    ),
    "macro text": (
        neighbour("macro.csv", "series,date,value\nDGS10,2016-01-04,two\n"),
        r"macro.csv: column value, row 2: 'two'",
    ),
    "membership reversed": (
        neighbour("sp500_membership.csv", "symbol,start_date,end_date\nAAPL,2016-01-04,2015-01-01\n"),
        r"sp500_membership.csv: row 2: end_date is before start_date",
    ),
    "split of zero": (
        neighbour(
            "corporate_actions.csv", "symbol,date,action,value\nKO,2016-02-01,dividend,1\nAAPL,2016-03-01,split,0\n"
        ),
        r"corporate_actions.csv: column value, row 3: a split ratio must be above 0",
    ),
    "empty neighbour": (neighbour("texts.csv", ""), r"texts.csv: the file is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_refused_with_file_place_and_fix(case: str, folder: Path, price_frame: pl.DataFrame) -> None:
    spoil, message = BAD[case]
    spoil(folder, price_frame)
    with pytest.raises(ImportRejected, match=message) as caught:
        FilesProvider(folder).load()
    assert str(folder.parent) not in caught.value.message
    assert caught.value.code == "IMPORT_REJECTED"


def test_no_folder_and_no_price_file(tmp_path: Path) -> None:
    with pytest.raises(ImportRejected, match="does not exist"):
        FilesProvider(tmp_path / "nowhere").load()
    with pytest.raises(ImportRejected, match=r"other.csv: there is no such file"):
        FilesProvider(tmp_path, Path("other.csv")).load()


def test_tickers_of_other_markets_are_dropped_and_named(folder: Path, price_frame: pl.DataFrame) -> None:
    foreign = price_frame.with_columns(symbol=pl.col("symbol").replace({"KO": "0700.HK"}))
    foreign.write_parquet(folder / "prices.parquet")
    snapshot, quality = FilesProvider(folder).load()
    assert len(snapshot.symbols) == 7
    assert quality.findings[0].check == "malformed_symbols"
    assert quality.findings[0].examples == ("'0700.HK'",)
