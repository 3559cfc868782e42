"""The tables of facts that live sources supply: their columns, their keys, and what `known_at` means in each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import polars as pl

from vfr.errors import ImportRejected

__all__ = ["ALWAYS", "MOMENT", "TABLES", "Kind", "Table", "conform", "empty"]

Kind: TypeAlias = Literal[
    "bars", "actions", "fundamentals", "macro", "membership", "texts", "insiders", "ratings", "profile"
]

MOMENT: Final = pl.Datetime("us", "UTC")
"""Every moment is aware, in UTC."""

ALWAYS: Final = datetime(1900, 1, 1, tzinfo=UTC)
"""When a `timeless` fact counts as known: before any session."""

_STAMP: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {"source": pl.String, "known_at": MOMENT}


@dataclass(frozen=True, slots=True)
class Table:
    """One kind of fact.

    Parameters
    ----------
    columns : mapping of str to polars type
        Every column in order; the last two are `source` (name of the provider) and `known_at` (when the row's values
        became public, UTC).
    key : tuple of str
        What names a fact; rows with the same key and different `known_at` are its versions.
    dated : bool
        True if the source states when *these values* became public (a filing, a vintage), so that a version older than
        one already stored may still arrive. False if `known_at` only says when the fact itself happened: a value that
        differs from the stored one is then a correction, known from the moment it was seen.
    partition : str or None
        Date or moment column whose year splits the table into files; None keeps one file.
    tolerance : float
        Relative difference of figures that still counts as the same value (vendors' rounding).
    timeless : bool
        True where no source tells since when a value holds (a name, a sector): the first one seen counts as known
        always, a later one from the moment it was seen.
    """

    columns: Mapping[str, pl.DataType | type[pl.DataType]]
    key: tuple[str, ...]
    dated: bool
    partition: str | None = None
    tolerance: float = 0.0
    timeless: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that a version may change."""
        return tuple(c for c in self.columns if c not in (*self.key, "known_at", *_PROVENANCE))


_PROVENANCE: Final = ("accession", "form", "filed_at")
"""Columns that say where a value was read; another document with the same value is no new version."""

TABLES: Final[Mapping[Kind, Table]] = {
    # As traded: neither split nor dividend touches a stored bar, so a new split changes nothing that is stored.
    "bars": Table(
        {
            "symbol": pl.String,
            "date": pl.Date,
            "open": pl.Float64,
            "high": pl.Float64,
            "low": pl.Float64,
            "close": pl.Float64,
            "volume": pl.Float64,
            "currency": pl.String,
            **_STAMP,
        },
        key=("symbol", "date", "source"),
        dated=False,
        partition="date",
        tolerance=1e-5,
    ),
    # `action` is split (value: new shares for one old) or dividend (value: per share as paid); null means withdrawn.
    "actions": Table(
        {"symbol": pl.String, "date": pl.Date, "action": pl.String, "value": pl.Float64, **_STAMP},
        key=("symbol", "date", "action", "source"),
        dated=False,
        tolerance=1e-5,
    ),
    # `period` is FY, Q (one quarter) or POINT (a count of shares on a day); `item` one of vfr.data.items.ITEMS.
    "fundamentals": Table(
        {
            "symbol": pl.String,
            "period_end": pl.Date,
            "period": pl.String,
            "item": pl.String,
            "value": pl.Float64,
            "form": pl.String,
            "accession": pl.String,
            "filed_at": pl.Date,
            **_STAMP,
        },
        key=("symbol", "period_end", "period", "item", "source"),
        dated=True,
        partition="period_end",
    ),
    # One row per (observation, vintage); null means the source withdrew the figure.
    "macro": Table(
        {"series": pl.String, "date": pl.Date, "value": pl.Float64, **_STAMP},
        key=("series", "date", "source"),
        dated=True,
    ),
    # `end_date` is the first day no longer in the index, null while still in.
    "membership": Table(
        {"index": pl.String, "symbol": pl.String, "start_date": pl.Date, "end_date": pl.Date, **_STAMP},
        key=("index", "symbol", "start_date", "source"),
        dated=False,
    ),
    "texts": Table(
        {"symbol": pl.String, "created_at": MOMENT, "text": pl.String, "url": pl.String, **_STAMP},
        key=("symbol", "created_at", "url", "source"),
        dated=True,
        partition="created_at",
    ),
    # SEC Form 4, one row per transaction line; `shares` is positive when acquired, negative when disposed.
    "insiders": Table(
        {
            "symbol": pl.String,
            "date": pl.Date,
            "owner": pl.String,
            "role": pl.String,
            "code": pl.String,
            "shares": pl.Float64,
            "price": pl.Float64,
            "accession": pl.String,
            "line": pl.Int32,
            **_STAMP,
        },
        key=("symbol", "accession", "line", "source"),
        dated=True,
        partition="date",
    ),
    # `measure` is strong_buy, buy, hold, sell, strong_sell (counts of analysts) or target_mean (USD).
    "ratings": Table(
        {"symbol": pl.String, "date": pl.Date, "measure": pl.String, "value": pl.Float64, **_STAMP},
        key=("symbol", "date", "measure", "source"),
        dated=False,
    ),
    # `field` is name, sector, sub_industry, exchange, currency, cik or sic (the line of business as the SEC files it).
    "profile": Table(
        {"symbol": pl.String, "field": pl.String, "text": pl.String, **_STAMP},
        key=("symbol", "field", "source"),
        dated=False,
        timeless=True,
    ),
}
"""Every table, in the order of `Kind`."""


def empty(kind: Kind) -> pl.DataFrame:
    """Return a table of a kind without rows."""
    return pl.DataFrame(schema=dict(TABLES[kind].columns))


def conform(kind: Kind, frame: pl.DataFrame) -> pl.DataFrame:
    """Return a frame with exactly the columns and types of its kind.

    Raises
    ------
    ImportRejected
        If a column is missing, a type cannot be cast, or a key or `known_at` is null.

    Examples
    --------
    >>> conform("profile", empty("profile")).columns
    ['symbol', 'field', 'text', 'source', 'known_at']
    """
    table = TABLES[kind]
    missing = [name for name in table.columns if name not in frame.columns]
    if missing:
        raise ImportRejected(f"{kind}: column {missing[0]} is missing")
    try:
        out = frame.select(pl.col(name).cast(kind_of) for name, kind_of in table.columns.items())
    except pl.exceptions.PolarsError as error:
        raise ImportRejected(f"{kind}: {str(error).splitlines()[0][:160]}") from error
    blank = [name for name in (*table.key, "known_at") if out[name].null_count()]
    if blank:
        raise ImportRejected(f"{kind}: column {blank[0]} holds an empty key")
    return out
