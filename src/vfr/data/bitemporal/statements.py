"""Annual statements with every version of them, from single figures each with its own filing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.facts import KnownDays, of_best
from vfr.data.items import ITEMS
from vfr.data.records import Actions, Fundamentals
from vfr.data.restate import restate
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["statements"]

_PER_SHARE: Final = {"shares": 1.0, "eps": -1.0}
"""Items that a split changes, and the power of its ratio."""

_PERIOD: Final = ("symbol", "period_end")


def statements(
    frame: pl.DataFrame, columns: Mapping[str, int], days: KnownDays, splits: Actions, sources: Sequence[str]
) -> Fundamentals | None:
    """Return one row per (symbol, year, filing that changed anything), each whole as it was known from then on.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of the table of fundamentals that were public; annual ones and counts of shares are used.
    columns : mapping of str to int
        Column of each symbol.
    days : callable
        See `vfr.data.bitemporal.facts.known_days`.
    splits : Actions
        Splits known.
    sources : sequence of str
        In order of trust; the statements of one symbol and year come from one source.

    Notes
    -----
    What a later filing does not repeat stays as the earlier one had it. Filings restate shares and earnings per share
    for the splits up to their own day; here they are brought to the basis of the period's end, as `Fundamentals` says,
    so that a comparative figure of a later year is never adjusted twice.
    """
    held = frame.filter(pl.col("symbol").is_in(list(columns)) & pl.col("item").is_in(ITEMS))
    annual = held.filter(pl.col("period") == "FY")
    if annual.is_empty():
        return None
    best = pl.concat(of_best(rows, sources) for _, rows in annual.group_by(_PERIOD))
    events = _with_counts(best, held.filter(pl.col("period") == "POINT"))
    wide = events.pivot("item", index=[*_PERIOD, "known_at"], values="value", aggregate_function="last")
    column = np.asarray(wide["symbol"].replace_strict(columns, return_dtype=pl.Int64).to_numpy(), dtype=np.int64)
    period_end = wide["period_end"].to_numpy().astype("datetime64[D]")
    known_at = days(wide["known_at"])
    nothing = np.full(column.size, np.nan)
    values = {item: _figures(wide, item) if item in wide.columns else nothing.copy() for item in ITEMS}
    between = _split_between(splits, column, period_end, known_at)
    for item, power in _PER_SHARE.items():
        values[item] = values[item] / between**power
    return restate(column, period_end, known_at, values)


def _with_counts(annual: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Return the annual rows with each filing's own count of shares in the place of the balance sheet's."""
    filings = annual.sort("known_at").unique([*_PERIOD, "accession"], keep="first")
    # The newest year of a filing is the one its cover is about; its comparatives are older.
    cover = filings.sort("period_end").unique(["symbol", "accession"], keep="last")
    newest = counts.sort("period_end").unique(["symbol", "accession"], keep="last")
    found = cover.drop("value", "item").join(
        newest.select("symbol", "accession", "value"), on=["symbol", "accession"], how="inner"
    )
    counted = found.with_columns(item=pl.lit("shares")).select(annual.columns)
    plain = annual.join(counted, on=[*_PERIOD, "item", "known_at"], how="anti")
    return pl.concat([plain, counted])


def _split_between(splits: Actions, column: IntArray, after: DateArray, until: DateArray) -> FloatArray:
    """Return for each row the product of the splits of its symbol after one day and on or before another."""
    out = np.ones(column.size)
    for c, day, ratio in zip(splits.column, splits.date, splits.ratio, strict=True):
        out[(column == c) & (after < day) & (day <= until)] *= ratio
    return out


def _figures(frame: pl.DataFrame, name: str) -> FloatArray:
    return np.array(frame[name].fill_null(np.nan).to_numpy(), dtype=np.float64)
