"""Which source counts where several know a matter: always one at a time, and none before it had spoken."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import polars as pl

from vfr.data.bitemporal.evenings import KnownDays
from vfr.data.bitemporal.tables import TABLES, Kind

__all__ = ["SAME_EVENT", "in_order", "of_bars", "of_best", "one_at_a_time", "preferred"]

SAME_EVENT: Final = timedelta(days=7)
"""Two splits, or two dividends, of a symbol no further apart than five sessions may be one event with two dates."""


def in_order(frame: pl.DataFrame, sources: Sequence[str]) -> list[str]:
    """Return the sources of a frame, most trusted first; those not listed come last, by name."""
    held = set(frame["source"].unique().to_list())
    return [*(name for name in sources if name in held), *sorted(held - set(sources))]


def preferred(kind: Kind, held: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Return one row per fact, of the most trusted source that has one.

    Parameters
    ----------
    kind : Kind
        Table of the rows.
    held : polars.DataFrame
        Versions in force, at most one for each source.
    sources : sequence of str
        In order of trust.
    """
    order = in_order(held, sources)
    if len(order) < 2:
        return held
    key = [name for name in TABLES[kind].key if name != "source"]
    return _ranked(held, order).sort(*key, "_rank").unique(key, keep="first", maintain_order=True).drop("_rank")


def of_best(rows: pl.DataFrame, sources: Sequence[str], about: str) -> pl.DataFrame:
    """Return for each value of a column the rows of the most trusted source that has any."""
    order = in_order(rows, sources)
    if len(order) < 2:
        return rows
    ranked = _ranked(rows, order)
    return ranked.filter(pl.col("_rank") == pl.col("_rank").min().over(about)).drop("_rank")


def one_at_a_time(rows: pl.DataFrame, about: Sequence[str], days: KnownDays, sources: Sequence[str]) -> pl.DataFrame:
    """Return the rows that ever were in force: a source counts until a more trusted one speaks of the same matter.

    Parameters
    ----------
    rows : polars.DataFrame
        Every version known, of every source.
    about : sequence of str
        Columns that name the matter.
    days : callable
        See `vfr.data.bitemporal.evenings.known_days`.
    sources : sequence of str
        In order of trust.

    Notes
    -----
    Whether a row stays depends on what was known before it alone, never on what came later. So what was in force on a
    past day can be read off later knowledge: choosing the best source of today would forget, for every day before
    it first spoke, what the others had said.
    """
    order = in_order(rows, sources)
    if len(order) < 2:
        return rows
    dated = _ranked(rows, order).with_columns(_day=pl.Series(days(rows["known_at"])))
    begins = dated.group_by(*about, "_rank").agg(_begin=pl.col("_day").min()).sort("_rank")
    ends = begins.with_columns(_end=pl.col("_begin").cum_min().over(about)).select(
        *about, "_rank", pl.col("_end").shift(1).over(about)
    )
    known = dated.join(ends, on=[*about, "_rank"], how="left", nulls_equal=True, maintain_order="left")
    return known.filter(pl.col("_end").is_null() | (pl.col("_day") < pl.col("_end"))).select(rows.columns)


def of_bars(actions: pl.DataFrame, bars: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Return the splits and dividends of each symbol as the source of its bars tells them.

    Parameters
    ----------
    actions : polars.DataFrame
        Versions in force, withdrawn ones included.
    bars : polars.DataFrame
        Bars in force that have a close, of every source.
    sources : sequence of str
        In order of trust.

    Returns
    -------
    polars.DataFrame
        None of them withdrawn. From the first to the last bar of the most trusted source its word alone counts: what
        it does not tell, or takes back, did not happen, whatever others say. Before and after its bars, where the bars
        are another's, so are the actions, except one that the more trusted source tells within five sessions: that is
        the same event. If no source of a symbol's bars ever told an action of it, the most trusted of the others
        counts.
    """
    spans = bars.group_by("symbol", "source").agg(_first=pl.col("date").min(), _last=pl.col("date").max())
    own = actions.join(spans, on=["symbol", "source"], how="semi")
    taken, covered = own.clear(), spans.clear()
    for name in in_order(spans, sources):
        told = own.filter((pl.col("source") == name) & pl.col("value").is_not_null())
        taken = pl.concat([taken, _apart_from(taken, _outside(covered, told))])
        covered = pl.concat([covered, spans.filter(pl.col("source") == name)])
    others = actions.join(own, on="symbol", how="anti").filter(pl.col("value").is_not_null())
    return pl.concat([taken, of_best(others, sources, "symbol")])


def _outside(covered: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return the actions on days that no span of bars of the symbol covers."""
    spans = covered.select("symbol", "_first", "_last")
    inside = told.join(spans, on="symbol").filter(pl.col("date").is_between("_first", "_last"))
    return told.join(inside, on=["symbol", "date"], how="anti")


def _apart_from(taken: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """Return the actions that are not the same event as one taken already."""
    events = taken.select("symbol", "action", _date="date")
    both = told.join(events, on=["symbol", "action"])
    same = both.filter((pl.col("date") - pl.col("_date")).abs() <= SAME_EVENT)
    return told.join(same, on=["symbol", "action", "date"], how="anti")


def _ranked(rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    rank = {name: place for place, name in enumerate(order)}
    return rows.with_columns(_rank=pl.col("source").replace_strict(rank, return_dtype=pl.Int32))
