"""Where the close stands among its last bars.

Kernels on the bars of one symbol: oldest first, no NaN; every cell of an output is written, NaN while the window warms
up. Definitions and warm-up are TA-Lib's.
"""

from __future__ import annotations

import numpy as np

from vfr.indicators.averages import sma_from
from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["aroon", "bollinger", "cci", "fast_k", "stddev", "stddev_from", "stochastic", "williams_r"]

_ZERO = 1e-14


@kernel
def fast_k(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    """Close within the high-low range of the last `n` bars, 0-100; 0 where the range is empty."""
    out[:] = np.nan
    for i in range(n - 1, close.size):
        highest, lowest = high[i], low[i]
        for j in range(i - n + 1, i):
            highest, lowest = max(highest, high[j]), min(lowest, low[j])
        span = (highest - lowest) / 100.0
        out[i] = (close[i] - lowest) / span if span != 0.0 else 0.0


@kernel
def stochastic(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    slow_k: int,
    slow_d: int,
    k: FloatArray,
    d: FloatArray,
) -> None:
    """Slow stochastic (Lane): `fast_k` averaged over `slow_k` bars, and that averaged over `slow_d`; both 0-100."""
    raw = np.empty(close.size)
    fast_k(high, low, close, n, raw)
    sma_from(raw, n - 1, slow_k, k)
    sma_from(k, n + slow_k - 2, slow_d, d)
    for i in range(close.size):
        if np.isnan(d[i]):
            k[i] = np.nan


@kernel
def williams_r(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    """Williams %R, -100 to 0: the close below the highest high of `n` bars, in percent of their range."""
    out[:] = np.nan
    for i in range(n - 1, close.size):
        highest, lowest = high[i], low[i]
        for j in range(i - n + 1, i):
            highest, lowest = max(highest, high[j]), min(lowest, low[j])
        span = (highest - lowest) / -100.0
        out[i] = (highest - close[i]) / span if span != 0.0 else 0.0


@kernel
def cci(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    """Commodity channel index (Lambert 1980): typical price less its mean, over 0.015 mean absolute deviations."""
    out[:] = np.nan
    ring = np.zeros(n)  # slot i % n holds bar i: sums run in slot order, as the reference's do
    for i in range(close.size):
        last = (high[i] + low[i] + close[i]) / 3.0
        ring[i % n] = last
        if i < n - 1:
            continue
        mean = 0.0
        for s in range(n):
            mean += ring[s]
        mean /= n
        deviation = 0.0
        for s in range(n):
            deviation += abs(ring[s] - mean)
        away = last - mean
        out[i] = away / (0.015 * (deviation / n)) if away != 0.0 and deviation != 0.0 else 0.0


@kernel
def aroon(high: FloatArray, low: FloatArray, n: int, down: FloatArray, up: FloatArray) -> None:
    """Aroon (Chande 1995): bars since the lowest low and the highest high of the last `n + 1` bars, 100 = this bar."""
    down[:] = np.nan
    up[:] = np.nan
    for i in range(n, high.size):
        lowest, highest = i - n, i - n
        for j in range(i - n + 1, i + 1):
            if low[j] <= low[lowest]:
                lowest = j
            if high[j] >= high[highest]:
                highest = j
        down[i] = 100.0 / n * (n - (i - lowest))
        up[i] = 100.0 / n * (n - (i - highest))


@kernel
def stddev_from(x: FloatArray, start: int, n: int, out: FloatArray) -> None:
    """Compute the population standard deviation of `n` bars of ``x[start:]``, by running sums."""
    out[:] = np.nan
    total, squares = 0.0, 0.0
    for i in range(start, x.size):
        total += x[i]
        squares += x[i] * x[i]
        if i - start >= n - 1:
            mean, mean_square = total / n, squares / n
            total -= x[i - n + 1]
            squares -= x[i - n + 1] * x[i - n + 1]
            variance = mean_square - mean * mean
            out[i] = np.sqrt(variance) if variance >= _ZERO else 0.0


@kernel
def stddev(x: FloatArray, n: int, out: FloatArray) -> None:
    """Compute the population standard deviation of the last `n` bars."""
    stddev_from(x, 0, n, out)


@kernel
def bollinger(x: FloatArray, n: int, width: float, upper: FloatArray, middle: FloatArray, lower: FloatArray) -> None:
    """Bollinger bands: mean of `n` bars, and `width` population standard deviations above and below."""
    sma_from(x, 0, n, middle)
    stddev(x, n, upper)
    for i in range(x.size):
        away = width * upper[i]
        upper[i] = middle[i] + away
        lower[i] = middle[i] - away
