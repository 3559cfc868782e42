"""Moving averages and what is built from them.

Kernels on the bars of one symbol: oldest first, no NaN; every cell of an output is written, NaN while the window warms
up. Definitions, seeds and warm-up are TA-Lib's.
"""

from __future__ import annotations

import numpy as np

from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["ema", "ema_from", "macd", "ppo", "sma", "sma_from", "trix", "wma"]


@kernel
def sma_from(x: FloatArray, start: int, n: int, out: FloatArray) -> None:
    """Average `n` bars of ``x[start:]`` by a running sum; first value at ``start + n - 1``."""
    out[:] = np.nan
    total = 0.0
    for i in range(start, x.size):
        total += x[i]
        if i - start >= n - 1:
            out[i] = total / n
            total -= x[i - n + 1]


@kernel
def sma(x: FloatArray, n: int, out: FloatArray) -> None:
    """Average the last `n` bars."""
    sma_from(x, 0, n, out)


@kernel
def ema_from(x: FloatArray, start: int, n: int, out: FloatArray) -> None:
    """Average ``x[start:]`` exponentially, factor ``2 / (n + 1)``, seeded by the mean of its first `n` bars."""
    out[:] = np.nan
    if x.size - start < n:
        return
    previous = 0.0
    for i in range(start, start + n):
        previous += x[i]
    previous /= n
    out[start + n - 1] = previous
    k = 2.0 / (n + 1)
    for i in range(start + n, x.size):
        previous += (x[i] - previous) * k
        out[i] = previous


@kernel
def ema(x: FloatArray, n: int, out: FloatArray) -> None:
    """Average exponentially, factor ``2 / (n + 1)``, seeded by the mean of the first `n` bars."""
    ema_from(x, 0, n, out)


@kernel
def wma(x: FloatArray, n: int, out: FloatArray) -> None:
    """Average the last `n` bars with weights 1 .. n, the newest heaviest."""
    out[:] = np.nan
    divider = n * (n + 1) / 2.0
    for i in range(n - 1, x.size):
        total = 0.0
        for k in range(n):
            total += x[i - n + 1 + k] * (k + 1)
        out[i] = total / divider


@kernel
def macd(
    x: FloatArray, fast: int, slow: int, signal: int, line: FloatArray, trigger: FloatArray, histogram: FloatArray
) -> None:
    """Compute MACD (Appel): fast EMA less slow EMA, the EMA of that, and their difference.

    Both averages start on the slow one's first bar, and all three outputs on the signal's.
    """
    slow_ema = np.empty(x.size)
    ema_from(x, 0, slow, slow_ema)
    ema_from(x, slow - fast, fast, line)
    for i in range(x.size):
        line[i] -= slow_ema[i]
    ema_from(line, slow - 1, signal, trigger)
    for i in range(x.size):
        histogram[i] = line[i] - trigger[i]
        if np.isnan(trigger[i]):
            line[i] = np.nan


@kernel
def ppo(x: FloatArray, fast: int, slow: int, out: FloatArray) -> None:
    """Percentage price oscillator: fast EMA over slow EMA, less one, in percent."""
    slow_ema = np.empty(x.size)
    ema_from(x, 0, slow, slow_ema)
    ema_from(x, 0, fast, out)
    for i in range(x.size):
        out[i] = (out[i] - slow_ema[i]) / slow_ema[i] * 100.0


@kernel
def trix(x: FloatArray, n: int, out: FloatArray) -> None:
    """One-bar rate of change of the triple exponential moving average, percent."""
    once, twice = np.empty(x.size), np.empty(x.size)
    ema_from(x, 0, n, once)
    ema_from(once, n - 1, n, twice)
    ema_from(twice, 2 * (n - 1), n, once)
    out[:] = np.nan
    for i in range(3 * (n - 1) + 1, x.size):
        out[i] = (once[i] / once[i - 1] - 1.0) * 100.0
