"""Isotonic calibration, and Venn-Abers prediction: two isotonic probabilities, one of which is calibrated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vfr.typing import FloatArray

__all__ = ["Isotonic", "VennAbers", "fit_isotonic", "fit_venn_abers", "merged"]


@dataclass(frozen=True, slots=True, eq=False)
class Isotonic:
    """Non-decreasing calibration: linear between `scores`, constant beyond them."""

    scores: FloatArray
    values: FloatArray

    def __call__(self, score: FloatArray) -> FloatArray:
        """Return probabilities of the score's shape; NaN stays NaN."""
        return np.asarray(np.interp(score, self.scores, self.values), dtype=np.float64)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON."""
        return {"scores": self.scores.tolist(), "values": self.values.tolist()}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Isotonic:
        """Read `to_dict`."""
        return cls(*(np.asarray(body[key], dtype=np.float64) for key in ("scores", "values")))


@dataclass(frozen=True, slots=True, eq=False)
class VennAbers:
    """Inductive Venn-Abers predictor: two step functions of the score.

    `p0` has one value more than `edges0`, as has `p1` than `edges1`: the probability given a new outcome of 0 steps up
    at each of its edges, the one given an outcome of 1 just after each of its own.
    """

    edges0: FloatArray
    p0: FloatArray
    edges1: FloatArray
    p1: FloatArray

    def interval(self, score: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return (p0, p1), each of the score's shape; NaN stays NaN."""
        unknown = np.isnan(score)
        low = self.p0[np.searchsorted(self.edges0, score, side="right")]
        high = self.p1[np.searchsorted(self.edges1, score, side="left")]
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)

    def __call__(self, score: FloatArray) -> FloatArray:
        """Return one probability per score: the two merged; NaN stays NaN."""
        return merged(*self.interval(score))

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON."""
        return {key: getattr(self, key).tolist() for key in ("edges0", "p0", "edges1", "p1")}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> VennAbers:
        """Read `to_dict`."""
        return cls(*(np.asarray(body[key], dtype=np.float64) for key in ("edges0", "p0", "edges1", "p1")))


def merged(p0: FloatArray, p1: FloatArray) -> FloatArray:
    """Return p1 / (1 - p0 + p1), the probability whose worst regret under log loss is smallest; NaN where either is.

    References
    ----------
    Vovk and Petej (2014), *Venn-Abers predictors*, UAI, section 4.

    Examples
    --------
    >>> merged(np.array([0.5]), np.array([0.5])).tolist(), merged(np.array([0.0]), np.array([1.0])).tolist()
    ([0.5], [0.5])
    """
    return np.asarray(p1 / (1.0 - p0 + p1), dtype=np.float64)


def _known(score: FloatArray, y: FloatArray, weight: FloatArray | None) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the rows whose score, outcome and weight are known and whose weight is above 0."""
    heavy = np.ones(score.size) if weight is None else weight
    use = np.isfinite(score) & np.isfinite(y) & np.isfinite(heavy) & (heavy > 0)
    return score[use], y[use], heavy[use]


def fit_isotonic(score: FloatArray, y: FloatArray, weight: FloatArray | None = None) -> Isotonic:
    """Fit the non-decreasing map of a score that is closest to the outcomes (pool adjacent violators).

    Parameters
    ----------
    score, y : float64 arrays, shape (n,)
        Out-of-fold scores and outcomes, 1 or 0; rows with either NaN are dropped.
    weight : float64 array, shape (n,), optional
        Weight of each row, 1 by default; rows of NaN or 0 are dropped.

    Returns
    -------
    Isotonic
        At most two points per pooled block. NaN everywhere when no row is left.

    References
    ----------
    Ayer, Brunk, Ewing, Reid and Silverman (1955), *An empirical distribution function for sampling with incomplete
    information*. Zadrozny and Elkan (2002), *Transforming classifier scores into accurate multiclass probabilities*.

    Examples
    --------
    >>> fitted = fit_isotonic(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    >>> fitted(np.array([0.0, 2.0, 3.0, 3.5])).tolist()
    [0.0, 0.5, 0.5, 0.75]
    """
    score, y, heavy = _known(score, y, weight)
    if score.size == 0:
        return Isotonic(np.zeros(1), np.full(1, np.nan))
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0.0, y_max=1.0).fit(score, y, sample_weight=heavy)
    return Isotonic(*(np.asarray(x, dtype=np.float64) for x in (fitted.X_thresholds_, fitted.y_thresholds_)))


