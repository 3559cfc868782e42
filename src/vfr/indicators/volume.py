"""Price and volume together.

Kernels on the bars of one symbol: oldest first, no NaN; every cell of an output is written, NaN while the window warms
up. Definitions and warm-up are TA-Lib's.
"""

from __future__ import annotations

import numpy as np

from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["accumulation", "chaikin_oscillator", "mfi", "money_flow", "obv", "obv_trend", "volume_rank", "vwap"]

_TIE = 1e-14


@kernel
def obv(close: FloatArray, volume: FloatArray, out: FloatArray) -> None:
    """On-balance volume (Granville 1963), shares: volume added on up days, taken off on down days."""
    total = 0.0
    for i in range(close.size):
        if i == 0 or close[i] > close[i - 1]:
            total += volume[i]
        elif close[i] < close[i - 1]:
            total -= volume[i]
        out[i] = total


@kernel
def _flow_at(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, i: int) -> float:
    span = high[i] - low[i]
    return float(((close[i] - low[i]) - (high[i] - close[i])) / span * volume[i]) if span > 0.0 else 0.0


@kernel
def accumulation(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, out: FloatArray) -> None:
    """Accumulation/distribution line (Chaikin), shares: volume weighted by where the close stands in the bar."""
    total = 0.0
    for i in range(close.size):
        total += _flow_at(high, low, close, volume, i)
        out[i] = total


@kernel
def chaikin_oscillator(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, fast: int, slow: int, out: FloatArray
) -> None:
    """Fast less slow exponential average of the accumulation/distribution line, both seeded by its first value."""
    out[:] = np.nan
    line = np.empty(close.size)
    accumulation(high, low, close, volume, line)
    if close.size == 0:
        return
    k_fast, k_slow = 2.0 / (fast + 1), 2.0 / (slow + 1)
    fast_ema = slow_ema = line[0]
    for i in range(close.size):
        if i > 0:
            fast_ema = k_fast * line[i] + (1.0 - k_fast) * fast_ema
            slow_ema = k_slow * line[i] + (1.0 - k_slow) * slow_ema
        if i >= max(fast, slow) - 1:
            out[i] = fast_ema - slow_ema


@kernel
def money_flow(
    high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, out: FloatArray
) -> None:
    """Chaikin money flow, -1 to 1: signed volume of the last `n` bars over their volume; 0 without volume."""
    out[:] = np.nan
    for i in range(n - 1, close.size):
        flow, total = 0.0, 0.0
        for j in range(i - n + 1, i + 1):
            flow += _flow_at(high, low, close, volume, j)
            total += volume[j]
        out[i] = flow / total if total > 0.0 else 0.0


@kernel
def mfi(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, out: FloatArray) -> None:
    """Money flow index, 0-100: share of typical price x volume on rising days of the last `n`; 0 below 1 USD."""
    out[:] = np.nan
    inflow, outflow = np.zeros(close.size), np.zeros(close.size)
    gained, lost = 0.0, 0.0
    for i in range(1, close.size):
        typical = (high[i] + low[i] + close[i]) / 3.0
        before = (high[i - 1] + low[i - 1] + close[i - 1]) / 3.0
        if i > n:
            gained -= inflow[i - n]
            lost -= outflow[i - n]
        tie = _TIE * (typical + before)  # equal prices whose sums round differently are equal
        flow = typical * volume[i]
        # Chosen, not branched on: whether a day rises cannot be guessed, and guessing wrong takes longest.
        inflow[i] = flow if typical - before > tie else 0.0
        outflow[i] = flow if before - typical > tie else 0.0
        gained += inflow[i]
        lost += outflow[i]
        if i >= n:
            out[i] = 100.0 * (gained / (gained + lost)) if gained + lost >= 1.0 else 0.0


@kernel
def vwap(high: FloatArray, low: FloatArray, close: FloatArray, volume: FloatArray, n: int, out: FloatArray) -> None:
    """Volume-weighted average of the typical prices of the last `n` bars; unknown where none traded."""
    out[:] = np.nan
    for i in range(n - 1, close.size):
        money, total = 0.0, 0.0
        for j in range(i - n + 1, i + 1):
            money += (high[j] + low[j] + close[j]) / 3.0 * volume[j]
            total += volume[j]
        if total > 0.0:
            out[i] = money / total


@kernel
def obv_trend(close: FloatArray, volume: FloatArray, n: int, out: FloatArray) -> None:
    """Change of on-balance volume over `n` bars as a share of the volume traded, -1 to 1; unknown where none traded."""
    out[:] = np.nan
    for i in range(n, close.size):
        signed, total = 0.0, 0.0
        for j in range(i - n + 1, i + 1):
            total += volume[j]
            if close[j] > close[j - 1]:
                signed += volume[j]
            elif close[j] < close[j - 1]:
                signed -= volume[j]
        if total > 0.0:
            out[i] = signed / total


@kernel
def volume_rank(volume: FloatArray, n: int, out: FloatArray) -> None:
    """Rank this bar's volume among the last `n` bars' by ``100 * (midrank - 0.5) / n``; unknown where none traded."""
    out[:] = np.nan
    for i in range(n - 1, volume.size):
        below, equal, total = 0, 0, 0.0
        for j in range(i - n + 1, i + 1):
            below += volume[j] < volume[i]
            equal += volume[j] == volume[i]
            total += volume[j]
        if total > 0.0:
            out[i] = 100.0 * (below + 0.5 * equal) / n
