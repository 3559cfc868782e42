"""Scores of probability forecasts of a yes-or-no outcome; vectors of equal length, NaN rows already dropped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import FloatArray, IntArray
from vfr.validation.correlation import midranks

__all__ = [
    "Bin",
    "accuracy",
    "area_under_curve",
    "balanced_accuracy",
    "brier",
    "brier_skill",
    "expected_calibration_error",
    "log_loss",
    "matthews",
    "reliability",
]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of a reliability diagram: mean forecast, observed frequency, number of forecasts."""

    forecast: float
    observed: float
    count: int


def brier(p: FloatArray, y: FloatArray) -> float:
    """Return the mean squared error of the probabilities (Brier 1950); 0 is perfect."""
    return float(np.mean((p - y) ** 2))


def brier_skill(p: FloatArray, reference: FloatArray, y: FloatArray) -> float:
    """Return 1 - Brier(p) / Brier(reference); above 0 beats the reference."""
    return 1.0 - brier(p, y) / brier(reference, y)


def log_loss(p: FloatArray, y: FloatArray) -> float:
    """Return the mean negative log likelihood; probabilities are clipped at 1e-12."""
    q = np.clip(p, 1e-12, 1.0 - 1e-12)
    return float(-np.mean(y * np.log(q) + (1.0 - y) * np.log1p(-q)))


def accuracy(up: FloatArray, y: FloatArray) -> float:
    """Return the share of calls (1 up, 0 not up) that came true."""
    return float(np.mean(up == y))


def _table(up: FloatArray, y: FloatArray) -> tuple[float, float, float, float]:
    hit, miss = float(np.sum(up * y)), float(np.sum((1 - up) * y))
    false_alarm, reject = float(np.sum(up * (1 - y))), float(np.sum((1 - up) * (1 - y)))
    return hit, miss, false_alarm, reject


def balanced_accuracy(up: FloatArray, y: FloatArray) -> float:
    """Return the mean of sensitivity and specificity; NaN when the outcome has one class only."""
    hit, miss, false_alarm, reject = _table(up, y)
    if hit + miss == 0 or false_alarm + reject == 0:
        return float("nan")
    return 0.5 * (hit / (hit + miss) + reject / (false_alarm + reject))


def matthews(up: FloatArray, y: FloatArray) -> float:
    """Return Matthews' correlation of calls and outcomes; 0 when either has one class only (Matthews 1975)."""
    hit, miss, false_alarm, reject = _table(up, y)
    scale = (hit + false_alarm) * (hit + miss) * (reject + false_alarm) * (reject + miss)
    return (hit * reject - false_alarm * miss) / float(np.sqrt(scale)) if scale > 0 else 0.0


def area_under_curve(score: FloatArray, y: FloatArray) -> float:
    """Return the probability that a random positive outscores a random negative (ties count half)."""
    positives = float(y.sum())
    negatives = float(y.size) - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    rank_sum = float(midranks(score)[y > 0].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def reliability(p: FloatArray, y: FloatArray, bins: int = 10) -> tuple[Bin, ...]:
    """Return equal-count bins by forecast, lowest first; equals may fall in neighbouring bins, the first ones first.

    Examples
    --------
    >>> reliability(np.array([0.6, 0.4, 0.6]), np.array([1.0, 0.0, 0.0]), 2)
    (Bin(forecast=0.5, observed=0.5, count=2), Bin(forecast=0.6, observed=0.0, count=1))
    """
    sizes = [part.size for part in np.array_split(p, bins) if part.size]
    place = _bin_of_each(p, np.cumsum(sizes)[:-1])
    sums = (np.bincount(place, weights=values, minlength=len(sizes)).tolist() for values in (p, y))
    return tuple(Bin(top / n, came / n, n) for top, came, n in zip(*sums, sizes, strict=True))


def _bin_of_each(p: FloatArray, starts: IntArray) -> IntArray:
    """Return which bin each forecast is in, if all in order were cut before some places; no order is made of all."""
    edges = np.partition(p, starts)[starts] if starts.size else p[:0]
    place = np.searchsorted(edges, p, side="right")
    for value in np.unique(edges).tolist():
        ties = np.flatnonzero(p == value)
        place[ties] = np.searchsorted(starts, np.count_nonzero(p < value) + np.arange(ties.size), side="right")
    return place


def expected_calibration_error(p: FloatArray, y: FloatArray, bins: int = 10) -> float:
    """Return the count-weighted mean distance of forecast and frequency over equal-count bins.

    References
    ----------
    Naeini, Cooper and Hauskrecht (2015), *Obtaining well calibrated probabilities using Bayesian binning*.
    """
    return sum(b.count * abs(b.forecast - b.observed) for b in reliability(p, y, bins)) / max(p.size, 1)