def fit_venn_abers(
    score: FloatArray, y: FloatArray, weight: FloatArray | None = None, *, new_weight: float = 1.0
) -> VennAbers:
    """Prepare Venn-Abers prediction from calibration rows.

    For a new score the isotonic regression is fitted twice to the calibration rows and the new one, once with outcome
    0 and once with outcome 1; its values at the new score are p0 and p1. Whatever the distribution, one of the two is
    calibrated if rows are exchangeable. Market rows are not quite: names of one session move together.

    Parameters
    ----------
    score, y : float64 arrays, shape (n,)
        Out-of-fold scores and outcomes, 1 or 0; rows with either NaN are dropped.
    weight : float64 array, shape (n,), optional
        Weight of each row, 1 by default; rows of NaN or 0 are dropped. Pass (independent observations) / n for rows
        that say little new, and p1 - p0 widens to what is really known.
    new_weight : float
        Weight of the new row.

    Returns
    -------
    VennAbers
        Without calibration rows p0 is 0 and p1 is 1.

    Notes
    -----
    O(n log n) to sort, O(k) for the two passes over k distinct scores, O(log k) per new score; a pass keeps only the
    scores at which its function steps.

    References
    ----------
    Vovk and Petej (2014), *Venn-Abers predictors*, UAI. Vovk, Petej and Fedorova (2015), *Large-scale probabilistic
    predictors with and without guarantees of validity*, NIPS, algorithms 1 to 6, here with weights.

    Examples
    --------
    >>> fitted = fit_venn_abers(np.array([1.0, 2.0, 3.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    >>> [float(x[0]) for x in fitted.interval(np.array([2.5]))]
    [0.0, 1.0]
    >>> [round(float(x[0]), 3) for x in fitted.interval(np.array([2.0]))]
    [0.0, 0.5]
    """
    score, y, heavy = _known(score, y, weight)
    distinct, group = np.unique(score, return_inverse=True)
    mass = np.bincount(group, heavy, minlength=distinct.size).astype(np.float64)
    ups = np.bincount(group, heavy * y, minlength=distinct.size).astype(np.float64)
    # Seen in a mirror, an outcome of 0 is an outcome of 1 at the same place.
    p1 = _values_given_one(mass, ups, new_weight)
    p0 = 1.0 - _values_given_one(mass[::-1], (mass - ups)[::-1], new_weight)[::-1]
    step0, step1 = (np.flatnonzero(np.diff(p) != 0) for p in (p0, p1))
    return VennAbers(
        edges0=distinct[step0], p0=p0[np.append(step0, -1)], edges1=distinct[step1], p1=p1[np.append(step1, -1)]
    )


def _values_given_one(mass: FloatArray, ups: FloatArray, weight: float) -> FloatArray:
    """Return the isotonic value at each distinct score when a new row there has outcome 1, then beyond the last: 1.

    The new row walks from left to right through the cumulative sum diagram; each step moves one vertex. The value is
    the slope of the edge of the greatest convex minorant that spans the new row. What lies left of that edge never
    matters again, and a corner to its right that drops out of the minorant never returns, so each is visited once.
    """
    k = mass.size
    out = np.ones(k + 1)
    if k == 0:
        return out
    from scipy.optimize import isotonic_regression

    x, y = (np.concatenate(([0.0], np.cumsum(v))) for v in (mass, ups))
    # Corners right of the new row, which moves them by its weight in both directions; the nearest last.
    blocks = isotonic_regression(ups / mass, weights=mass).blocks
    corners = [(int(j), float(x[j]) + weight, float(y[j]) + weight) for j in blocks[::-1]]
    start, left = 0, (0.0, 0.0)
    while start < k:
        # Among outcomes of 1 only, rounding may keep a corner that the new row has passed.
        while corners[-1][0] <= start or (len(corners) > 1 and _above(corners[-1], left, corners[-2])):
            corners.pop()
        edge = (corners[-1][1] - left[0], corners[-1][2] - left[1])
        stop = _first_below(x, y, start + 1, left, edge)
        out[start:stop] = edge[1] / edge[0]
        start, left = stop, (float(x[stop]), float(y[stop]))
    # The slopes of a convex function rise; rounding lets one fall by its last bit where two are the same.
    return np.clip(np.maximum.accumulate(out), 0.0, 1.0)


def _above(corner: tuple[int, float, float], left: tuple[float, float], far: tuple[int, float, float]) -> bool:
    """Say whether a corner lies on or above the line from the left end to a farther corner."""
    (_, x, y), (_, far_x, far_y) = corner, far
    return (y - left[1]) * (far_x - left[0]) >= (far_y - left[1]) * (x - left[0])


def _first_below(x: FloatArray, y: FloatArray, first: int, left: tuple[float, float], edge: tuple[float, float]) -> int:
    """Return the first vertex from `first` on that lies below the line through the left end along the edge, else k."""
    length = 64
    while first < x.size:
        part = slice(first, first + length)
        below = (y[part] - left[1]) * edge[0] < edge[1] * (x[part] - left[0])
        if below.any():
            return first + int(np.argmax(below))
        first, length = first + length, 4 * length
    return x.size - 1
