"""Where two sources disagree: about the same close, and about the splits and dividends of one symbol."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import polars as pl

from vfr.data.bitemporal.sources import SAME_EVENT
from vfr.data.quality import EXAMPLES, Finding, finding

__all__ = ["TOLERANCE", "compare_actions", "compare_sources"]

TOLERANCE: Final = 0.005
"""Relative difference of closes that is put down to rounding and to which exchange's close a vendor takes."""

_ROUNDING: Final = 0.01
"""Relative difference of ratios and of dividends that is put down to rounding."""


def compare_sources(bars: pl.DataFrame, tolerance: float = TOLERANCE) -> list[Finding]:
    """Return one finding for each pair of sources whose closes differ.

    Parameters
    ----------
    bars : polars.DataFrame
        Rows of table ``bars``, as traded, of any symbols and sources. Of several versions of a bar the latest counts;
        a bar without a close takes no part.
    tolerance : float
        Greatest relative difference, to the smaller close, that is no disagreement.

    Returns
    -------
    list of Finding
        Check ``sources_disagree``; `count` is the days that differ, the message says of how many in common. Nothing is
        merged or corrected: each source keeps its own bars.
    """
    latest = bars.sort("known_at", "close").unique(["symbol", "date", "source"], keep="last")
    known = latest.filter(pl.col("close").is_finite() & (pl.col("close") > 0)).select(
        "symbol", "date", "source", "close"
    )
    sources = known["source"].unique().sort().to_list()
    compared = (_pair(known, one, other, tolerance) for one, other in combinations(sources, 2))
    return [found for found in compared if found is not None]


def _pair(known: pl.DataFrame, one: str, other: str, tolerance: float) -> Finding | None:
    first, second = (known.filter(pl.col("source") == name).drop("source") for name in (one, other))
    both = first.join(second, on=["symbol", "date"], suffix="_other")
    smaller = pl.min_horizontal("close", "close_other")
    apart = both.filter((pl.col("close") - pl.col("close_other")).abs() > tolerance * smaller).sort("symbol", "date")
    if apart.is_empty():
        return None
    examples = [
        f"{row['symbol']} {row['date']} {one} {row['close']:.6g} {other} {row['close_other']:.6g}"
        for row in apart.head(EXAMPLES).iter_rows(named=True)
    ]
    message = (
        f"{one} and {other} disagree by over {tolerance:.1%} on {apart.height} of {both.height} common closes "
        f"({apart.height / both.height:.1%}); each keeps its own."
    )
    return finding("sources_disagree", "warning", examples, message, apart.height)


def compare_actions(actions: pl.DataFrame) -> list[Finding]:
    """Return one finding for each pair of sources that tell the same split or dividend differently.

    Parameters
    ----------
    actions : polars.DataFrame
        Rows of table ``actions`` of any symbols and sources. Of several versions of an event the latest counts; a
        withdrawn one takes no part.

    Returns
    -------
    list of Finding
        Check ``actions_disagree``: same day and another ratio or amount, or the same kind of event at most five
        sessions apart. What only one source tells is no disagreement, for the other may not reach that far. Nothing is
        merged: the view takes the actions of a symbol from one source.
    """
    latest = actions.sort("known_at", "value").unique(["symbol", "date", "action", "source"], keep="last")
    known = latest.filter(pl.col("value").is_not_null()).select(*_EVENT, "value", "source")
    sources = known["source"].unique().sort().to_list()
    compared = (_events(known, one, other) for one, other in combinations(sources, 2))
    return [found for found in compared if found is not None]


_EVENT: Final = ("symbol", "action", "date")


def _events(known: pl.DataFrame, one: str, other: str) -> Finding | None:
    first, second = (known.filter(pl.col("source") == name).drop("source") for name in (one, other))
    both = first.join(second, on=_EVENT, suffix="_other")
    smaller = pl.min_horizontal("value", "value_other")
    apart = both.filter((pl.col("value") - pl.col("value_other")).abs() > _ROUNDING * smaller)
    # Only what has no partner on its own day may be the other's event of another day: some funds pay every week.
    alone, alone_other = (
        mine.join(theirs, on=_EVENT, how="anti").sort("date") for mine, theirs in ((first, second), (second, first))
    )
    moved = alone.join_asof(
        alone_other.with_columns(date_other=pl.col("date")),
        on="date",
        by=["symbol", "action"],
        strategy="nearest",
        tolerance=SAME_EVENT,
        suffix="_other",
        check_sortedness=False,
    ).filter(pl.col("date_other").is_not_null())
    told = pl.concat([apart.with_columns(date_other=pl.col("date")), moved], how="diagonal").sort(_EVENT)
    if told.is_empty():
        return None
    examples = [
        f"{row['symbol']} {row['action']} {one} {row['date']} {row['value']:.6g} "
        f"{other} {row['date_other']} {row['value_other']:.6g}"
        for row in told.head(EXAMPLES).iter_rows(named=True)
    ]
    message = (
        f"{one} and {other} tell {told.height} splits or dividends differently; "
        "those of one symbol are taken from one source."
    )
    return finding("actions_disagree", "warning", examples, message, told.height)
