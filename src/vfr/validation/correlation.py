"""Information coefficients: how well a score orders the outcomes of a session, one figure per session."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["icir", "information_coefficient", "midranks", "rank_ic", "within_session_std"]


def midranks(values: FloatArray) -> FloatArray:
    """Return average ranks 1..n of a vector without NaN (ties share their mean rank).

    Examples
    --------
    >>> midranks(np.array([10.0, 20.0, 20.0])).tolist()
    [1.0, 2.5, 2.5]
    """
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    first = np.concatenate(([True], ordered[1:] != ordered[:-1]))
    group = np.cumsum(first) - 1
    starts = np.flatnonzero(first)
    ends = np.append(starts[1:], values.size)
    ranks = np.empty(values.size)
    ranks[order] = ((starts + ends + 1) / 2.0)[group]
    return ranks


def _correlation(x: FloatArray, y: FloatArray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = float(np.sqrt((x @ x) * (y @ y)))
    # Rounding leaves a residue of about 1e-16 relative in a constant vector; that is no variation.
    return float(x @ y) / scale if scale > 1e-30 else np.nan


def _per_session(
    score: FloatArray, outcome: FloatArray, mask: BoolArray | None, min_names: int, *, ranked: bool
) -> FloatArray:
    known = np.isfinite(score) & np.isfinite(outcome)
    if mask is not None:
        known &= mask
    out = np.full(score.shape[0], np.nan)
    for row in np.flatnonzero(known.sum(axis=1) >= min_names):
        x, y = score[row, known[row]], outcome[row, known[row]]
        if np.ptp(x) > 0 and np.ptp(y) > 0:
            out[row] = _correlation(midranks(x), midranks(y)) if ranked else _correlation(x, y)
    return out


def information_coefficient(
    score: FloatArray, outcome: FloatArray, mask: BoolArray | None = None, *, min_names: int = 10
) -> FloatArray:
    """Return the Pearson correlation of score and outcome within each session, shape (R,).

    Parameters
    ----------
    score, outcome : float64 arrays, shape (R, N)
        NaN where unknown; such cells are left out.
    mask : bool array, shape (R, N), optional
        Cells that count.
    min_names : int
        Sessions with fewer known cells are NaN, and so are sessions without variation.
    """
    return _per_session(score, outcome, mask, min_names, ranked=False)


def rank_ic(
    score: FloatArray, outcome: FloatArray, mask: BoolArray | None = None, *, min_names: int = 10
) -> FloatArray:
    """Return the Spearman correlation of score and outcome within each session, shape (R,); see Pearson's above."""
    return _per_session(score, outcome, mask, min_names, ranked=True)


def icir(ic: FloatArray) -> float:
    """Return mean over standard deviation of the known per-session coefficients (not annualised)."""
    known = ic[np.isfinite(ic)]
    if known.size < 2:
        return float("nan")
    spread = float(known.std(ddof=1))
    return float(known.mean()) / spread if spread > 0 else float("nan")


def within_session_std(values: FloatArray, mask: BoolArray | None = None) -> FloatArray:
    """Return the standard deviation of the known cells of each session, shape (R,); NaN below two cells."""
    known = np.isfinite(values) if mask is None else np.isfinite(values) & mask
    count = known.sum(axis=1)
    filled = np.where(known, values, 0.0)
    mean = np.divide(filled.sum(axis=1), count, out=np.zeros(count.size), where=count > 0)
    squares = np.where(known, (filled - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.sqrt(np.divide(squares, count, out=np.full(count.size, np.nan), where=count > 1)))
