"""Annual statements with every version of them, from single figures each with its own filing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.arrays import columns_of, days_of, figures_of
from vfr.data.bitemporal.evenings import KnownDays
from vfr.data.bitemporal.sources import in_order, one_at_a_time
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
        See `vfr.data.bitemporal.evenings.known_days`.
    splits : Actions
        Splits known.
    sources : sequence of str
        In order of trust; the statements of one symbol and year come from one source at a time: a less trusted one
        counts until a more trusted one speaks of that year.

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
    events = one_at_a_time(_with_counts(annual, held.filter(pl.col("period") == "POINT")), _PERIOD, days, sources)
    wide = events.pivot("item", index=[*_PERIOD, "source", "known_at"], values="value", aggregate_function="last")
    column, period_end, known_at = columns_of(wide, columns), days_of(wide, "period_end"), days(wide["known_at"])
    values = {item: figures_of(wide, item) for item in ITEMS}
    between = _split_between(splits, column, period_end, known_at)
    for item, power in _PER_SHARE.items():
        values[item] = values[item] / between**power
    return _restated(column, period_end, known_at, values, _numbers(wide, sources))


def _numbers(wide: pl.DataFrame, sources: Sequence[str]) -> IntArray:
    place = {name: number for number, name in enumerate(in_order(wide, sources))}
    return np.asarray(wide["source"].replace_strict(place, return_dtype=pl.Int64).to_numpy(), dtype=np.int64)


def _restated(
    column: IntArray, period_end: DateArray, known_at: DateArray, values: Mapping[str, FloatArray], source: IntArray
) -> Fundamentals:
    """Return whole versions, none of them filled with what another source had told."""
    n = int(source.max()) + 1
    made = restate(column * n + source, period_end, known_at, values)
    order = np.lexsort((made.period_end, made.column // n, made.known_at))
    figures = {item: told[order] for item, told in made.values.items()}
    return Fundamentals(made.column[order] // n, made.period_end[order], made.known_at[order], figures)


def _with_counts(annual: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    """Return the annual rows with each filing's own count of shares in the place of the balance sheet's."""
    filing = ["symbol", "source", "accession"]
    filings = annual.sort("known_at").unique([*_PERIOD, *filing[1:]], keep="first")
    # The newest year of a filing is the one its cover is about; its comparatives are older.
    cover = filings.sort("period_end").unique(filing, keep="last")
    newest = counts.sort("period_end").unique(filing, keep="last")
    found = cover.drop("value", "item").join(newest.select(*filing, "value"), on=filing, how="inner")
    counted = found.with_columns(item=pl.lit("shares")).select(annual.columns)
    plain = annual.join(counted, on=[*_PERIOD, "item", "source", "known_at"], how="anti")
    return pl.concat([plain, counted])


def _split_between(splits: Actions, column: IntArray, after: DateArray, until: DateArray) -> FloatArray:
    """Return for each row the product of the splits of its symbol after one day and on or before another."""
    out = np.ones(column.size)
    for c, day, ratio in zip(splits.column, splits.date, splits.ratio, strict=True):
        out[(column == c) & (after < day) & (day <= until)] *= ratio
    return out
