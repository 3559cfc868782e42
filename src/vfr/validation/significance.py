"""Tests of whether a mean differs from zero when neighbouring observations overlap."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np

from vfr.typing import FloatArray

__all__ = ["MeanTest", "newey_west", "overlap_lag"]


@dataclass(frozen=True, slots=True)
class MeanTest:
    """A mean with its heteroskedasticity- and autocorrelation-consistent standard error."""

    mean: float
    error: float
    t: float
    n: int


def overlap_lag(horizon: int) -> int:
    """Return the lag for daily observations of an h-session outcome: at least 1.5 h.

    Examples
    --------
    >>> [overlap_lag(h) for h in (1, 5, 21)]
    [2, 8, 32]
    """
    return ceil(1.5 * horizon)


def newey_west(values: FloatArray, lag: int) -> MeanTest:
    """Test whether the mean of a time series is zero.

    Parameters
    ----------
    values : float64 array, shape (R,)
        In time order; NaN observations are dropped.
    lag : int
        Autocovariances used, with Bartlett weights.

    Returns
    -------
    MeanTest
        NaN throughout below two observations.

    References
    ----------
    Newey and West (1987), *A simple, positive semi-definite, heteroskedasticity and autocorrelation consistent
    covariance matrix*, Econometrica 55.
    """
    x = values[np.isfinite(values)]
    n = int(x.size)
    if n < 2:
        return MeanTest(float("nan"), float("nan"), float("nan"), n)
    mean = float(x.mean())
    e = x - mean
    variance = float(e @ e) / n
    for k in range(1, min(lag, n - 1) + 1):
        variance += 2.0 * (1.0 - k / (lag + 1)) * float(e[k:] @ e[:-k]) / n
    error = float(np.sqrt(max(variance, 0.0) / n))
    return MeanTest(mean, error, mean / error if error > 0 else float("nan"), n)
