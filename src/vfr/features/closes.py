"""Kernels on total-return closes: returns, extremes, volatility, and what moves with the market.

Each writes the features of one history in catalogue order: ``out[k, at[i]]`` for every bar i >= `first`, where it has
enough bars behind it. Sums over a window of n returns need n + 1 closes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.features.history import block_start, farthest, span, spans, sums
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_FEATURES", "closes"]

_YEAR: Final = 252
_HALF: Final = 126
_QUARTER: Final = 63
_MONTH: Final = 21

_RETURNS: Final = (1, 2, 3, 5, 10, 21, 63, 126, 252)
_VOLATILITIES: Final = (10, 21, 63, 252)
_SEASONS: Final = ((21, 5), (5, 5), (1, 5), (21, 1))
"""Sessions that followed, and years back."""
_YEARS_OF_SEASONS: Final = 5
_MIN_FALLING_DAYS: Final = 20

_STILL: Final = 1e-12
"""Variance of daily returns below which a price did not move: far above rounding, far below any market."""

_N_RETURNS: Final = 24
_N_VOLATILITY: Final = 12
_N_MARKET: Final = 11
N_FEATURES: Final = (_N_RETURNS, _N_VOLATILITY, _N_MARKET)
"""Outputs of the families `returns`, `volatility` and `market_relative`, in that order."""


@kernel
def closes(close: FloatArray, level: FloatArray, rows: IntArray, first: int, start: int, out: Matrix32) -> None:
    """Compute the three families on one history.

    Parameters
    ----------
    close : float64 array, shape (T,)
        Total-return closes of the symbol, USD.
    level : float64 array, shape (T,)
        Level of the market.
    rows : int64 array, shape (B,)
        Rows of the history's bars.
    first : int
        First bar wanted.
    start : int
        Row of the panel that row 0 of `out` stands for.
    out : float32 array, shape (sum(N_FEATURES), R)
        Written on the rows of bars from `first` on, where known.
    """
    lookback = block_start(first, _YEARS_OF_SEASONS * _YEAR)
    c = close[rows[lookback:]]
    _returns(c, rows[lookback:] - start, first - lookback, out[:_N_RETURNS])
    lookback = block_start(first, _YEAR + 1)
    r, m = _changes(close, level, rows, lookback)
    at, first = rows[lookback:] - start, first - lookback
    c = c[c.size - at.size :]
    _extremes(c, r[1:], lookback, at, first, out[_N_RETURNS - 6 : _N_RETURNS])
    _volatility(r, lookback, at, first, out[_N_RETURNS : _N_RETURNS + _N_VOLATILITY])
    _market_relative(r, m, lookback, at, first, out[_N_RETURNS + _N_VOLATILITY :])


@kernel
def _changes(close: FloatArray, level: FloatArray, rows: IntArray, lookback: int) -> tuple[FloatArray, FloatArray]:
    """Return the symbol's and the market's returns of the bars from ``lookback - 1`` on; 0 where there is none."""
    r, m = np.zeros(rows.size - lookback + 1), np.zeros(rows.size - lookback + 1)
    for i in range(max(1, lookback - 1), rows.size):
        row, before = rows[i], rows[i - 1]
        r[i - lookback + 1] = close[row] / close[before] - 1.0
        m[i - lookback + 1] = level[row] / level[before] - 1.0
    return r, m


@kernel
def _returns(c: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    k = 0
    for n in _RETURNS:
        _ratio(c, at, first, 0, n, out[k])
        k += 1
    for near, far in ((21, 252), (21, 126), (126, 252), (252, 504)):
        _ratio(c, at, first, near, far, out[k])
        k += 1
    _discreteness(c, at, first, out[k])
    for n, years in _SEASONS:
        k += 1
        _seasonality(c, at, first, n, years, out[k])


@kernel
def _seasonality(c: FloatArray, at: IntArray, first: int, n: int, most: int, out: Matrix32) -> None:
    for i in range(max(first, _YEAR), c.size):
        total, years = 0.0, 0
        for year in range(1, most + 1):
            then = i - year * _YEAR
            if then >= 0:
                total += c[then + n] / c[then] - 1.0
                years += 1
        out[at[i]] = total / years


@kernel
def _ratio(c: FloatArray, at: IntArray, first: int, near: int, far: int, out: Matrix32) -> None:
    for i in range(max(first, far), c.size):
        out[at[i]] = c[i - near] / c[i - far] - 1.0


@kernel
def _discreteness(c: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    n, begin = _YEAR - _MONTH, max(first - _YEAR, 0)
    balance = np.zeros(c.size - begin, dtype=np.int64)  # falling less rising days so far
    for i in range(begin + 1, c.size):
        balance[i - begin] = balance[i - begin - 1] + (c[i] < c[i - 1]) - (c[i] > c[i - 1])
    for i in range(max(first, _YEAR), c.size):
        past, recent = c[i - _YEAR], c[i - _MONTH]
        sign = (recent > past) - (recent < past)
        out[at[i]] = sign * (balance[i - begin - _MONTH] - balance[i - begin - _YEAR]) / n


@kernel
def _extremes(c: FloatArray, r: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    """Write the highest and lowest return of a month, the distance from highs and lows, and the age of the high."""
    begin = 0 if offset else 1  # the first bar of a history has no return
    highest = farthest(r[begin:], max(0, first - begin), _MONTH, 1.0)
    lowest = farthest(r[begin:], max(0, first - begin), _MONTH, -1.0)
    for i in range(max(first, begin + _MONTH - 1), c.size):
        out[0, at[i]] = r[begin + highest[i - begin]]
        out[1, at[i]] = r[begin + lowest[i - begin]]
    top, bottom = farthest(c, first, _YEAR, 1.0), farthest(c, first, _YEAR, -1.0)
    for i in range(max(first, _YEAR - 1), c.size):
        out[2, at[i]] = c[i] / c[top[i]] - 1.0
        out[3, at[i]] = c[i] / c[bottom[i]] - 1.0
        out[4, at[i]] = (i - top[i]) / _YEAR
    top = farthest(c, first, _QUARTER, 1.0)
    for i in range(max(first, _QUARTER - 1), c.size):
        out[5, at[i]] = c[i] / c[top[i]] - 1.0


@kernel
def _variance(s1: FloatArray, s2: FloatArray, i: int, n: int) -> float:
    """Return the population variance of the last n bars; 0 where it is only rounding."""
    mean = span(s1, i, n) / n
    variance = span(s2, i, n) / n - mean * mean
    return variance if variance > _STILL else 0.0


@kernel
def _volatility(changes: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    r = changes[1:]
    s1, s2 = sums(r), sums(r * r)
    k = 0
    for n in _VOLATILITIES:
        for i in range(max(first, n - offset), r.size):
            out[k, at[i]] = np.sqrt(_variance(s1, s2, i, n) * _YEAR)
        k += 1
    for i in range(max(first, _YEAR - offset), r.size):
        year = _variance(s1, s2, i, _YEAR)
        if year > 0.0:
            out[k, at[i]] = np.sqrt(_variance(s1, s2, i, _MONTH) / year)
    _sides(r, s2, offset, at, first, out[k + 1 : k + 3])
    s3, s4 = sums(r * r * r), sums(r * r * r * r)
    _skewness(s1, s2, s3, offset, at, first, _QUARTER, out[k + 3])
    _skewness(s1, s2, s3, offset, at, first, _YEAR, out[k + 4])
    _kurtosis(s1, s2, s3, s4, offset, at, first, out[k + 5])
    _echo(changes, s1, s2, offset, at, first, out[k + 6])
    still = sums((r == 0.0).astype(np.float64))
    for i in range(max(first, _YEAR - offset), r.size):
        out[k + 7, at[i]] = span(still, i, _YEAR) / _YEAR


@kernel
def _sides(r: FloatArray, s2: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    """Write the falling days' share of squared returns, and how unevenly absolute returns are spread."""
    n = _QUARTER
    down, size = sums(np.minimum(r, 0.0) ** 2), sums(np.abs(r))
    for i in range(max(first, n - offset), r.size):
        square = span(s2, i, n) / n
        if square > _STILL:
            mean = span(size, i, n) / n
            out[0, at[i]] = span(down, i, n) / n / square
            out[1, at[i]] = np.sqrt(max(square - mean * mean, 0.0)) / mean


