"""Oscillators of technical analysis: the kernels of `vfr.indicators`, read as ratios. Catalogue order.

A recursion runs inside chunks of bars, see `vfr.features.history`; what looks at a window reads no more than that.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from vfr.features.history import CHUNK, WARM_UP
from vfr.indicators.averages import macd, sma
from vfr.indicators.changes import rsi
from vfr.indicators.directional import directional, natr
from vfr.indicators.volume import mfi, money_flow, vwap
from vfr.indicators.windows import bollinger, cci, fast_k, williams_r
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_BARS", "N_CLOSES", "N_TRADES", "of_bars", "of_closes", "of_trades"]

N_CLOSES: Final = 5
N_BARS: Final = 6
N_TRADES: Final = 3

_LOOKBACK: Final = 63
_RING: Final = 20


@njit(cache=True, nogil=True)
def _window_start(first: int) -> int:
    """Return the bar from which windows are read to know bar `first`: a whole number of rings of `cci`."""
    return max(0, (first - _LOOKBACK) // _RING * _RING)


@njit(cache=True, nogil=True)
def of_closes(close: FloatArray, rows: IntArray, first: int, start: int, out: Matrix32) -> None:
    """Compute what closes alone give: RSI, MACD, distance from averages, Bollinger's %b; parameters as in `closes`."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        _closes(close[own], own - start, max(first, edge) - begin, out)


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def _write(values: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    for i in range(first, values.size):
        out[at[i]] = values[i]


@njit(cache=True, nogil=True)
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
    """Compute what needs highs and lows, on the total-return basis: %K, %R, CCI, ATR, ADX, directional movement."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        adj = adj_close[own]
        basis = adj / close[own]
        _bars(high[own] * basis, low[own] * basis, adj, own - start, max(first, edge) - begin, out)


@njit(cache=True, nogil=True)
def _bars(h: FloatArray, low: FloatArray, c: FloatArray, at: IntArray, first: int, out: Matrix32) -> None:
    a, b, d = np.empty(c.size), np.empty(c.size), np.empty(c.size)
    begin = _window_start(first)
    tail = a[begin:]
    fast_k(h[begin:], low[begin:], c[begin:], 14, tail)
    _write(a, at, first, out[0])
    williams_r(h[begin:], low[begin:], c[begin:], 63, tail)
    _write(a, at, first, out[1])
    cci(h[begin:], low[begin:], c[begin:], _RING, tail)
    _write(a, at, first, out[2])
    natr(h, low, c, 14, a)
    _write(a, at, first, out[3])
    directional(h, low, c, 14, a, b, d)
    _write(a, at, first, out[4])
    for i in range(first, c.size):
        out[5, at[i]] = b[i] - d[i]


@njit(cache=True, nogil=True)
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
    """Compute what needs prices as paid and volume: money flow index, Chaikin's money flow, distance from the VWAP."""
    for edge in range(first // CHUNK * CHUNK, rows.size, CHUNK):
        begin = max(0, edge - WARM_UP)
        own = rows[begin : edge + CHUNK]
        at, bar = own - start, max(first, edge) - begin
        _trades(high[own], low[own], close[own], volume[own], at, bar, out)


@njit(cache=True, nogil=True)
def _trades(
    h: FloatArray, low: FloatArray, c: FloatArray, v: FloatArray, at: IntArray, first: int, out: Matrix32
) -> None:
    a = np.empty(c.size)
    begin = _window_start(first)
    mfi(h, low, c, v, 14, a)
    _write(a, at, first, out[0])
    money_flow(h[begin:], low[begin:], c[begin:], v[begin:], 20, a[begin:])
    _write(a, at, first, out[1])
    vwap(h[begin:], low[begin:], c[begin:], v[begin:], 21, a[begin:])
    for i in range(first, c.size):
        out[2, at[i]] = c[i] / a[i] - 1.0
