"""From raw measurements to scores: percentiles among peers, bounded maps to 0-100, and the reasons for gaps.

Everything here is causal and works row by row: nothing a later session holds changes an earlier row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vfr.factors.scores import Measured, Reason
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray, TimeArray

__all__ = [
    "Unranked",
    "empty",
    "last_known",
    "linear_score",
    "measured",
    "newest",
    "normal_score",
    "percentile",
    "ranked",
    "ranked_each",
    "taken",
]

_AT_ONCE: Final = 64
"""Rows that are ranked at once: few calls for one session, little memory for thousands."""


def percentile(
    values: FloatArray,
    groups: IntArray | None,
    *,
    min_group: int,
    peers: BoolArray | None = None,
) -> FloatArray:
    """Percentile of each value among its peers of the same row: ``100 * (midrank - 0.5) / n``.

    Parameters
    ----------
    values : float64 array, shape (R, N)
        NaN where unknown.
    groups : int64 array, shape (N,), or None
        Peer group of each symbol (a sector's number); a negative number belongs to no group. None puts all symbols
        in one group.
    min_group : int
        Least number of peers with a value; a smaller group gives NaN (reason ``SMALL_PEER_GROUP``).
    peers : bool array, shape (R, N), optional
        Who belongs to the reference set of a row (index members, names that traded). A symbol outside it is placed
        against the reference set as if it had joined it alone. By default everybody belongs.

    Returns
    -------
    float64 array, shape (R, N)
        Strictly between 0 and 100, 50 for the median and for ties throughout; NaN stays NaN.

    Examples
    --------
    >>> percentile(np.array([[1.0, 2.0, 2.0, np.nan, 9.0]]), None, min_group=2)
    array([[12.5, 50. , 50. ,  nan, 87.5]])
    """
    belongs = np.isfinite(values) if peers is None else peers & np.isfinite(values)
    own = np.zeros(values.shape[1], dtype=np.int64) if groups is None else groups
    order = np.argsort(values, axis=1)
    if groups is not None:
        order = np.take_along_axis(order, np.argsort(own[order], axis=1, kind="stable"), axis=1)
    out = np.full(values.shape, np.nan)
    np.put_along_axis(out, order, _placed(values, belongs, order, np.sort(own), min_group), axis=1)
    return out


def _placed(values: FloatArray, inside: BoolArray, order: IntArray, group: IntArray, min_group: int) -> FloatArray:
    """Place each value among those of its row and group that are `inside`; [R x N], in order of group and value."""
    ordered = np.take_along_axis(values, order, axis=1)
    counted = np.take_along_axis(inside, order, axis=1).astype(np.int64)
    position = np.broadcast_to(np.arange(group.size), values.shape)
    differs = (ordered[:, 1:] != ordered[:, :-1]) | (group[1:] != group[:-1])
    edge = np.ones((values.shape[0], 1), dtype=np.bool_)
    first = np.maximum.accumulate(np.where(np.hstack([edge, differs]), position, 0), axis=1)
    turned = np.where(np.hstack([differs, edge]), position, group.size)[:, ::-1]
    last = np.minimum.accumulate(turned, axis=1)[:, ::-1]
    up_to = np.hstack([np.zeros_like(counted[:, :1]), counted.cumsum(axis=1)])
    below = np.take_along_axis(up_to, first, axis=1)
    equal = np.take_along_axis(up_to, last + 1, axis=1) - below
    begin, end = (up_to[:, np.searchsorted(group, group, side=side)] for side in ("left", "right"))
    joins, size = 1 - counted, end - begin
    score = 100.0 * (below - begin + 0.5 * (equal + joins)) / (size + joins)
    return np.where(np.isfinite(ordered) & (size >= min_group) & (group >= 0), score, np.nan)


def normal_score(z: FloatArray) -> FloatArray:
    """Map a standardised measurement to 0-100 by ``100 * Phi(z)``: 0 gives 50, one standard deviation 84.

    Any shape; NaN stays NaN.

    Examples
    --------
    >>> normal_score(np.array([-1.0, 0.0, 1.0])).round(1)
    array([15.9, 50. , 84.1])
    """
    from scipy.special import ndtr

    return np.asarray(100.0 * ndtr(z), dtype=np.float64)


def linear_score(value: FloatArray, *, worst: float, best: float) -> FloatArray:
    """Map a measurement linearly to 0-100 between two published ends, clipped outside; `worst` may exceed `best`.

    Any shape; NaN stays NaN.

    Examples
    --------
    >>> linear_score(np.array([0.0, 1.0, 3.0]), worst=2.0, best=0.0)
    array([100.,  50.,   0.])
    """
    return np.clip(100.0 * (value - worst) / (best - worst), 0.0, 100.0)


def last_known(known: BoolArray) -> NDArray[np.signedinteger[Any]]:
    """Return for each cell of [T x N] the row of the last true one at or before it, -1 where there is none."""
    small = np.min_scalar_type(-known.shape[0] - 1)  # Two bytes are enough for a century of sessions.
    rows = np.arange(known.shape[0], dtype=small)[:, None]
    return np.maximum.accumulate(np.where(known, rows, small.type(-1)), axis=0)


def newest(known_at: TimeArray, column: IntArray, moments: TimeArray, n_symbols: int) -> IntArray:
    """Return the place of the last item about each symbol that was known at each moment, -1 where there is none.

    Parameters
    ----------
    known_at : datetime64 array, shape (M,)
        When each item became known, ascending.
    column : int64 array, shape (M,)
        Symbol of each item.
    moments : datetime64 array, shape (R,)
        In any order.
    n_symbols : int

    Returns
    -------
    int64 array, shape (R, N)

    Examples
    --------
    >>> day = np.datetime64("2014-01-01") + np.arange(4)
    >>> newest(day[:3], np.array([0, 1, 0]), day[[3, 1]], 3)
    array([[ 2,  1, -1],
           [ 0,  1, -1]])
    """
    order = np.argsort(moments, kind="stable")
    known = np.searchsorted(known_at, moments[order], side="right")
    first = np.repeat(np.arange(moments.size), np.diff(known, prepend=0))
    last = np.full((moments.size, n_symbols), -1, dtype=np.int64)
    last[first, column[: first.size]] = np.arange(first.size)  # Of several of a symbol the last stays.
    out = np.empty_like(last)
    out[order] = np.maximum.accumulate(last, axis=0)
    return out


def taken(figures: NDArray[Any], place: IntArray, missing: object) -> NDArray[Any]:
    """Return the figure at each place, shape of the places; `missing` where a place is -1.

    Examples
    --------
    >>> taken(np.array([7.0, 8.0]), np.array([1, -1]), np.nan)
    array([ 8., nan])
    """
    out = np.full(place.shape, missing, dtype=figures.dtype)
    out[place >= 0] = figures[place[place >= 0]]
    return out


def measured(value: FloatArray, score: FloatArray, reason: NDArray[np.int8], as_of: DateArray) -> Measured:
    """Assemble a `Measured` whose ``reason`` is PRESENT exactly where its score is finite.

    Parameters
    ----------
    value, score : float64 arrays, shape (R, N)
    reason : int8 array, shape (R, N)
        Why a score is missing; ignored where the score is finite. Where the score is NaN it must not say PRESENT.
    as_of : datetime64[D] array, shape (R, N)

    Raises
    ------
    ValueError
        If a shape differs, a score leaves 0-100, or a missing score has no reason.
    """
    shape = value.shape
    if not score.shape == reason.shape == as_of.shape == shape:
        raise ValueError(f"shapes differ: {shape}, {score.shape}, {reason.shape}, {as_of.shape}")
    present = np.isfinite(score)
    if (present & ((score < 0.0) | (score > 100.0))).any():
        raise ValueError("score: leaves the range 0-100")
    codes = np.where(present, np.int8(Reason.PRESENT), reason).astype(np.int8, copy=False)
    if (~present & (codes == np.int8(Reason.PRESENT))).any():
        raise ValueError("reason: a missing score needs a reason")
    dated = as_of.astype("datetime64[D]")
    return Measured(np.where(np.isfinite(value), value, np.nan), np.where(present, score, np.nan), codes, dated)


class Unranked(NamedTuple):
    """A measurement [R x N] before it is ranked: see `measured`; `low_is_good` turns the order round."""

    value: FloatArray
    reason: NDArray[np.int8]
    as_of: DateArray
    low_is_good: bool = False


def ranked(
    one: Unranked, *, groups: IntArray | None = None, min_group: int, peers: BoolArray | None = None
) -> Measured:
    """Score a measurement by its percentile among peers; a known value in too small a group is SMALL_PEER_GROUP.

    Other parameters are those of `percentile`.
    """
    return _ranked_together([one], groups, min_group, peers)[0]


def ranked_each(
    several: Sequence[Unranked], *, groups: IntArray | None = None, min_group: int, peers: BoolArray | None = None
) -> list[Measured]:
    """Return `ranked` of each of several measurements of the same sessions."""
    step = max(_AT_ONCE // max(several[0].value.shape[0], 1), 1) if several else 1
    starts = range(0, len(several), step)
    return [one for at in starts for one in _ranked_together(several[at : at + step], groups, min_group, peers)]


def _ranked_together(
    several: Sequence[Unranked], groups: IntArray | None, min_group: int, peers: BoolArray | None
) -> list[Measured]:
    value, reason, as_of = (np.concatenate([one[field] for one in several]) for field in range(3))
    ordered = np.concatenate([-one.value if one.low_is_good else one.value for one in several])
    within = None if peers is None else np.tile(peers, (len(several), 1))
    score = percentile(ordered, groups, min_group=min_group, peers=within)
    lost = np.isfinite(value) & ~np.isfinite(score)
    found = measured(value, score, np.where(lost, np.int8(Reason.SMALL_PEER_GROUP), reason), as_of)
    shape = (len(several), *several[0].value.shape)
    parts = [figures.reshape(shape) for figures in (found.value, found.score, found.reason, found.as_of)]
    return [Measured(*one) for one in zip(*parts, strict=True)]


def empty(n_rows: int, n_symbols: int, reason: Reason) -> Measured:
    """Return a sub-factor that is unknown throughout, for one reason."""
    nan = np.full((n_rows, n_symbols), np.nan)
    codes = np.full(nan.shape, np.int8(reason), dtype=np.int8)
    return measured(nan, nan.copy(), codes, np.full(nan.shape, np.datetime64("NaT", "D")))
