"""The market's return and the dispersion of returns, session by session, in any order of symbols the same.

The market is the equal-weight mean of the known total returns of a session, so that every data set has one. Sums are
taken over whole numbers (returns in units of 2^-44, cut at +-400 % a day): whole numbers add up to the same total in
any order, floating-point numbers do not, and permuting symbols must not change a bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["Market", "market"]

_UNIT: Final = 2.0**44
_CUT: Final = 4.0


@dataclass(frozen=True, slots=True, eq=False)
class Market:
    """The market over T sessions.

    `level` is the growth of 1 USD held since the first session, reinvested daily at equal weights; `returns` its daily
    return (0 on a session nobody has one); `dispersion` the standard deviation across symbols (NaN below two).
    """

    level: FloatArray
    returns: FloatArray
    dispersion: FloatArray

    def until(self, stop: int) -> Market:
        """Return the market of the first sessions."""
        return Market(self.level[:stop], self.returns[:stop], self.dispersion[:stop])


def market(adj_close: FloatArray) -> Market:
    """Measure the market of a panel's total-return closes [T x N]; a row uses itself and the one before only."""
    mean, dispersion = _moments(adj_close)
    return Market(np.asarray(np.cumprod(1.0 + mean), dtype=np.float64), mean, dispersion)


@kernel
def _moments(close: FloatArray) -> tuple[FloatArray, FloatArray]:
    mean, dispersion = np.zeros(close.shape[0]), np.full(close.shape[0], np.nan)
    for t in range(1, close.shape[0]):
        total, squares, count = np.int64(0), np.int64(0), 0
        for n in range(close.shape[1]):
            change = close[t, n] / close[t - 1, n] - 1.0
            if np.isfinite(change):
                change = min(max(change, -_CUT), _CUT)
                total += np.int64(np.rint(change * _UNIT))
                squares += np.int64(np.rint(change * change * _UNIT))
                count += 1
        if count > 0:
            mean[t] = total / _UNIT / count
        if count > 1:
            dispersion[t] = np.sqrt(max(squares / _UNIT / count - mean[t] * mean[t], 0.0))
    return mean, dispersion
