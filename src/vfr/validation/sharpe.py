"""Reward for risk of a series of returns: how large, how certain, and how much of it many trials explain.

Returns are simple returns of equal periods in time order; NaN periods are dropped: a period that is unknown is not one
of zero. Every ratio is per period; `periods` (252 for sessions) makes it annual, by its square root. That rule is exact
for independent returns only. A ratio whose denominator is 0 is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import FloatArray, IntArray
from vfr.validation.bootstrap import Interval, block_rows
from vfr.validation.significance import newey_west

__all__ = [
    "ReturnMoments",
    "calmar_ratio",
    "deflated_sharpe_ratio",
    "expected_maximum_sharpe",
    "max_drawdown",
    "minimum_track_record_length",
    "probabilistic_sharpe_ratio",
    "return_moments",
    "sharpe_difference",
    "sharpe_ratio",
    "sortino_ratio",
]

_CHUNK = 256  # resamples held in memory at a time


@dataclass(frozen=True, slots=True)
class ReturnMoments:
    """What the uncertainty of a Sharpe ratio depends on; all per period.

    Parameters
    ----------
    sharpe : float
    skewness : float
        0 for a normal law.
    kurtosis : float
        Not in excess: 3 for a normal law.
    n : int
        Periods known.
    """

    sharpe: float
    skewness: float
    kurtosis: float
    n: int


def _known(returns: FloatArray) -> FloatArray:
    return np.asarray(returns[np.isfinite(returns)], dtype=np.float64)


def sharpe_ratio(returns: FloatArray, *, periods: float = 1.0) -> float:
    """Return mean over standard deviation (n - 1); pass returns in excess of the risk-free rate where that matters.

    References
    ----------
    Sharpe (1994), *The Sharpe ratio*, Journal of Portfolio Management 21.

    Examples
    --------
    >>> round(sharpe_ratio(np.array([0.01, 0.03, np.nan, -0.01, 0.01])), 4)
    0.6124
    """
    known = _known(returns)
    if known.size < 2 or np.ptp(known) == 0:
        return float("nan")
    return float(known.mean() / known.std(ddof=1) * np.sqrt(periods))


def sortino_ratio(returns: FloatArray, *, target: float = 0.0, periods: float = 1.0) -> float:
    """Return mean excess over a target, over the root mean square of what falls short of it; NaN when nothing does.

    References
    ----------
    Sortino and Price (1994), *Performance measurement in a downside risk framework*, Journal of Investing 3.

    Examples
    --------
    >>> round(sortino_ratio(np.array([0.02, -0.01, 0.03, -0.01])), 4)
    1.0607
    """
    excess = _known(returns) - target
    short = np.minimum(excess, 0.0)
    if not short.any():
        return float("nan")
    return float(excess.mean() / np.sqrt(np.mean(short**2)) * np.sqrt(periods))


def max_drawdown(returns: FloatArray) -> float:
    """Return the largest loss from a peak of compounded wealth, 0 to 1; its start is a peak. NaN without returns.

    Examples
    --------
    >>> round(max_drawdown(np.array([0.10, -0.50, 0.20, -0.10])), 4)
    0.5
    """
    known = _known(returns)
    if known.size == 0:
        return float("nan")
    wealth = np.cumprod(1.0 + known)
    return float(np.max(1.0 - wealth / np.maximum(np.maximum.accumulate(wealth), 1.0)))


def calmar_ratio(returns: FloatArray, *, periods: float) -> float:
    """Return compound growth per year over the largest drawdown, over the whole series; NaN without a drawdown.

    References
    ----------
    Young (1991), *Calmar ratio: a smoother tool*, Futures 20; there over 36 months.

    Examples
    --------
    >>> round(calmar_ratio(np.array([0.10, -0.05, 0.10]), periods=3), 4)
    2.99
    """
    known, fall = _known(returns), max_drawdown(returns)
    if not fall > 0:
        return float("nan")
    growth = np.prod(1.0 + known) ** (periods / known.size) - 1.0
    return float(growth / fall)


def return_moments(returns: FloatArray) -> ReturnMoments:
    """Return Sharpe ratio, skewness and kurtosis of a series; NaN below two returns, or when they do not vary.

    Examples
    --------
    >>> found = return_moments(np.array([0.01, 0.03, np.nan, -0.01, 0.01]))
    >>> round(found.sharpe, 4), round(found.kurtosis, 4), found.n
    (0.6124, 2.0, 4)
    """
    known, sharpe = _known(returns), sharpe_ratio(returns)
    if not np.isfinite(sharpe):
        return ReturnMoments(float("nan"), float("nan"), float("nan"), int(known.size))
    z = (known - known.mean()) / known.std()
    return ReturnMoments(sharpe, float(np.mean(z**3)), float(np.mean(z**4)), int(known.size))


def _spread(moments: ReturnMoments) -> float:
    """Return the variance of sqrt(n - 1) times the estimated Sharpe ratio (Mertens 2002); NaN unless positive."""
    s = moments.sharpe
    variance = 1.0 - moments.skewness * s + (moments.kurtosis - 1.0) / 4.0 * s * s
    return variance if variance > 0 else float("nan")


def probabilistic_sharpe_ratio(moments: ReturnMoments, benchmark: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio exceeds a benchmark, both per period; NaN when unknown.

    References
    ----------
    Bailey and López de Prado (2012), *The Sharpe ratio efficient frontier*, Journal of Risk 15.

    Examples
    --------
    Two years of monthly returns with an annual Sharpe ratio of 1.59, skewed and fat-tailed, as in the paper:

    >>> round(probabilistic_sharpe_ratio(ReturnMoments(0.458, -2.448, 10.164, 24)), 3)
    0.913
    """
    if moments.n < 2:
        return float("nan")
    from scipy.special import ndtr

    return float(ndtr((moments.sharpe - benchmark) * np.sqrt(moments.n - 1) / np.sqrt(_spread(moments))))


