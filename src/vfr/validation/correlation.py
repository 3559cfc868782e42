"""Information coefficients: how well a score orders the outcomes of a session, one figure per session."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["icir", "information_coefficient", "midranks", "rank_ic", "row_midranks", "within_session_std"]


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


def row_midranks(values: FloatArray, known: BoolArray) -> FloatArray:
    """Return average ranks 1..n of the known cells of each row, [R x N]; whatever is unknown ranks behind them."""
    filled = np.where(known, values, np.inf)
    order = np.argsort(filled, axis=1, kind="stable")
    ordered = np.take_along_axis(filled, order, axis=1)
    place = np.arange(values.shape[1])
    first = np.ones(values.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    last = np.ones(values.shape, dtype=bool)
    last[:, :-1] = first[:, 1:]
    starts = np.maximum.accumulate(np.where(first, place, 0), axis=1)
    ends = np.minimum.accumulate(np.where(last, place, place.size)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(values.shape)
    np.put_along_axis(ranks, order, (starts + ends) / 2.0 + 1.0, axis=1)
    return ranks


def _varies(values: FloatArray, known: BoolArray) -> BoolArray:
    high = np.where(known, values, -np.inf).max(axis=1, initial=-np.inf)
    return np.asarray(high > np.where(known, values, np.inf).min(axis=1, initial=np.inf))


def _centred(values: FloatArray, known: BoolArray, count: FloatArray) -> FloatArray:
    mean = np.where(known, values, 0.0).sum(axis=1) / count
    return np.where(known, values - mean[:, None], 0.0)


def _per_session(
    score: FloatArray, outcome: FloatArray, mask: BoolArray | None, min_names: int, *, ranked: bool
) -> FloatArray:
    known = np.isfinite(score) & np.isfinite(outcome)
    if mask is not None:
        known &= mask
    usable = (known.sum(axis=1) >= max(min_names, 1)) & _varies(score, known) & _varies(outcome, known)
    out = np.full(score.shape[0], np.nan)
    x, y, known = score[usable], outcome[usable], known[usable]
    if ranked:
        x, y = row_midranks(x, known), row_midranks(y, known)
    count = known.sum(axis=1).astype(np.float64)
    x, y = _centred(x, known, count), _centred(y, known, count)
    scale = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    # Rounding leaves a residue of about 1e-16 relative in a constant vector; that is no variation.
    ratio = np.divide((x * y).sum(axis=1), scale, out=np.full(scale.size, np.nan), where=scale > 1e-30)
    out[usable] = ratio
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
