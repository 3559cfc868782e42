"""Where two sources of bars disagree about the same close."""

from __future__ import annotations

from itertools import combinations
from typing import Final

import polars as pl

from vfr.data.quality import EXAMPLES, Finding, finding

__all__ = ["TOLERANCE", "compare_sources"]

TOLERANCE: Final = 0.005
"""Relative difference of closes that is put down to rounding and to which exchange's close a vendor takes."""


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