def expected_maximum_sharpe(trials: float, variance: float) -> float:
    """Return the Sharpe ratio that the best of several trials without skill is expected to show.

    Parameters
    ----------
    trials : float
        Number of independent trials.
    variance : float
        Variance of the Sharpe ratio over the trials, per period.

    Returns
    -------
    float
        Per period. 0 for one trial; NaN for none, or when the variance is unknown.

    References
    ----------
    Bailey and López de Prado (2014), *The deflated Sharpe ratio*, Journal of Portfolio Management 40, equation 1.

    Examples
    --------
    >>> round(expected_maximum_sharpe(100, 0.5 / 250), 4)
    0.1132
    """
    if trials == 1:
        return 0.0
    if not (trials > 1 and variance >= 0):
        return float("nan")
    from scipy.special import ndtri

    weight = np.euler_gamma
    best = (1.0 - weight) * ndtri(1.0 - 1.0 / trials) + weight * ndtri(1.0 - 1.0 / (trials * np.e))
    return float(np.sqrt(variance) * best)


def deflated_sharpe_ratio(moments: ReturnMoments, trials: float, variance: float) -> float:
    """Return the probability that the true Sharpe ratio exceeds 0, given that it was the best of several trials.

    Parameters
    ----------
    moments : ReturnMoments
        Of the chosen strategy, per period.
    trials, variance : float
        As in `expected_maximum_sharpe`: every trial ever run counts, so they come from a complete ledger.

    Returns
    -------
    float
        NaN when the trials are not counted (0), or their variance is unknown: not available, rather than flattering.

    References
    ----------
    Bailey and López de Prado (2014), *The deflated Sharpe ratio*, Journal of Portfolio Management 40.

    Examples
    --------
    The paper's strategy: annual Sharpe ratio 2.5 over five years of 250 sessions, the best of 100 trials:

    >>> round(deflated_sharpe_ratio(ReturnMoments(2.5 / np.sqrt(250), -3.0, 10.0, 1250), 100, 0.5 / 250), 3)
    0.9
    """
    return probabilistic_sharpe_ratio(moments, expected_maximum_sharpe(trials, variance))


