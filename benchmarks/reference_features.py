"""Sixty-four features of price and volume, the inputs of `benchmarks.reference`.

Written in numpy from the definitions of the literature, not from `vfr.features`: a peer that shares a kernel with what
it is compared to shares its mistakes. Features are ratios, statistics of returns, or dollars traded, never a price
level, and row t uses rows up to t only. Windows count sessions; one with under four fifths of its values is unknown.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vfr.data.panel import Panel
    from vfr.typing import BoolArray, FloatArray

    Named = Iterator[tuple[str, FloatArray]]

YEAR, QUARTER, MONTH = 252, 63, 21
_ENOUGH = 0.8
_NO_VARIANCE = 1e-12


def features(panel: Panel) -> Named:
    """Yield (name, values [T x N]) of every feature; a name without a close on a session has none there."""
    with np.errstate(divide="ignore", invalid="ignore"):
        close = panel.adj_close
        listed = np.isfinite(close)
        returns = _change(close, 1)
        groups = (
            _returns(close),
            _trend(close, returns),
            _risk(returns),
            _market(returns),
            _bars(panel),
            _volume(panel, returns),
        )
        for name, values in chain(*groups):
            yield name, np.where(listed & np.isfinite(values), values, np.nan)


def _returns(close: FloatArray) -> Named:
    """Reversal (Jegadeesh 1990), momentum (Jegadeesh and Titman 1993) and seasonality (Heston and Sadka 2008)."""
    for n in (1, 2, 3, 5, 10, MONTH, QUARTER, 126, YEAR):
        yield f"return_{n}", _change(close, n)
    for name, skipped, n in (
        ("momentum_6_1", MONTH, 126),
        ("momentum_12_1", MONTH, YEAR),
        ("momentum_12_7", 126, YEAR),
        ("reversal_36_13", YEAR, 3 * YEAR),
        ("same_month_last_year", YEAR - MONTH, YEAR),
    ):
        yield name, _lag(close, skipped) / _lag(close, n) - 1
    half_year = _change(close, 126)
    yield "acceleration", half_year - _lag(half_year, 126)


def _trend(close: FloatArray, returns: FloatArray) -> Named:
    """Moving averages (Han, Zhou, Zhu 2016), nearness to extremes (George and Hwang 2004), MAX (Bali et al. 2011)."""
    for n in (5, 10, 20, 50, 100, 200):
        yield f"average_{n}", close / _mean(close, n) - 1
    yield "average_50_200", _mean(close, 50) / _mean(close, 200) - 1
    for n in (MONTH, YEAR):
        yield f"high_{n}", close / _highest(close, n) - 1
        yield f"low_{n}", close / -_highest(-close, n) - 1
    top, bottom = _highest(close, QUARTER), -_highest(-close, QUARTER)
    yield "position_63", (close - bottom) / (top - bottom)
    yield "largest_return_21", _highest(returns, MONTH)
    for n in (MONTH, QUARTER, YEAR):
        yield f"days_up_{n}", _mean(_where(returns > 0, returns), n)
    yield "rsi_14", _mean(np.maximum(returns, 0), 14) / _mean(np.abs(returns), 14)


def _risk(returns: FloatArray) -> Named:
    """Volatility (Ang et al. 2006), its direction, and higher moments (Amaya et al. 2015)."""
    variance = {n: _variance(returns, n) for n in (5, MONTH, QUARTER, YEAR)}
    for n in (MONTH, QUARTER, YEAR):
        yield f"volatility_{n}", np.sqrt(variance[n])
    yield "volatility_5_63", variance[5] / variance[QUARTER]
    yield "volatility_21_252", variance[MONTH] / variance[YEAR]
    yield "downside_63", _mean(np.minimum(returns, 0) ** 2, QUARTER) / _mean(returns**2, QUARTER)
    for n in (QUARTER, YEAR):
        mean, square, cube = (_mean(returns**k, n) for k in (1, 2, 3))
        yield f"skewness_{n}", (cube - 3 * mean * square + 2 * mean**3) / variance[n] ** 1.5
    yield "autocorrelation_63", _slope(returns, _lag(returns, 1), QUARTER)


def _market(returns: FloatArray) -> Named:
    """Beta (Frazzini and Pedersen 2014), what it leaves over, and residual momentum (Blitz, Huij, Martens 2011)."""
    known = np.isfinite(returns)
    count = known.sum(axis=1)
    mean = np.where(known, returns, 0.0).sum(axis=1) / np.maximum(count, 1)
    market = np.repeat(np.where(count > 0, mean, np.nan)[:, None], returns.shape[1], axis=1)
    beta = {n: _slope(returns, market, n) for n in (QUARTER, YEAR)}
    for n, slope in beta.items():
        yield f"beta_{n}", slope
    explained = beta[YEAR] ** 2 * _variance(np.where(known, market, np.nan), YEAR) / _variance(returns, YEAR)
    yield "market_share_252", explained
    residual = returns - _lag(beta[YEAR], 1) * market
    own = np.sqrt(_variance(residual, QUARTER))
    yield "residual_volatility_63", own
    for n in (5, MONTH):
        yield f"residual_return_{n}", _mean(residual, n) / own
    yield "residual_momentum_12_1", _lag(_mean(residual, YEAR - MONTH) / np.sqrt(_variance(residual, YEAR)), MONTH)


def _bars(panel: Panel) -> Named:
    """Overnight and intraday parts (Lou, Polk, Skouras 2019), range (Parkinson 1980), place of the close."""
    opened, high, low, close = panel.open, panel.high, panel.low, panel.close
    intraday = close / opened - 1
    overnight = (1 + _change(panel.adj_close, 1)) / (1 + intraday) - 1
    for n in (1, MONTH):
        yield f"overnight_{n}", _mean(overnight, n)
        yield f"intraday_{n}", _mean(intraday, n)
    spread = np.log(high / low)
    yield "range_21", _mean(spread**2, MONTH)
    yield "range_1_21", spread / _mean(spread, MONTH)
    yield "close_in_range", (close - low) / (high - low)


def _volume(panel: Panel, returns: FloatArray) -> Named:
    """Unusual volume (Gervais, Kaniel, Mingelgrin 2001), size of trade, illiquidity (Amihud 2002), signed flow."""
    volume, dollars = panel.volume, panel.close * panel.volume
    mean = {n: _mean(volume, n) for n in (5, MONTH, QUARTER, YEAR)}
    yield "volume_1_21", volume / mean[MONTH]
    yield "volume_5_63", mean[5] / mean[QUARTER]
    yield "volume_21_252", mean[MONTH] / mean[YEAR]
    yield "dollars_21", _mean(dollars, MONTH)
    impact = _where(dollars > 0, returns, np.abs(returns) / dollars)
    for n in (MONTH, YEAR):
        yield f"illiquidity_{n}", _mean(impact, n)
    relative = volume / mean[YEAR]
    yield "volume_variation_63", _variance(relative, QUARTER)
    yield "volume_return_21", _slope(relative, returns, MONTH)
    yield "signed_volume_21", _mean(np.sign(returns) * volume, MONTH) / mean[MONTH]


def _where(condition: BoolArray, known: FloatArray, values: FloatArray | float = 1.0) -> FloatArray:
    """Return the values where a condition holds, else 0; unknown where `known` is."""
    return np.where(np.isfinite(known), np.where(condition, values, 0.0), np.nan)


def _lag(x: FloatArray, n: int) -> FloatArray:
    out = np.full_like(x, np.nan)
    out[n:] = x[: x.shape[0] - n]
    return out


def _change(x: FloatArray, n: int) -> FloatArray:
    return x / _lag(x, n) - 1


def _mean(x: FloatArray, n: int) -> FloatArray:
    """Return the mean of what is known of the last n rows."""
    known = np.isfinite(x)
    total, count = np.cumsum(np.where(known, x, 0.0), axis=0), np.cumsum(known, axis=0)
    total[n:], count[n:] = total[n:] - total[:-n], count[n:] - count[:-n]
    return np.where(count >= _ENOUGH * n, total / np.maximum(count, 1), np.nan)


def _variance(x: FloatArray, n: int) -> FloatArray:
    """Return the variance of the last n rows; unknown where there is none to speak of."""
    found = _mean(x * x, n) - _mean(x, n) ** 2
    return np.where(found > _NO_VARIANCE, found, np.nan)


def _slope(y: FloatArray, x: FloatArray, n: int) -> FloatArray:
    """Return the slope of y on x over the last n rows that know both."""
    both = np.isfinite(x) & np.isfinite(y)
    x, y = np.where(both, x, np.nan), np.where(both, y, np.nan)
    return (_mean(x * y, n) - _mean(x, n) * _mean(y, n)) / _variance(x, n)


def _highest(x: FloatArray, n: int) -> FloatArray:
    """Return the highest known value of the last n rows, from maxima over windows that double."""
    best, length = x, 1
    while 2 * length <= n:
        best, length = np.fmax(best, _lag(best, length)), 2 * length
    return np.where(np.isfinite(_mean(x, n)), np.fmax(best, _lag(best, n - length)), np.nan)
