"""All families that look at one symbol at a time: cut panels into histories and run their kernels."""

from __future__ import annotations

from typing import Final

import numpy as np
from numba import njit

from vfr.features import bars as of_bars
from vfr.features import closes as of_closes
from vfr.features import oscillators
from vfr.features import trading as of_trades
from vfr.features.history import TILE, bar_rows, gather, run_ends
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_FEATURES", "symbols"]

_CLOSES: Final = sum(of_closes.N_FEATURES)
_BARS: Final = _CLOSES + of_bars.N_FEATURES
_TRADES: Final = _BARS + of_trades.N_FEATURES
_OF_CLOSES: Final = _TRADES + oscillators.N_CLOSES
_OF_BARS: Final = _OF_CLOSES + oscillators.N_BARS
N_FEATURES: Final = _OF_BARS + oscillators.N_TRADES
"""Features of `symbols`, the first of the matrix."""

_closes, _bars, _trades = of_closes.closes, of_bars.bars, of_trades.trading
_rsi_and_more, _adx_and_more, _mfi_and_more = oscillators.of_closes, oscillators.of_bars, oscillators.of_trades


@njit(cache=True, nogil=True)
def symbols(
    fields: tuple[FloatArray, ...],
    level: FloatArray,
    columns: tuple[int, int],
    start: int,
    stop: int,
    out: Matrix32,
) -> None:
    """Compute the features of a range of columns.

    Parameters
    ----------
    fields : tuple of six float64 arrays, shape (T, N)
        Open, high, low, close, total-return close, volume; NaN where unknown.
    level : float64 array, shape (T,)
        Level of the market.
    columns : (int, int)
        First and last (exclusive) column.
    start, stop : int
        Rows wanted; nothing at or after `stop` is read.
    out : float32 array, shape (F, N, stop - start)
        The first `N_FEATURES` are written for these columns.
    """
    x = np.empty((TILE, len(fields), stop))
    for column in range(columns[0], columns[1], TILE):
        width = min(TILE, columns[1] - column)
        for k in range(len(fields)):
            gather(fields[k], column, width, x[:, k])
        for j in range(width):
            own = out[:N_FEATURES, column + j]
            own[:] = np.nan
            _one(x[j], level, start, own)


@njit(cache=True, nogil=True)
def _one(fields: FloatArray, level: FloatArray, start: int, out: Matrix32) -> None:
    """Cut one symbol's fields [6 x T] into histories, one cut for each set of inputs, and run the kernels on them."""
    o, h, low, c, adj, v = fields[0], fields[1], fields[2], fields[3], fields[4], fields[5]
    priced, closed, traded = ~np.isnan(adj), ~np.isnan(c), ~np.isnan(v)
    ranged = closed & ~np.isnan(h) & ~np.isnan(low)
    for own, first in _histories(bar_rows(priced), start):
        _closes(adj, level, own, first, start, out[:_CLOSES])
        _rsi_and_more(adj, own, first, start, out[_TRADES:_OF_CLOSES])
    for own, first in _histories(bar_rows(priced & ranged & ~np.isnan(o)), start):
        _bars(fields, own, first, start, out[_CLOSES:_BARS])
    for own, first in _histories(bar_rows(priced & closed & traded), start):
        _trades(c, adj, v, own, first, start, out[_BARS:_TRADES])
    for own, first in _histories(bar_rows(priced & ranged), start):
        _adx_and_more(h, low, c, adj, own, first, start, out[_OF_CLOSES:_OF_BARS])
    for own, first in _histories(bar_rows(ranged & traded), start):
        _mfi_and_more(h, low, c, v, own, first, start, out[_OF_BARS:])


@njit(cache=True, nogil=True)
def _histories(rows: IntArray, start: int) -> list[tuple[IntArray, int]]:
    """Return the rows of each history that reaches the rows wanted, and its first bar among those."""
    found = []
    begin = 0
    for end in run_ends(rows):
        own = rows[begin:end]
        begin = end
        first = int(np.searchsorted(own, start))
        if first < own.size:
            found.append((own, first))
    return found
