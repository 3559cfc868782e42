"""Whom a percentile compares with: the universe known at a session, and the groups within it."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.typing import BoolArray, IntArray

__all__ = ["FEW_MEMBERS", "sector_groups", "universe"]

FEW_MEMBERS: Final = 20
"""Below this many members with a bar the membership table is silent about a session (before or after its dates)."""


def universe(snapshot: Snapshot, rows: IntArray) -> BoolArray:
    """Return who belongs to the universe of each session: index members with a bar, or all symbols with one.

    Parameters
    ----------
    snapshot : Snapshot
        Prices and, where known, membership as of each session.
    rows : int64 array, shape (R,)
        Rows of the panel.

    Returns
    -------
    bool array, shape (R, N)
        Members where at least 20 of them have a bar that session, else every symbol that has one: silence of the
        membership table is not an empty index. A row uses nothing of any other session.
    """
    traded = np.isfinite(snapshot.panel.adj_close[rows])
    if snapshot.membership is None:
        return traded
    member = snapshot.membership.member[rows] & traded
    return np.where(member.sum(axis=1, keepdims=True) < FEW_MEMBERS, traded, member)


def sector_groups(sectors: tuple[str, ...]) -> IntArray:
    """Return the peer group of each symbol [N] by its sector: -1, no group, for an unknown sector among known ones.

    Where no sector of the data set is known, all symbols form one group.

    Examples
    --------
    >>> sector_groups(("Energy", "", "Materials", "Energy"))
    array([ 0, -1,  1,  0])
    >>> sector_groups(("", ""))
    array([0, 0])
    """
    known = sorted({sector for sector in sectors if sector})
    number = {sector: k for k, sector in enumerate(known)} or {"": 0}
    return np.array([number.get(sector, -1) for sector in sectors], dtype=np.int64)