def minimum_track_record_length(moments: ReturnMoments, benchmark: float = 0.0, level: float = 0.95) -> float:
    """Return the number of periods after which such a Sharpe ratio exceeds a benchmark with the given probability.

    Returns
    -------
    float
        Infinite when the ratio does not exceed the benchmark; NaN when it is unknown.

    References
    ----------
    Bailey and López de Prado (2012), *The Sharpe ratio efficient frontier*, Journal of Risk 15.

    Examples
    --------
    Normal daily returns, an annual Sharpe ratio of 2 against 1, in years of 250 sessions; the paper has 2.73:

    >>> normal = ReturnMoments(2 / np.sqrt(250), 0.0, 3.0, 250)
    >>> round(minimum_track_record_length(normal, 1 / np.sqrt(250)) / 250, 2)
    2.73
    """
    if moments.sharpe <= benchmark:
        return float("inf")
    from scipy.special import ndtri

    return float(1.0 + _spread(moments) * (ndtri(level) / (moments.sharpe - benchmark)) ** 2)


def _influence(x: FloatArray) -> FloatArray:
    """Return each period's influence on the Sharpe ratio of its series (last axis): the delta method by period."""
    z = (x - x.mean(axis=-1, keepdims=True)) / x.std(axis=-1, keepdims=True)
    sharpe = x.mean(axis=-1, keepdims=True) / x.std(axis=-1, keepdims=True)
    return np.asarray(z - 0.5 * sharpe * (z * z - 1.0))


def _resampled(x: FloatArray, y: FloatArray, rows: IntArray, block: int, estimate: float) -> FloatArray:
    """Return |difference* - difference| / its standard error*, one per resample; blocks are what is independent."""
    first, second = x[rows], y[rows]
    moving = (np.ptp(first, axis=1) > 0) & (np.ptp(second, axis=1) > 0)  # a resample that stands still says nothing
    first, second = first[moving], second[moving]
    drift = _influence(first) - _influence(second)
    sums = drift.reshape(drift.shape[0], -1, block).sum(axis=2)
    error = np.sqrt((sums**2).sum(axis=1)) / rows.shape[1]
    ratios = [s.mean(axis=1) / s.std(axis=1, ddof=1) for s in (first, second)]
    return np.asarray(np.abs(ratios[0] - ratios[1] - estimate) / np.maximum(error, 1e-300))


def sharpe_difference(
    first: FloatArray,
    second: FloatArray,
    *,
    block: int,
    rng: np.random.Generator,
    draws: int = 1000,
    level: float = 0.95,
    periods: float = 1.0,
) -> Interval:
    """Return the Sharpe ratio of one series minus that of another with a symmetric studentised bootstrap interval.

    Parameters
    ----------
    first, second : float64 arrays, shape (T,)
        Returns of the same periods; a period with either NaN is dropped.
    block : int
        Periods per block of the circular bootstrap: as long as returns depend on each other.
    rng : numpy.random.Generator
    draws : int
    level : float
    periods : float
        Periods per year.

    Returns
    -------
    Interval
        NaN throughout below two blocks, or when a series, or the difference, does not vary.

    References
    ----------
    Ledoit and Wolf (2008), *Robust performance hypothesis testing with the Sharpe ratio*, Journal of Empirical Finance
    15. The standard error of the sample itself uses Bartlett weights over `block` lags instead of their kernels.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> market = rng.normal(0.0, 0.01, 1000)
    >>> got = sharpe_difference(market + 0.002, market, block=5, rng=rng)
    >>> got.low > 0
    True
    """
    both = np.isfinite(first) & np.isfinite(second)
    x, y = first[both], second[both]
    estimate = sharpe_ratio(x) - sharpe_ratio(y)
    if x.size < 2 * block or not np.isfinite(estimate):
        return Interval(float("nan"), float("nan"), float("nan"))
    error = newey_west(_influence(x) - _influence(y), block).error
    if not error > 1e-12:  # rounding aside, the two are one series
        return Interval(float("nan"), float("nan"), float("nan"))
    whole = x.size - x.size % block
    drawn: list[FloatArray] = []
    for start in range(0, draws, _CHUNK):
        rows = block_rows(x.size, block, min(_CHUNK, draws - start), rng)[:, :whole]
        drawn.append(_resampled(x, y, rows, block, estimate))
    away = np.concatenate(drawn)
    width = float(np.quantile(away, level)) * error if away.size else float("nan")
    scale = float(np.sqrt(periods))
    return Interval(estimate * scale, (estimate - width) * scale, (estimate + width) * scale)
