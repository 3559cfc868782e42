"""The state of the market on a session: the same value for every symbol. Catalogue order."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.factors.macro_series import DAILY, level, spread
from vfr.features.market import Market
from vfr.kernels import kernel
from vfr.typing import FloatArray

__all__ = ["regime"]

_YEAR: Final = 252
_MONTH: Final = 21


def regime(snapshot: Snapshot, market: Market, rows: slice) -> list[FloatArray]:
    """Return each regime feature on the rows wanted, [R].

    VIX and Treasury yields are market prices, never revised, and are read by their release dates. Levels of later
    revised series (CPI, unemployment) are no features.
    """
    start, stop = rows.start, rows.stop
    first, days = max(start - _YEAR + 1, 0), snapshot.sessions
    vix, slope = np.full(stop, np.nan), np.full(stop - start, np.nan)
    if snapshot.macro is not None:
        vix[first:] = level(snapshot.macro, "VIXCLS", days[first:stop], DAILY).value
        slope = spread(snapshot.macro, "DGS10", "DGS2", days[start:stop], DAILY).value
    out = _windows(market.level, market.returns, market.dispersion, vix, start)
    return [*out[:5], vix[start:], out[5], slope]


@kernel
def _windows(level: FloatArray, returns: FloatArray, dispersion: FloatArray, vix: FloatArray, start: int) -> FloatArray:
    """Return the six features of windows, [6 x R]: market return twice, volatility, drawdown, dispersion, VIX rank."""
    out = np.full((6, vix.size - start), np.nan)
    for t in range(start, vix.size):
        own = out[:, t - start]
        if t >= _MONTH:
            own[0] = level[t] / level[t - _MONTH] - 1.0
            month = slice(t - _MONTH + 1, t + 1)
            own[2] = np.std(returns[month]) * np.sqrt(_YEAR)
            own[4] = np.mean(dispersion[month])
        if t >= _YEAR:
            own[1] = level[t] / level[t - _YEAR] - 1.0
        if t >= _YEAR - 1:
            own[3] = level[t] / np.max(level[t - _YEAR + 1 : t + 1]) - 1.0
            own[5] = _rank(vix[t - _YEAR + 1 : t + 1])
    return out


@kernel
def _rank(window: FloatArray) -> float:
    """Return the midrank of the last value among the known ones, 0 to 1; unknown below half a window."""
    known, below, equal = 0, 0, 0
    for value in window:
        known += np.isfinite(value)
        below += value < window[-1]
        equal += value == window[-1]
    return (below + 0.5 * equal) / known if equal and 2 * known >= window.size else np.nan
