"""What to bring in: an index by its name, a file of tickers, or tickers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl

from vfr.data.bitemporal.versions import as_of
from vfr.data.bitemporal.view import BENCHMARK
from vfr.data.symbols import normalise
from vfr.errors import InvalidField

__all__ = ["INDEX", "Universe", "members_since", "parse_universe"]

INDEX: Final = "S&P 500"
"""The index whose members are asked for."""

_NAMES: Final = frozenset({"sp500", "s&p500", "s&p 500"})
_SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")
_MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Universe:
    """One of the three: the index, a file, or tickers."""

    text: str
    index: bool = False
    file: Path | None = None
    symbols: tuple[str, ...] = ()


def parse_universe(text: str) -> Universe:
    """Return what a user means by a universe.

    Raises
    ------
    InvalidField
        If it is empty, holds something that is no ticker, or too many of them.

    Examples
    --------
    >>> parse_universe("aapl, brk-b").symbols
    ('AAPL', 'BRK.B')
    >>> parse_universe("sp500").index
    True
    """
    plain = text.strip()
    if not plain:
        raise InvalidField(
            "universe", "say what to bring in: sp500, a file with a column symbol, or tickers like AAPL,MSFT"
        )
    if plain.lower() in _NAMES:
        return Universe("sp500", index=True)
    if plain.lower().endswith(_SUFFIXES):
        path = Path(plain).expanduser().absolute()
        return Universe(str(path), file=path)
    symbols = tuple(dict.fromkeys(normalise(part, "universe") for part in plain.split(",") if part.strip()))
    if symbols == (BENCHMARK,):
        raise InvalidField("universe", f"{BENCHMARK} is the benchmark, which is brought in anyway; name a share")
    if len(symbols) > _MOST:
        raise InvalidField("universe", f"holds {len(symbols)} tickers; at most {_MOST} at once")
    return Universe(",".join(symbols), symbols=symbols)


def members_since(membership: pl.DataFrame, first: date, now: datetime) -> tuple[str, ...]:
    """Return every ticker that was a member of the index on a day or after it, as far as is known.

    Names that left meanwhile are among them: leaving them out would make a history of survivors.

    Raises
    ------
    InvalidField
        If no member is known.
    """
    known = as_of("membership", membership, now).filter(pl.col("index") == INDEX)
    held = known.filter(pl.col("end_date").is_null() | (pl.col("end_date") > first))
    if held.is_empty():
        raise InvalidField(
            "universe",
            f"the members of the {INDEX} are not known; name fmp among the providers (it needs VFR_FMP_KEY), "
            "or give a file with symbol, start_date, end_date",
        )
    return tuple(sorted(held["symbol"].unique().to_list()))
