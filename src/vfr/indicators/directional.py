"""True range and directional movement (Wilder 1978, New Concepts in Technical Trading Systems).

Kernels on the bars of one symbol: oldest first, no NaN; every cell of an output is written, NaN while the window warms
up. Definitions and warm-up are TA-Lib's; windows of 2 bars or more.
"""

from __future__ import annotations

import numpy as np

from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["atr", "directional", "natr", "range_at", "true_range"]

_ZERO = 1e-14


@kernel
def range_at(high: FloatArray, low: FloatArray, close: FloatArray, i: int) -> float:
    """Return the true range of bar `i` >= 1: the widest of high - low and their distances from the close before."""
    before = close[i - 1]
    return float(max(high[i] - low[i], abs(high[i] - before), abs(low[i] - before)))


@kernel
def true_range(high: FloatArray, low: FloatArray, close: FloatArray, out: FloatArray) -> None:
    """Compute the true range of each bar, in the unit of prices; unknown on the first."""
    out[:] = np.nan
    for i in range(1, close.size):
        out[i] = range_at(high, low, close, i)


@kernel
def atr(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    """Average true range: Wilder's smoothing by ``1 / n``, seeded by the mean of the first `n` true ranges."""
    out[:] = np.nan
    previous = 0.0
    for i in range(1, close.size):
        span = range_at(high, low, close, i)
        if i <= n:
            previous += span
            if i == n:
                previous /= n
        else:
            previous = (previous * (n - 1) + span) / n
        if i >= n:
            out[i] = previous


@kernel
def natr(high: FloatArray, low: FloatArray, close: FloatArray, n: int, out: FloatArray) -> None:
    """Average true range in percent of the close."""
    atr(high, low, close, n, out)
    for i in range(close.size):
        out[i] = out[i] / close[i] * 100.0


@kernel
def directional(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    n: int,
    adx: FloatArray,
    plus: FloatArray,
    minus: FloatArray,
) -> None:
    """Average directional index and the directional indicators +DI and -DI, each 0-100.

    +DI and -DI are known from bar `n`, ADX from bar ``2 n - 1``.
    """
    adx[:] = np.nan
    plus[:] = np.nan
    minus[:] = np.nan
    up, down, span, average = 0.0, 0.0, 0.0, 0.0
    for i in range(1, close.size):
        if i >= n:
            up, down, span = up - up / n, down - down / n, span - span / n
        rise, fall = high[i] - high[i - 1], low[i - 1] - low[i]
        # Chosen, not branched on: whether a day rises cannot be guessed, and guessing wrong takes longest.
        down += fall if (fall > 0.0) & (rise < fall) else 0.0
        up += rise if (rise > 0.0) & (rise > fall) else 0.0
        span += range_at(high, low, close, i)
        if i < n:
            continue
        plus[i] = 100.0 * (up / span) if span >= _ZERO else 0.0
        minus[i] = 100.0 * (down / span) if span >= _ZERO else 0.0
        average = _average(average, plus[i], minus[i], i, n)
        if i >= 2 * n - 1:
            adx[i] = average


@kernel
def _average(average: float, plus: float, minus: float, i: int, n: int) -> float:
    """One step of ADX: a sum over the first `n` bars known, its mean on the last of them, then Wilder's smoothing."""
    both = plus + minus
    index = 100.0 * (abs(plus - minus) / both) if both >= _ZERO else np.nan
    if i < 2 * n:
        if both >= _ZERO:
            average += index
        return average / n if i == 2 * n - 1 else average
    return (average * (n - 1) + index) / n if both >= _ZERO else average
