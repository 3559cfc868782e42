"""The state of the market on a session: the same value for every symbol. Catalogue order."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.factors.macro_series import DAILY, level, spread
from vfr.features.market import Market
from vfr.typing import DateArray, FloatArray

__all__ = ["regime"]

_YEAR: Final = 252
_MONTH: Final = 21


def regime(snapshot: Snapshot, market: Market, rows: slice) -> list[FloatArray]:
    """Return each regime feature on the rows wanted, [R].

    VIX and Treasury yields are market prices, never revised, and are read by their release dates. Levels of later
    revised series (CPI, unemployment) are no features.
    """
    start, stop = rows.start, rows.stop
    days = snapshot.sessions[:stop]
    unknown = np.full(stop - start, np.nan)
    vix, slope = np.full(stop, np.nan), unknown
    if snapshot.macro is not None:
        vix = level(snapshot.macro, "VIXCLS", days, DAILY).value
        slope = spread(snapshot.macro, "DGS10", "DGS2", days[start:], DAILY).value
    returns = market.returns[:stop]
    wanted = range(start, stop)
    return [
        np.array([_growth(market.level, t, _MONTH) for t in wanted]),
        np.array([_growth(market.level, t, _YEAR) for t in wanted]),
        np.array([np.std(returns[t - _MONTH + 1 : t + 1]) * _YEAR**0.5 if t >= _MONTH else np.nan for t in wanted]),
        np.array([_drawdown(market.level, t) for t in wanted]),
        np.array([np.mean(market.dispersion[t - _MONTH + 1 : t + 1]) if t >= _MONTH else np.nan for t in wanted]),
        vix[start:],
        np.array([_rank(vix[max(0, t - _YEAR + 1) : t + 1]) for t in wanted]),
        slope,
    ]


def _growth(index: FloatArray, t: int, n: int) -> float:
    return float(index[t] / index[t - n] - 1.0) if t >= n else np.nan


def _drawdown(index: FloatArray, t: int) -> float:
    return float(index[t] / index[t - _YEAR + 1 : t + 1].max() - 1.0) if t >= _YEAR - 1 else np.nan


def _rank(window: FloatArray) -> float:
    """Return the midrank of the last value among a full year's known ones, 0 to 1."""
    known = window[np.isfinite(window)]
    if window.size < _YEAR or known.size < _YEAR // 2 or not np.isfinite(window[-1]):
        return np.nan
    below, equal = int((known < window[-1]).sum()), int((known == window[-1]).sum())
    return (below + 0.5 * equal) / known.size
