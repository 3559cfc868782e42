"""Oscillators of technical analysis: the kernels of `vfr.indicators`, read as ratios. Catalogue order.

A recursion runs inside chunks of bars, see `vfr.features.history`; what looks at a window reads no more than that.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.features.history import CHUNK, WARM_UP
from vfr.indicators.averages import macd, sma
from vfr.indicators.changes import rsi
from vfr.indicators.directional import directional, natr
from vfr.indicators.volume import mfi, money_flow, vwap
from vfr.indicators.windows import bollinger, cci, fast_k, williams_r
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = [
    "N_BARS",
    "N_BAR_WINDOWS",
    "N_CLOSES",
    "N_TRADES",
    "N_TRADE_WINDOWS",
    "of_bars",
    "of_closes",
    "of_trades",
    "windows_of_bars",
    "windows_of_trades",
]

N_CLOSES: Final = 5
N_BAR_WINDOWS: Final = 3
N_BARS: Final = 3
N_TRADES: Final = 1
N_TRADE_WINDOWS: Final = 2

_LOOKBACK: Final = 63
_RING: Final = 20


@kernel
def _window_start(first: int) -> int:
    """Return the bar from which windows are read to know bar `first`: a whole number of rings of `cci`."""
    return max(0, (first - _LOOKBACK) // _RING * _RING)


@kernel
def of_closes(close: FloatArray, rows: IntArray, first: int, start: int, out: Matrix32) -> None:
    """Compute what closes alone give: RSI, MACD, distance from averages, Bollinger's %b; parameters as in `closes`."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        _closes(close[own], own - start, max(first, edge) - begin, out)


@kernel
def _closes(c: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    a, b, d = np.empty(c.size), np.empty(c.size), np.empty(c.size)
    rsi(c, 14, a)
    _write(a, at, first, out[0])
    macd(c, 12, 26, 9, a, b, d)
    for i in range(first, c.size):
        out[1, at[i]] = d[i] / c[i]
    for k in range(2):
        sma(c, 50 if k == 0 else 200, a)
        for i in range(first, c.size):
            out[2 + k, at[i]] = c[i] / a[i] - 1.0
    bollinger(c, 20, 2.0, a, b, d)
    for i in range(first, c.size):
        if a[i] > d[i]:
            out[4, at[i]] = (c[i] - d[i]) / (a[i] - d[i])


@kernel
def _write(values: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    for i in range(first, values.size):
        out[at[i]] = values[i]


@kernel
def windows_of_bars(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adj_close: FloatArray,
    rows: IntArray,
    first: int,
    start: int,
    out: Matrix32,
) -> None:
    """Compute what windows of highs and lows give, on the total-return basis: %K, %R, CCI."""
    own = rows[_window_start(first) :]
    first -= rows.size - own.size
    at, c, a = own - start, adj_close[own], np.empty(own.size)
    basis = c / close[own]
    h, bottom = high[own] * basis, low[own] * basis
    fast_k(h, bottom, c, 14, a)
    _write(a, at, first, out[0])
    williams_r(h, bottom, c, 63, a)
    _write(a, at, first, out[1])
    cci(h, bottom, c, _RING, a)
    _write(a, at, first, out[2])


@kernel
def of_bars(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    adj_close: FloatArray,
    rows: IntArray,
    first: int,
    start: int,
    out: Matrix32,
) -> None:
    """Compute what needs all highs and lows, on the total-return basis: ATR, ADX, directional movement."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        adj = adj_close[own]
        basis = adj / close[own]
        _bars(high[own] * basis, low[own] * basis, adj, own - start, max(first, edge) - begin, out)


@kernel
def _bars(h: FloatArray, low: FloatArray, c: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    a, b, d = np.empty(c.size), np.empty(c.size), np.empty(c.size)
    natr(h, low, c, 14, a)
    _write(a, at, first, out[0])
    directional(h, low, c, 14, a, b, d)
    _write(a, at, first, out[1])
    for i in range(first, c.size):
        out[2, at[i]] = b[i] - d[i]


@kernel
def of_trades(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    rows: IntArray,
    first: int,
    start: int,
    out: Matrix32,
) -> None:
    """Compute what needs all prices as paid and volume: the money flow index."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        a = np.empty(own.size)
        mfi(high[own], low[own], close[own], volume[own], 14, a)
        _write(a, own - start, max(first, edge) - begin, out[0])


@kernel
def windows_of_trades(
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    rows: IntArray,
    first: int,
    start: int,
    out: Matrix32,
) -> None:
    """Compute what windows of prices as paid and volume give: Chaikin's money flow, distance from the VWAP."""
    own = rows[_window_start(first) :]
    first -= rows.size - own.size
    at, a = own - start, np.empty(own.size)
    h, bottom, c, v = high[own], low[own], close[own], volume[own]
    money_flow(h, bottom, c, v, 20, a)
    _write(a, at, first, out[0])
    vwap(h, bottom, c, v, 21, a)
    for i in range(first, c.size):
        out[1, at[i]] = c[i] / a[i] - 1.0
