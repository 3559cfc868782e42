"""How much of an index is priced, year by year: what a figure measured on the survivors leaves out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot

__all__ = ["UNKNOWN", "YearCoverage", "survivorship", "survivorship_text"]

UNKNOWN: Final = "index membership unknown: survivorship cannot be measured"
"""What is said of a data set without membership."""


@dataclass(frozen=True, slots=True)
class YearCoverage:
    """One calendar year: index members with a close, and all members; both the mean over the year's sessions."""

    year: int
    priced: float
    members: float


def survivorship(snapshot: Snapshot) -> tuple[YearCoverage, ...]:
    """Return how many index members are priced in each year of a data set.

    Parameters
    ----------
    snapshot : Snapshot
        A member counts as priced on the sessions it has a close.

    Returns
    -------
    tuple of YearCoverage
        Years ascending, each over the sessions whose members are known; empty where no member is known at all.

    Examples
    --------
    >>> import numpy as np
    >>> from vfr.data import synthetic
    >>> survivorship(synthetic.snapshot(np.random.default_rng(1), n_sessions=60, n_symbols=8))
    (YearCoverage(year=2016, priced=6.45, members=8.75),)
    """
    membership = snapshot.membership
    if membership is None:
        return ()
    priced = (membership.member & np.isfinite(snapshot.panel.adj_close)).sum(axis=1)
    years = snapshot.sessions.astype("datetime64[Y]").astype(np.int64) + 1970
    known = membership.index_size > 0
    return tuple(
        YearCoverage(int(year), float(priced[rows].mean()), float(membership.index_size[rows].mean()))
        for year in np.unique(years[known])
        for rows in [known & (years == year)]
    )


def survivorship_text(years: Sequence[YearCoverage]) -> str:
    """Return one line on the first and the last year.

    Examples
    --------
    >>> survivorship_text([YearCoverage(2005, 232.4, 495.0), YearCoverage(2019, 478.0, 505.0)])[:60]
    '232 of 495 members in 2005 ... 478 of 505 in 2019 are priced'
    """
    if not years:
        return UNKNOWN
    first, last = years[0], years[-1]
    span = f"{first.priced:.0f} of {first.members:.0f} members in {first.year}"
    if last.year != first.year:
        span += f" ... {last.priced:.0f} of {last.members:.0f} in {last.year}"
    return f"{span} are priced (mean of the sessions); delisted names stay to their last bar"