@kernel
def _skewness(
    s1: FloatArray, s2: FloatArray, s3: FloatArray, offset: int, at: IntArray, first: int, n: int, out: Matrix32
) -> None:
    for i in range(max(first, n - offset), s1.size):
        variance = _variance(s1, s2, i, n)
        if variance > 0.0:
            mean = span(s1, i, n) / n
            third = span(s3, i, n) / n - 3.0 * mean * span(s2, i, n) / n + 2.0 * mean * mean * mean
            out[at[i]] = third / (variance * np.sqrt(variance))


@kernel
def _kurtosis(
    s1: FloatArray, s2: FloatArray, s3: FloatArray, s4: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    n = _YEAR
    for i in range(max(first, n - offset), s1.size):
        variance = _variance(s1, s2, i, n)
        if variance > 0.0:
            a, b, c, d = span(s1, i, n) / n, span(s2, i, n) / n, span(s3, i, n) / n, span(s4, i, n) / n
            fourth = d - 4.0 * a * c + 6.0 * a * a * b - 3.0 * a * a * a * a
            out[at[i]] = fourth / (variance * variance) - 3.0


@kernel
def _echo(
    changes: FloatArray, s1: FloatArray, s2: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    """Write the first autocorrelation: products of neighbours within the window over its variance."""
    n, r = _QUARTER, changes[1:]
    crossed = sums(r * changes[:-1])
    for i in range(max(first, n - offset), r.size):
        variance = _variance(s1, s2, i, n)
        if variance > 0.0:
            mean = span(s1, i, n) / n
            ends = r[i] + r[i - n + 1]
            covariance = span(crossed, i, n - 1) - mean * (2.0 * n * mean - ends) + (n - 1) * mean * mean
            out[at[i]] = covariance / (n * variance)


@kernel
def _market_relative(
    changes: FloatArray, markets: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    r, m = changes[1:], markets[1:]
    s = sums(r), sums(r * r), sums(m), sums(m * m), sums(r * m)
    w = _spans(s, first, _QUARTER)
    for i in range(max(first, _QUARTER - offset), r.size):
        beta, var_r, var_m = _slope(w, i, _QUARTER)
        if var_m > 0.0:
            out[0, at[i]] = beta
            out[3, at[i]] = np.sqrt(max(var_r - beta * beta * var_m, 0.0) * _YEAR)
    n = _YEAR
    w = _spans(s, first, n)
    cubes, crossed = spans(sums(m * m * m), first, n), spans(sums(r * m * m), first, n)
    month_r, month_m = spans(s[0], first, _MONTH), spans(s[2], first, _MONTH)
    for i in range(max(first, n - offset), r.size):
        beta, var_r, var_m = _slope(w, i, n)
        if var_m == 0.0 or var_r == 0.0:
            continue
        unexplained = max(var_r - beta * beta * var_m, 0.0)
        out[1, at[i]] = beta
        out[2, at[i]] = beta * np.sqrt(var_m / var_r)
        out[4, at[i]] = np.sqrt(unexplained * _YEAR)
        if unexplained > _STILL:
            own = np.sqrt(unexplained)
            past_r, past_m = span(s[0], i - _MONTH, n - _MONTH), span(s[2], i - _MONTH, n - _MONTH)
            out[5, at[i]] = (past_r - beta * past_m) / (own * np.sqrt(float(n - _MONTH)))
            out[6, at[i]] = (month_r[i] - beta * month_m[i]) / (own * np.sqrt(float(_MONTH)))
            out[7, at[i]] = (span(s[0], i, 5) - beta * span(s[2], i, 5)) / (own * np.sqrt(5.0))
            out[9, at[i]] = _coskewness(w, cubes[i], crossed[i], beta, i) / (own * var_m)
    _downside(r, m, offset, at, first, out[8])
    _lagged(r * markets[:-1], s, offset, at, first, out[10])


@kernel
def _spans(s: tuple[FloatArray, ...], first: int, n: int) -> tuple[FloatArray, ...]:
    """Return the sums over n bars of five series."""
    return (
        spans(s[0], first, n),
        spans(s[1], first, n),
        spans(s[2], first, n),
        spans(s[3], first, n),
        spans(s[4], first, n),
    )


@kernel
def _slope(w: tuple[FloatArray, ...], i: int, n: int) -> tuple[float, float, float]:
    """Return beta, the variance of the symbol and that of the market, from sums over n of r, rr, m, mm, rm."""
    mean_r, mean_m = w[0][i] / n, w[2][i] / n
    var_r, var_m = w[1][i] / n - mean_r * mean_r, w[3][i] / n - mean_m * mean_m
    var_r = var_r if var_r > _STILL else 0.0
    if var_m <= _STILL:
        return np.nan, var_r, 0.0
    return (w[4][i] / n - mean_r * mean_m) / var_m, var_r, var_m


@kernel
def _coskewness(w: tuple[FloatArray, ...], cube: float, crossed: float, beta: float, i: int) -> float:
    """Return the mean of residual times squared market return, both less their means, over a year."""
    n = _YEAR
    mean_r, mean_m, square = w[0][i] / n, w[2][i] / n, w[3][i] / n
    with_r = crossed / n - 2.0 * mean_m * (w[4][i] / n) - mean_r * square + 2.0 * mean_m * mean_m * mean_r
    with_m = cube / n - 3.0 * mean_m * square + 2.0 * mean_m * mean_m * mean_m
    return float(with_r - beta * with_m)


@kernel
def _downside(r: FloatArray, m: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    fell = (m < 0.0).astype(np.float64)
    count, s_r, s_m, s_mm, s_rm = sums(fell), sums(fell * r), sums(fell * m), sums(fell * m * m), sums(fell * r * m)
    count, s_r, s_m = spans(count, first, _YEAR), spans(s_r, first, _YEAR), spans(s_m, first, _YEAR)
    s_mm, s_rm = spans(s_mm, first, _YEAR), spans(s_rm, first, _YEAR)
    for i in range(max(first, _YEAR - offset), r.size):
        n = count[i]
        if n < _MIN_FALLING_DAYS:
            continue
        mean = s_m[i] / n
        variance = s_mm[i] / n - mean * mean
        if variance > _STILL:
            out[at[i]] = (s_rm[i] / n - s_r[i] / n * mean) / variance


@kernel
def _lagged(pairs: FloatArray, s: tuple[FloatArray, ...], offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    """Write the slope of the window's returns on the market's return of the bar before each."""
    n, crossed = _YEAR, sums(pairs)
    for i in range(max(first, n + 1 - offset), pairs.size):
        variance = _variance(s[2], s[3], i - 1, n)
        if variance > 0.0:
            covariance = span(crossed, i, n) / n - span(s[0], i, n) / n * (span(s[2], i - 1, n) / n)
            out[at[i]] = covariance / variance
