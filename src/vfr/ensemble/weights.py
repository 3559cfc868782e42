"""Weights of members, learned from outcomes that had matured: multiplicative, slow, shrunk toward equal, bounded.

A member's weight is multiplied by exp(-rate x loss) once per date (Hedge), and a small share of all weights is spread
evenly afterwards (fixed share), so that a member that was bad for years can come back. The rate is the one that
minimises the bound on regret over `HedgeRule.memory` sessions when outcomes arrive h sessions late and overlap: it
falls with the square root of h, so that chance moves the weights equally far at every horizon.

Everything is a pure function of the record: the same record gives the same weights after any restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Final

import numpy as np

from vfr.ensemble.scores import Scores
from vfr.typing import HORIZONS, DateArray, FloatArray, Horizon

__all__ = [
    "ALL_BENCHED",
    "RULE",
    "HedgeRule",
    "bounded",
    "date_losses",
    "hedge",
    "weights_by_session",
    "with_health",
]

ALL_BENCHED: Final = "equal weights: every member is benched"
"""What to say where `with_health` finds nobody fit."""

_ROUNDING: Final = 1e-6
"""Differences between members smaller than this say nothing."""


@dataclass(frozen=True, slots=True)
class HedgeRule:
    """How fast weights move, and how far.

    Parameters
    ----------
    memory : int
        Sessions over which members are compared; the rate is sqrt(8 ln M / (memory x h)), and 1 / memory of all
        weights is spread evenly per date: one change of the best member is expected in that time.
    trust : float
        Share of the learned weights in the final ones, the rest is equal. With one half and five members a weight
        lies between 0.10 and 0.60 whatever happens.
    floor, cap : float
        Bounds of a weight; see `bounded`.
    clip : float
        Standard deviations between members at which a date's loss reaches 0 or 1.
    """

    memory: int = 1260
    trust: float = 0.5
    floor: float = 0.05
    cap: float = 0.60
    clip: float = 3.0

    def rate(self, members: int, h: int) -> float:
        """Return the learning rate for M members and outcomes over h sessions.

        Examples
        --------
        >>> [round(HedgeRule().rate(5, h), 3) for h in (1, 5, 21)]
        [0.101, 0.045, 0.022]
        """
        return float(np.sqrt(8.0 * np.log(max(members, 1)) / (self.memory * h)))


RULE: Final = HedgeRule()
"""The rule in use."""


def weights_by_session(scores: Scores, sessions: DateArray, horizon: Horizon, rule: HedgeRule = RULE) -> FloatArray:
    """Return the weights that answer for each session, shape (R, M).

    Parameters
    ----------
    scores : Scores
        The record of M members; the more of it, the better.
    sessions : datetime64[D] array, shape (R,)
        The sessions of the market, increasing, from the first date of the record on. Dates of the record after the
        last of them have not matured and are not read.
    horizon : Horizon
        The loss of session s counts from session s + h + 2 on: its outcome ends with the price of s + 1 + h.
    rule : HedgeRule, optional

    Returns
    -------
    float64 array, shape (R, M)
        At least 0, each row sums to 1. Equal before anything has matured. A date on which a member was not judged
        leaves its learned weight as it is.

    Raises
    ------
    ValueError
        If a date of the record up to the last session is not among the sessions.

    References
    ----------
    Freund and Schapire (1997), *A decision-theoretic generalization of on-line learning and an application to
    boosting*, JCSS 55. Herbster and Warmuth (1998), *Tracking the best expert*, Machine Learning 32. Freund, Schapire,
    Singer and Warmuth (1997), *Using and combining predictors that specialize*, STOC (members that are not judged).
    Joulani, György and Szepesvári (2013), *Online learning under delayed feedback*, ICML.

    Examples
    --------
    >>> from vfr.ensemble.scores import from_array
    >>> days = np.arange("2014-01", "2016-01", dtype="datetime64[D]")
    >>> figures = np.full((days.size, 12), np.nan)
    >>> figures[:, 0], figures[:, 8], figures[:, 9] = days.astype(float), 0.04, 0.0
    >>> found = weights_by_session(from_array(("linear", "trees"), figures), days, "1d")
    >>> found[2].tolist(), found[-1].round(3).tolist()
    ([0.5, 0.5], [0.6, 0.4])
    """
    count, h = len(scores.members), HORIZONS[horizon]
    inside = scores.dates <= sessions[-1] if sessions.size else np.zeros(scores.dates.size, dtype=bool)
    place = np.searchsorted(sessions, scores.dates[inside])
    if (sessions[place] != scores.dates[inside]).any():
        raise ValueError("a date of the record is not among the sessions")
    learned = hedge(date_losses(scores, rule)[inside], rule.rate(count, h), 1.0 / rule.memory)
    known = np.searchsorted(place + h + 2, np.arange(sessions.size), side="right")
    mixed = rule.trust * learned[known] + (1.0 - rule.trust) / max(count, 1)
    low, high = np.full(count, rule.floor), np.full(count, rule.cap)
    return bounded(mixed, low, high)


def date_losses(scores: Scores, rule: HedgeRule = RULE) -> FloatArray:
    """Return one loss in [0, 1] per date and member, one half where members do equally well, shape (D, M).

    Parameters
    ----------
    scores : Scores
    rule : HedgeRule, optional

    Returns
    -------
    float64 array, shape (D, M)
        From the log loss of P(up) and the rank correlation of the excess score, both less the mean of the members
        judged that day: what the market did to all of them cancels. Each is divided by its standard deviation
        between members over the record up to and including that date, the two are averaged, and `HedgeRule.clip`
        standard deviations are the ends. NaN where a member was not judged.
    """
    ahead = np.stack([_ahead(-scores.log_loss), _ahead(scores.ic)])
    known = np.isfinite(ahead)
    count = known.sum(axis=0)
    total = np.where(known, ahead, 0.0).sum(axis=0)
    mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.asarray(np.clip(0.5 - mean / (2.0 * rule.clip), 0.0, 1.0))


def hedge(losses: FloatArray, rate: float, share: float) -> FloatArray:
    """Return multiplicative weights before the first date and after each, shape (D + 1, M).

    Parameters
    ----------
    losses : float64 array, shape (D, M)
        In [0, 1]; NaN where a member was not judged: the others exchange weight among themselves only.
    rate : float
        Learning rate, at least 0.
    share : float
        Part of the weight that is spread evenly after each date, 0 to 1.

    Returns
    -------
    float64 array, shape (D + 1, M)
        Positive, each row sums to 1; equal in the first.

    Notes
    -----
    Without a share, over D dates on which all are judged, the weighted loss exceeds that of the best member by at
    most ln(M) / rate + rate D / 8.

    Examples
    --------
    >>> hedge(np.array([[0.0, 1.0], [np.nan, 1.0]]), rate=1.0, share=0.0).round(3).tolist()
    [[0.5, 0.5], [0.731, 0.269], [0.731, 0.269]]
    """
    members = losses.shape[1]
    judged = np.isfinite(losses)
    factors = np.exp(-rate * np.where(judged, losses, 0.0))
    weights = [1.0 / max(members, 1)] * members
    out = [weights]
    # A handful of plain numbers a date: arrays so small cost more to make than to add.
    for awake, factor in zip(judged.tolist(), factors.tolist(), strict=True):
        moved = [weight * by for weight, by in zip(weights, factor, strict=True)]
        mass, left = sum(compress(weights, awake)), sum(compress(moved, awake))
        if left > 0.0:
            scale, extra = mass / left, share * mass / sum(awake)
            held = zip(weights, moved, awake, strict=True)
            weights = [(1.0 - share) * to * scale + extra if judges else was for was, to, judges in held]
        out.append(weights)
    return np.array(out)


def bounded(weights: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Return the nearest weights that sum to 1 within bounds, shape (..., M).

    Parameters
    ----------
    weights : float64 array, shape (..., M)
        Finite.
    low, high : float64 arrays, shape (M,) or (..., M)
        Least and largest weight of each member, 0 to 1, low at most high. Where the lows sum to more than 1 they are
        scaled down together; where the highs sum to less they are scaled up: one member alone has weight 1.

    Returns
    -------
    float64 array, shape (..., M)
        The Euclidean projection, exact: clip(w - c, low, high) with the one c for which it sums to 1.

    References
    ----------
    Brucker (1984), *An O(n) algorithm for quadratic knapsack problems*, Operations Research Letters 3.

    Examples
    --------
    >>> bounded(np.array([0.9, 0.1, 0.0]), np.full(3, 0.05), np.full(3, 0.6)).round(3).tolist()
    [0.6, 0.25, 0.15]
    >>> bounded(np.array([1.0]), np.array([0.05]), np.array([0.6])).tolist()
    [1.0]
    """
    least, most = np.broadcast_to(low, weights.shape), np.broadcast_to(high, weights.shape)
    lows, highs = least.sum(axis=-1, keepdims=True), most.sum(axis=-1, keepdims=True)
    least = least / np.maximum(lows, 1.0)
    most = np.where(highs < 1.0, most / np.where(highs > 0.0, highs, 1.0), most)
    knots = np.sort(np.concatenate([weights - least, weights - most], axis=-1), axis=-1)
    sums = np.clip(weights[..., None, :] - knots[..., :, None], least[..., None, :], most[..., None, :]).sum(axis=-1)
    # The sum falls along the knots and is linear between two of them.
    right = np.clip((sums >= 1.0).sum(axis=-1, keepdims=True), 1, knots.shape[-1] - 1)
    (x0, x1), (y0, y1) = ([np.take_along_axis(of, at, axis=-1) for at in (right - 1, right)] for of in (knots, sums))
    fall = y0 - y1
    c = x0 + np.divide((y0 - 1.0) * (x1 - x0), fall, out=np.zeros_like(fall), where=fall > 0.0)
    return np.asarray(np.clip(weights - c, least, most))


