"""Returns against peers: what a name earned beyond its sector, so that a learner is not taught the sector's luck."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.typing import FloatArray, IntArray

__all__ = ["MIN_GROUP", "beyond_sector"]

MIN_GROUP: Final = 5
"""Least number of names for a mean of their own; smaller sectors are pooled with the names of unknown sector."""

_TAILS: Final = (0.01, 0.99)


def beyond_sector(returns: FloatArray, sectors: IntArray) -> FloatArray:
    """Return each session's returns less the mean of the name's sector, shape (T, N).

    Most of what tells the names of a session apart is what their sectors did. A learner of single names hears less
    noise when that is taken out of its target (Moskowitz and Grinblatt 1999 tell the two apart).

    Parameters
    ----------
    returns : float64 array, shape (T, N)
        NaN where unknown; NaN stays NaN. The session's outer percentiles on either side are clipped, so that one
        takeover does not move a sector.
    sectors : int64 array, shape (N,)
        Number of each name's sector, -1 where it is unknown.

    Examples
    --------
    >>> calm = np.tile([0.01, 0.03], (1, 5))
    >>> beyond_sector(calm, np.tile([0, 1], 5)).round(6).tolist()[0][:2]
    [0.0, 0.0]
    """
    clipped = _clipped(returns)
    out = np.full(returns.shape, np.nan)
    for t, row in enumerate(clipped):
        known = np.flatnonzero(np.isfinite(row))
        if known.size == 0:
            continue
        group = sectors[known] + 1
        size = np.bincount(group)
        pooled = np.where(size[group] >= MIN_GROUP, group, 0)
        count = np.bincount(pooled)
        mean = np.bincount(pooled, weights=row[known]) / np.maximum(count, 1)
        # A handful of pooled names has no mean of its own either: they are set against everybody.
        alone = count[pooled] < MIN_GROUP
        out[t, known] = row[known] - np.where(alone, row[known].mean(), mean[pooled])
    return out


def _clipped(returns: FloatArray) -> FloatArray:
    ordered = np.sort(returns, axis=1)  # NaN sorts last
    last = np.maximum(np.isfinite(returns).sum(axis=1) - 1, 0)
    rows = np.arange(returns.shape[0])
    low, high = (ordered[rows, np.rint(tail * last).astype(np.int64)] for tail in _TAILS)
    return np.clip(returns, low[:, None], high[:, None])
