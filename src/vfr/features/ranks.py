"""Ranks of features across the symbols of a session."""

from __future__ import annotations

import sys
from typing import Final

import numpy as np

from vfr.typing import Matrix32

__all__ = ["cross_sectional"]

_KERNEL: Final = "vfr.features.ranking"


def cross_sectional(matrix: Matrix32) -> Matrix32:
    """Rank each feature among the symbols of the same session.

    Parameters
    ----------
    matrix : float32 array, shape (F, R, N)
        NaN (or infinite) where unknown.

    Returns
    -------
    float32 array, shape (F, R, N)
        ``(midrank - 0.5) / n - 0.5`` over the n known values of the session, strictly between -0.5 and 0.5; ties share
        their mean rank, and the order of symbols does not matter. NaN where unknown.

    Examples
    --------
    >>> import numpy as np
    >>> cross_sectional(np.array([[[3.0, 1.0, np.nan, 3.0]]], dtype=np.float32)).astype(float).round(3).tolist()
    [[[0.167, -0.333, nan, 0.167]]]
    """
    out = np.empty(matrix.shape, dtype=np.float32)
    if matrix.shape[:2] == (1, 1) and _KERNEL not in sys.modules:
        out[0, 0] = _one_row(matrix[0, 0])
        return out
    from vfr.features.ranking import rank_rows

    for f in range(matrix.shape[0]):
        rank_rows(np.ascontiguousarray(matrix[f], dtype=np.float32), out[f])
    return out


def _one_row(values: Matrix32) -> Matrix32:
    """Rank one row, shape (N,), without the compiled kernel: whoever ranks one row need not load a compiler for it."""
    known = np.isfinite(values)
    _, place, ties = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(ties)
    ranks = np.full(values.shape, np.nan, dtype=np.float32)
    ranks[known] = (0.5 * (ends - ties + ends) / max(known.sum(), 1) - 0.5)[place]
    return ranks
