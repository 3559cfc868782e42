"""Kernels on whole bars: overnight and intraday returns, ranges and the volatilities they imply, spreads.

Opens, highs and lows are brought to the total-return basis of the close of their own day, so that a dividend is no
overnight loss. Outputs are in catalogue order.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.features.history import block_start, span, sums
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_FEATURES", "bars"]

N_FEATURES: Final = 12

_YEAR: Final = 252
_MONTH: Final = 21
_SPREAD: Final = 3.0 - 2.0 * 2.0**0.5


@kernel
def bars(fields: FloatArray, rows: IntArray, first: int, start: int, out: Matrix32) -> None:
    """Compute the family on one history.

    Parameters
    ----------
    fields : float64 array, shape (5 or more, T)
        Open, high, low, close, total-return close of the symbol, USD.
    rows, first, start, out
        As in `vfr.features.closes.closes`.
    """
    _overnight(fields, rows, first, start, out)
    lookback = block_start(first, _MONTH + 1)
    own = rows[max(0, lookback - 1) :]  # one bar more than the blocks, for what compares with the bar before
    o, h, low, c, adj = fields[0][own], fields[1][own], fields[2][own], fields[3][own], fields[4][own]
    skip = own.size - (rows.size - lookback)
    at, first = own[skip:] - start, first - lookback
    _intraday(c[skip:] / o[skip:] - 1.0, lookback, at, first, out)
    _ranges(o[skip:], h[skip:], low[skip:], c[skip:], lookback, at, first, out[5:11])
    basis = adj / c
    _spread(h * basis, low * basis, skip, lookback, at, first, out[11])


@kernel
def _overnight(fields: FloatArray, rows: IntArray, first: int, start: int, out: Matrix32) -> None:
    """Write the return from close to open, and its sums over a month and a year."""
    o, c, adj = fields[0], fields[3], fields[4]
    offset = block_start(first, _YEAR + 1)
    overnight = np.zeros(rows.size - offset)
    for i in range(max(1, offset), rows.size):
        row, before = rows[i], rows[i - 1]
        overnight[i - offset] = o[row] * (adj[row] / c[row]) / adj[before] - 1.0
    night = sums(overnight)
    for i in range(max(first, 1), rows.size):
        at, k = rows[i] - start, i - offset
        out[0, at] = overnight[k]
        if i >= _MONTH:
            out[2, at] = span(night, k, _MONTH)
        if i >= _YEAR:
            out[4, at] = span(night, k, _YEAR)


@kernel
def _intraday(intraday: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    """Write the return from open to close, and its sum over a month."""
    day = sums(intraday)
    for i in range(first, intraday.size):
        out[1, at[i]] = intraday[i]
        if offset + i >= _MONTH:
            out[3, at[i]] = span(day, i, _MONTH)


@kernel
def _ranges(
    o: FloatArray, h: FloatArray, low: FloatArray, c: FloatArray, offset: int, at: IntArray, first: int, out: Matrix32
) -> None:
    """Write Parkinson, Garman-Klass and Rogers-Satchell volatility, the relative range and closes within bars."""
    up, down, body = np.log(h / o), np.log(low / o), np.log(c / o)
    width = up - down
    location = np.full(c.size, 0.5)
    for i in range(c.size):
        if h[i] > low[i]:
            location[i] = (c[i] - low[i]) / (h[i] - low[i])
    s_width, s_square, s_body = sums(width), sums(width * width), sums(body * body)
    s_free, s_location = sums(up * (up - body) + down * (down - body)), sums(location)
    n = _MONTH
    for i in range(first, c.size):
        out[4, at[i]] = location[i]
        if offset + i < n - 1:
            continue
        square = span(s_square, i, n) / n
        classic = 0.5 * square - (2.0 * np.log(2.0) - 1.0) * (span(s_body, i, n) / n)
        out[0, at[i]] = np.sqrt(square / (4.0 * np.log(2.0)) * _YEAR)
        out[1, at[i]] = np.sqrt(max(classic, 0.0) * _YEAR)
        out[2, at[i]] = np.sqrt(max(span(s_free, i, n) / n, 0.0) * _YEAR)
        mean = span(s_width, i, n) / n
        if mean > 0.0:
            out[3, at[i]] = width[i] / mean
        out[5, at[i]] = span(s_location, i, n) / n


@kernel
def _spread(h: FloatArray, low: FloatArray, skip: int, offset: int, at: IntArray, first: int, out: Matrix32) -> None:
    """Write the mean of 21 Corwin-Schultz spreads, a negative one counting as 0."""
    spreads = np.zeros(h.size)
    before = 0.0
    for i in range(h.size):
        now = np.log(h[i] / low[i]) ** 2
        if i > 0:
            beta = now + before
            gamma = np.log(max(h[i], h[i - 1]) / min(low[i], low[i - 1])) ** 2
            alpha = (np.sqrt(2.0 * beta) - np.sqrt(beta)) / _SPREAD - np.sqrt(gamma / _SPREAD)
            spreads[i] = max(2.0 * (np.exp(alpha) - 1.0) / (1.0 + np.exp(alpha)), 0.0)
        before = now
    running = sums(spreads[skip:])
    for i in range(max(first, _MONTH - offset), at.size):
        out[at[i]] = span(running, i, _MONTH) / _MONTH
