"""Who was in an index when, from the intervals that one source tells."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from vfr.data.bitemporal.arrays import days_of
from vfr.data.bitemporal.sources import of_best
from vfr.data.records import Membership
from vfr.data.universe import Listings, membership

__all__ = ["members"]


def members(held: pl.DataFrame, listings: Listings, sources: Sequence[str]) -> Membership | None:
    """Return the members of the first index by name; None if no listed symbol was ever one.

    Parameters
    ----------
    held : polars.DataFrame
        Rows of the table of membership in force, of every source.
    listings : Listings
        The panel to align to.
    sources : sequence of str
        In order of trust; the intervals of an index come from one source.

    Notes
    -----
    An interval that ends where it begins was withdrawn. Intervals of one symbol that overlap or touch are one, so that
    a member counts once however often a source told when it came in.
    """
    standing = held.filter(pl.col("end_date").is_null() | (pl.col("end_date") > pl.col("start_date")))
    if standing.is_empty():
        return None
    index = str(standing["index"].min())
    told = of_best(standing.filter(pl.col("index") == index), sources, "index")
    whole = _joined(told)
    made = membership(
        index, whole["symbol"].to_list(), days_of(whole, "start_date"), days_of(whole, "end_date"), listings
    )
    return made if made.member.any() else None


def _joined(intervals: pl.DataFrame) -> pl.DataFrame:
    """Return the intervals of each symbol, those that overlap or touch as one."""
    end = pl.col("end_date").fill_null(pl.date(9999, 12, 31))
    ordered = intervals.select("symbol", "start_date", end).sort("symbol", "start_date", "end_date")
    reached = ordered.with_columns(_reached=pl.col("end_date").cum_max().over("symbol")).with_columns(
        pl.col("_reached").shift(1).over("symbol")
    )
    apart = (pl.col("start_date") > pl.col("_reached")).fill_null(value=True)
    runs = reached.with_columns(_run=apart.cum_sum().over("symbol"))
    joined = runs.group_by("symbol", "_run", maintain_order=True).agg(
        pl.col("start_date").min(), pl.col("end_date").max()
    )
    return joined.with_columns(
        end_date=pl.when(pl.col("end_date") < pl.date(9999, 12, 31)).then(pl.col("end_date")).otherwise(None)
    )
