"""Split conformal intervals whose width follows a predicted scale."""

from __future__ import annotations

from math import ceil

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["conformal_quantile", "coverage", "interval_score"]


def conformal_quantile(residual: FloatArray, scale: FloatArray, level: float) -> float:
    """Return the multiple of the scale that covers a new residual with the given probability.

    Parameters
    ----------
    residual, scale : float64 arrays, shape (n,)
        Outcome minus forecast, and its predicted scale (positive), on rows that trained neither; no NaN.
    level : float
        Nominal coverage, 0 to 1.

    Returns
    -------
    float
        Infinite when n is too small for the level.

    References
    ----------
    Lei, G'Sell, Rinaldo, Tibshirani and Wasserman (2018), *Distribution-free predictive inference for regression*,
    JASA 113, section 5.2 (locally weighted).
    """
    n = residual.size
    rank = ceil((n + 1) * level)
    if rank > n:
        return float("inf")
    return float(np.partition(np.abs(residual) / scale, rank - 1)[rank - 1])


def coverage(low: FloatArray, high: FloatArray, outcome: FloatArray) -> BoolArray:
    """Return where the outcome lies inside its interval, ends included."""
    return np.asarray((outcome >= low) & (outcome <= high))


def interval_score(low: FloatArray, high: FloatArray, outcome: FloatArray, level: float) -> float:
    """Return the mean interval score: width plus 2 / (1 - level) times the distance outside; lower is better.

    References
    ----------
    Gneiting and Raftery (2007), *Strictly proper scoring rules, prediction, and estimation*, JASA 102.
    """
    miss = np.maximum(low - outcome, 0.0) + np.maximum(outcome - high, 0.0)
    return float(np.mean(high - low + 2.0 / (1.0 - level) * miss))
