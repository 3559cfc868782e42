"""The arithmetic of combining: weights, pools and votes over members, which are the first axis of every array.

What follows that axis is free, (N,) or (R, N): a request and the record of a thousand sessions are combined alike.
"""

from __future__ import annotations

import numpy as np

from vfr.models.design import session_ranks
from vfr.typing import NEUTRAL_BAND, BoolArray, FloatArray
from vfr.validation.calibration import expit

__all__ = ["hard_vote", "linear", "linear_pool", "log_odds", "log_odds_pool", "margin", "same_side", "shares"]

_EDGE = 1e-6
"""A probability this close to 0 or 1 is as certain as log-odds get."""

_ROUNDING = 1e-12
"""What the order of a sum may change."""


def shares(held: FloatArray, usable: BoolArray) -> FloatArray:
    """Renormalise weights over the members that can be used, cell by cell.

    Parameters
    ----------
    held : float64 array, shape (M,)
        At least 0.
    usable : bool array, shape (M, ...)

    Returns
    -------
    float64 array, shape (M, ...)
        At least 0; sums to 1 where any member can be used, else 0. Usable members that hold nothing share equally
        where nobody else can be used.

    Examples
    --------
    >>> usable = np.array([[True, True, False, False], [True, False, False, False], [True, False, True, False]])
    >>> shares(np.array([0.75, 0.25, 0.0]), usable).tolist()
    [[0.75, 1.0, 0.0, 0.0], [0.25, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    """
    weights = usable * held.reshape(-1, *(1,) * (usable.ndim - 1))
    weights = np.where(weights.sum(axis=0) > 0, weights, usable)
    total = weights.sum(axis=0)
    return np.asarray(weights / np.where(total > 0, total, 1.0), dtype=np.float64)


def linear_pool(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Return weighted means over members, shape (...); NaN where no member has weight (Stone 1961).

    Of interval bounds it averages quantiles (Lichtendahl, Grushka-Cockayne and Winkler 2013).

    Examples
    --------
    >>> linear_pool(np.array([[0.6, 0.5], [0.5, np.nan]]), np.array([[0.5, 1.0], [0.5, 0.0]])).tolist()
    [0.55, 0.5]
    """
    mean = (weights * np.where(weights > 0, values, 0.0)).sum(axis=0)
    return np.asarray(np.where(weights.sum(axis=0) > 0, mean, np.nan))


def hard_vote(p_up: FloatArray, weights: FloatArray) -> FloatArray:
    """Return the winners' mean probability in a weighted majority vote; one half on a tie, NaN without a voter.

    Members within the neutral band abstain. Littlestone and Warmuth (1994), *The weighted majority algorithm*.

    Examples
    --------
    >>> hard_vote(np.array([[0.6, 0.6], [0.7, 0.4], [0.1, 0.505]]), np.full((3, 2), 1 / 3)).round(3).tolist()
    [0.65, 0.5]
    """
    up = np.where(p_up - 0.5 >= NEUTRAL_BAND, weights, 0.0)
    down = np.where(0.5 - p_up >= NEUTRAL_BAND, weights, 0.0)
    ahead = up.sum(axis=0) - down.sum(axis=0)
    # Sums of the same votes in another order differ in their last bits, which decide nothing.
    winners = np.where(ahead > _EDGE, up, np.where(ahead < -_EDGE, down, 0.0))
    won = winners.sum(axis=0)
    mean = (winners * np.where(winners > 0, p_up, 0.0)).sum(axis=0) / np.where(won > 0, won, 1.0)
    return np.asarray(np.where(weights.sum(axis=0) > 0, np.where(won > 0, mean, 0.5), np.nan))


def log_odds(p: FloatArray) -> FloatArray:
    """Return log(p / (1 - p)), with p clipped to [1e-6, 1 - 1e-6]; NaN stays NaN."""
    clipped = np.clip(p, _EDGE, 1.0 - _EDGE)
    return np.asarray(np.log(clipped / (1.0 - clipped)))


def log_odds_pool(p_up: FloatArray, coefficients: FloatArray, intercept: float) -> FloatArray:
    """Return the probability whose log-odds are a linear function of the members', shape (...); NaN if one is NaN.

    Satopää, Baron, Foster, Mellers, Tetlock and Ungar (2014), *Combining multiple probability predictions using a
    simple logit model*.

    Examples
    --------
    >>> log_odds_pool(np.array([[0.6], [0.6]]), np.array([0.5, 0.5]), 0.0).round(6).tolist()
    [0.6]
    """
    return expit(intercept + linear(log_odds(p_up), coefficients))


def linear(values: FloatArray, coefficients: FloatArray) -> FloatArray:
    """Return the sum over members of a coefficient, shape (M,), times the values, shape (...); NaN if one is NaN.

    Examples
    --------
    >>> linear(np.array([[0.01, 0.02], [0.03, np.nan]]), np.array([0.5, 0.5])).tolist()
    [0.02, nan]
    """
    return np.asarray((values * coefficients.reshape(-1, *(1,) * (values.ndim - 1))).sum(axis=0))


def same_side(values: FloatArray, weights: FloatArray, combined: FloatArray, centre: float) -> FloatArray:
    """Return the share of the weight on the combined value's side of a centre, shape (...); NaN without a member.

    The centre itself belongs to the lower side. A combined value at the centre, but for rounding, has no side: the
    larger one counts.

    Examples
    --------
    >>> weights = np.array([[0.5], [0.25], [0.25]])
    >>> same_side(np.array([[0.02], [0.01], [-0.01]]), weights, np.array([0.01]), 0.0).tolist()
    [0.75]
    """
    above = (weights * (np.where(weights > 0, values, centre) > centre)).sum(axis=0)
    beyond = combined - centre
    middle = np.where(beyond < -_ROUNDING, 1.0 - above, np.maximum(above, 1.0 - above))
    side = np.where(beyond > _ROUNDING, above, middle)
    return np.asarray(np.where(weights.sum(axis=0) > 0, side, np.nan))


def margin(expected: FloatArray) -> FloatArray:
    """Return each name's distance from the middle of its session, 0 to 0.5, by expected excess; (R, N) or (N,).

    Examples
    --------
    >>> margin(np.array([0.03, 0.01, np.nan, 0.02])).round(3).tolist()
    [0.333, 0.333, nan, 0.0]
    """
    return np.abs(session_ranks(np.atleast_2d(expected))).reshape(expected.shape)
