"""Names of a session in groups of equal size by a score, and what they earned."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.typing import BoolArray, FloatArray
from vfr.workflows.evidence_data import session_mean

__all__ = ["FIFTHS", "groups_of", "quantile_spread", "turnover"]

FIFTHS: Final = 5


def groups_of(values: FloatArray, cells: BoolArray, groups: int) -> FloatArray:
    """Return the group of each cell within its session's counting cells, 0 lowest; [R x N].

    Parameters
    ----------
    values : float64 array, shape (R, N)
        Equal values are told apart by column.
    cells : bool array, shape (R, N)
    groups : int
        Of sizes as equal as can be.

    Returns
    -------
    float64 array, shape (R, N)
        NaN where a cell does not count or its value is unknown, and in sessions with fewer than two cells per group.

    Examples
    --------
    >>> groups_of(np.array([[4.0, 1.0, 3.0, 2.0]]), np.ones((1, 4), dtype=bool), 2).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """
    usable = cells & np.isfinite(values)
    count = usable.sum(axis=1, keepdims=True)
    order = np.argsort(np.where(usable, values, np.inf), axis=1, kind="stable")
    place = np.empty(values.shape, dtype=np.int64)
    np.put_along_axis(place, order, np.arange(values.shape[1])[None, :], axis=1)
    return np.where(usable & (count >= 2 * groups), place * groups // np.maximum(count, 1), np.nan)


def quantile_spread(rank: FloatArray, outcome: FloatArray, cells: BoolArray, groups: int = FIFTHS) -> FloatArray:
    """Return the mean outcome of the top group minus that of the bottom group, per session."""
    group = groups_of(rank, cells, groups)
    return session_mean(outcome, group == groups - 1) - session_mean(outcome, group == 0)


def turnover(rank: FloatArray, cells: BoolArray, step: int) -> float:
    """Return the mean share of the top fifth that was not in it some sessions before."""
    top = groups_of(rank, cells, FIFTHS) == FIFTHS - 1
    now, before = top[step:], top[:-step]
    both = now.any(axis=1) & before.any(axis=1)
    if not both.any():
        return float("nan")
    stayed = (now & before).sum(axis=1)[both] / now.sum(axis=1)[both]
    return float(1.0 - stayed.mean())