def with_health(weights: FloatArray, health: FloatArray, rule: HedgeRule = RULE) -> FloatArray:
    """Take weight from members that are unwell, and give it to the others.

    Parameters
    ----------
    weights : float64 array, shape (M,) or (R, M)
        Each row sums to 1.
    health : float64 array, shape (M,) or (R, M)
        1 fit, 0 benched.
    rule : HedgeRule, optional
        Its cap holds for the fit; a member that is not fit never gains.

    Returns
    -------
    float64 array, of the broadcast shape
        weight x health, renormalised. The floor protects nobody who is unwell; the cap gives way where the fit could
        not hold all the weight otherwise. Equal weights where all are benched: say so (`ALL_BENCHED`).

    Examples
    --------
    >>> with_health(np.array([0.5, 0.3, 0.2]), np.array([1.0, 0.0, 1.0])).round(3).tolist()
    [0.6, 0.0, 0.4]
    >>> with_health(np.array([0.5, 0.5]), np.zeros(2)).tolist()
    [0.5, 0.5]
    """
    left = weights * health
    total = left.sum(axis=-1, keepdims=True)
    shares = np.divide(left, total, out=np.full(left.shape, 1.0 / left.shape[-1]), where=total > 0.0)
    fit = np.broadcast_to(health >= 1.0, shares.shape)
    unwell = np.where(fit, 0.0, shares).sum(axis=-1, keepdims=True)
    cap = np.maximum(rule.cap, (1.0 - unwell) / np.maximum(fit.sum(axis=-1, keepdims=True), 1))
    return bounded(shares, np.where(fit, 0.0, shares), np.where(fit, cap, shares))


def _ahead(values: FloatArray) -> FloatArray:
    """Return by how many standard deviations each member is ahead of the mean of those judged, shape (D, M)."""
    known = np.isfinite(values)
    count = known.sum(axis=1, keepdims=True)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=1, keepdims=True) / np.maximum(count, 1)
    gap = np.where(known, filled - mean, 0.0)
    squares = np.cumsum((gap * gap).sum(axis=1, keepdims=True), axis=0)
    spread = np.sqrt(squares / np.maximum(np.cumsum(np.maximum(count - 1, 0), axis=0), 1))
    return np.where(known & (count > 1), gap / np.maximum(spread, _ROUNDING), np.nan)
