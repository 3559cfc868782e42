"""Changes of one series, and Wilder's strength of ups against downs.

Kernels on the bars of one symbol: oldest first, no NaN; every cell of an output is written, NaN while the window warms
up. Definitions and warm-up are TA-Lib's.
"""

from __future__ import annotations

import numpy as np

from vfr.indicators.windows import stddev_from
from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["cmo", "mom", "roc", "rsi", "volatility"]

_ZERO = 1e-14


@kernel
def mom(x: FloatArray, n: int, out: FloatArray) -> None:
    """Change over `n` bars, in the unit of `x`."""
    out[:] = np.nan
    for i in range(n, x.size):
        out[i] = x[i] - x[i - n]


@kernel
def roc(x: FloatArray, n: int, out: FloatArray) -> None:
    """Change over `n` bars, percent; 0 from a zero."""
    out[:] = np.nan
    for i in range(n, x.size):
        out[i] = (x[i] / x[i - n] - 1.0) * 100.0 if x[i - n] != 0.0 else 0.0


@kernel
def _strength(x: FloatArray, n: int, losses: float, out: FloatArray) -> None:
    out[:] = np.nan
    gain, loss = 0.0, 0.0
    for i in range(1, x.size):
        change = x[i] - x[i - 1]
        up, down = max(change, 0.0), max(-change, 0.0)
        if i <= n:
            gain, loss = gain + up, loss + down
            if i == n:
                gain, loss = gain / n, loss / n
        else:
            gain, loss = (gain * (n - 1) + up) / n, (loss * (n - 1) + down) / n
        if i >= n:
            total = gain + loss
            out[i] = 100.0 * ((gain - losses * loss) / total) if total >= _ZERO else 0.0


@kernel
def rsi(x: FloatArray, n: int, out: FloatArray) -> None:
    """Relative strength index (Wilder 1978), 0-100, gains and losses smoothed by ``1 / n``; 0 where nothing moved."""
    _strength(x, n, 0.0, out)


@kernel
def cmo(x: FloatArray, n: int, out: FloatArray) -> None:
    """Chande momentum oscillator, -100 to 100, smoothed as `rsi` is; 0 where nothing moved."""
    _strength(x, n, 1.0, out)


@kernel
def volatility(x: FloatArray, n: int, out: FloatArray) -> None:
    """Compute the population standard deviation of the last `n` one-bar log returns, per bar; 0 where nothing moved."""
    returns = np.full(x.size, np.nan)
    for i in range(1, x.size):
        returns[i] = np.log(x[i] / x[i - 1])
    stddev_from(returns, 1, n, out)
