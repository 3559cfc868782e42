"""All families that look at one symbol at a time: cut panels into histories and run their kernels."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.features import bars as of_bars
from vfr.features import closes as of_closes
from vfr.features import oscillators
from vfr.features import trading as of_trades
from vfr.features.counts import N_SETS, Before, bar_rows
from vfr.features.history import MAX_GAP, REACH, TILE, gather, run_ends
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["N_FEATURES", "N_RECURSIVE", "fields", "recursive", "symbols"]

_CLOSES: Final = sum(of_closes.N_FEATURES)
_BARS: Final = _CLOSES + of_bars.N_FEATURES
_TRADES: Final = _BARS + of_trades.N_FEATURES
_OF_CLOSES: Final = _TRADES + oscillators.N_CLOSES
_BAR_WINDOWS: Final = _OF_CLOSES + oscillators.N_BAR_WINDOWS
_OF_BARS: Final = _BAR_WINDOWS + oscillators.N_BARS
_OF_TRADES: Final = _OF_BARS + oscillators.N_TRADES
N_FEATURES: Final = _OF_TRADES + oscillators.N_TRADE_WINDOWS
"""Features of `symbols`, the first of the matrix."""

_N_CLOSES: Final = oscillators.N_CLOSES
N_RECURSIVE: Final = oscillators.N_CLOSES + oscillators.N_BARS + oscillators.N_TRADES
"""Those of them that run on from bars long ago."""

_closes, _bars, _trades = of_closes.closes, of_bars.bars, of_trades.trading
_rsi_and_more, _adx_and_more, _mfi = oscillators.of_closes, oscillators.of_bars, oscillators.of_trades
_bar_windows, _trade_windows = oscillators.windows_of_bars, oscillators.windows_of_trades


def fields(panel: Panel) -> tuple[FloatArray, ...]:
    """Return what the kernels read of a panel, in their order."""
    return panel.open, panel.high, panel.low, panel.close, panel.adj_close, panel.volume


@kernel
def symbols(
    fields: tuple[FloatArray, ...],
    level: FloatArray,
    columns: tuple[int, int],
    begin: int,
    before: Before,
    held: Matrix32,
    wanted: tuple[int, int],
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
    begin : int
        Row from which bars are read; a symbol whose gaps leave too few is read from the first row.
    before : int32 array, shape (N, 5, 2)
        What the histories held before that row.
    held : float32 array, shape (N_RECURSIVE, N, T)
        What `recursive` gave; without any column it is computed.
    wanted : (int, int)
        First and last (exclusive) row wanted; no later row is read.
    out : float32 array, shape (F, N, R)
        The first `N_FEATURES` are written for these columns.
    """
    start, stop = wanted
    x = np.empty((TILE, len(fields), stop - begin))
    whole = np.empty((1, len(fields), stop if begin else 0))
    nothing = np.zeros((N_SETS, 2), dtype=np.int32)
    origin = int(np.int64(0))  # A bare 0 is a type of its own: all below would be compiled twice.
    for column in range(columns[0], columns[1], TILE):
        width = min(TILE, columns[1] - column)
        for k in range(len(fields)):
            gather(fields[k][begin:], column, width, x[:, k])
        for j in range(width):
            own = out[:N_FEATURES, column + j]
            own[:] = np.nan
            runs = held.shape[1] == 0
            if not _one(x[j], level[begin:], before[column + j], runs, begin, start - begin, own):
                for k in range(len(fields)):
                    gather(fields[k], column + j, 1, whole[:, k])
                _one(whole[0], level, nothing, runs, origin, start, own)
            if not runs:
                _take(held[:, column + j, start:stop], own)


@kernel
def recursive(fields: tuple[FloatArray, ...], columns: tuple[int, int], out: Matrix32) -> None:
    """Write what runs on from bars long ago, [N_RECURSIVE x N x T], for a range of columns and every row.

    No later row changes what an earlier one has. `fields` as in `symbols`.
    """
    n_sessions = fields[0].shape[0]
    x = np.empty((TILE, len(fields), n_sessions))
    nothing = np.zeros((N_SETS, 2), dtype=np.int32)
    origin = int(np.int64(0))
    rows = np.empty((N_SETS, n_sessions + 1), dtype=np.int64)
    for column in range(columns[0], columns[1], TILE):
        width = min(TILE, columns[1] - column)
        for k in range(len(fields)):
            gather(fields[k], column, width, x[:, k])
        for j in range(width):
            own = out[:, column + j]
            own[:] = np.nan
            parts = own[:_N_CLOSES], own[_N_CLOSES : N_RECURSIVE - 1], own[N_RECURSIVE - 1 :]
            _run(x[j], rows, bar_rows(x[j], rows), nothing, origin, origin, parts)


@kernel
def _take(held: Matrix32, out: Matrix32) -> None:
    """Copy what was held of one symbol, [N_RECURSIVE x R], to its places."""
    for k in range(N_RECURSIVE):
        place = _TRADES + k if k < _N_CLOSES else _BAR_WINDOWS + k - _N_CLOSES
        for i in range(out.shape[1]):
            out[place, i] = held[k, i]


@kernel
def _one(
    fields: FloatArray, level: FloatArray, before: Before, runs: bool, begin: int, start: int, out: Matrix32
) -> bool:
    """Cut one symbol's fields [6 x R] into histories, one cut for each set of inputs, and run the kernels on them.

    Rows count from `begin`; what is recursive only where it `runs`. Returns False, and writes nothing, where bars are
    needed that lie before.
    """
    h, low, c, adj, v = fields[1], fields[2], fields[3], fields[4], fields[5]
    rows = np.empty((N_SETS, fields.shape[1] + 1), dtype=np.int64)
    count = bar_rows(fields, rows)
    for k in range(N_SETS):
        if _goes_on(rows[k, : count[k]], before[k], begin) and _too_few(rows[k, : count[k]], start):
            return False
    for own, first in _histories(rows[0, : count[0]], before[0], begin, start):
        _closes(adj, level, own, first, start, out[:_CLOSES])
    for own, first in _histories(rows[1, : count[1]], before[1], begin, start):
        _bars(fields, own, first, start, out[_CLOSES:_BARS])
    for own, first in _histories(rows[2, : count[2]], before[2], begin, start):
        _trades(c, adj, v, own, first, start, out[_BARS:_TRADES])
    for own, first in _histories(rows[3, : count[3]], before[3], begin, start):
        _bar_windows(h, low, c, adj, own, first, start, out[_OF_CLOSES:_BAR_WINDOWS])
    for own, first in _histories(rows[4, : count[4]], before[4], begin, start):
        _trade_windows(h, low, c, v, own, first, start, out[_OF_TRADES:])
    if runs:
        parts = out[_TRADES:_OF_CLOSES], out[_BAR_WINDOWS:_OF_BARS], out[_OF_BARS:_OF_TRADES]
        _run(fields, rows, count, before, begin, start, parts)
    return True


@kernel
def _run(
    fields: FloatArray,
    rows: IntArray,
    count: IntArray,
    before: Before,
    begin: int,
    start: int,
    parts: tuple[Matrix32, Matrix32, Matrix32],
) -> None:
    """Run what is recursive over one symbol's histories: of closes, of bars, of trades; see `_one`."""
    h, low, c, adj, v = fields[1], fields[2], fields[3], fields[4], fields[5]
    for own, first in _histories(rows[0, : count[0]], before[0], begin, start):
        _rsi_and_more(adj, own, first, start, parts[0])
    for own, first in _histories(rows[3, : count[3]], before[3], begin, start):
        _adx_and_more(h, low, c, adj, own, first, start, parts[1])
    for own, first in _histories(rows[4, : count[4]], before[4], begin, start):
        _mfi(h, low, c, v, own, first, start, parts[2])


@kernel
def _goes_on(rows: IntArray, before: Before, begin: int) -> bool:
    """Return whether the first of the bars goes on with a history that began before them."""
    return bool(before[0] > 0 and rows.size > 0 and begin + rows[0] - before[1] <= MAX_GAP)


@kernel
def _too_few(rows: IntArray, start: int) -> bool:
    """Return whether the rows wanted may belong to the history of the first bar, and need bars before that."""
    return bool(rows[-1] >= start and np.searchsorted(rows, start) < REACH)


@kernel
def _histories(rows: IntArray, before: Before, begin: int, start: int) -> list[tuple[IntArray, int]]:
    """Return the rows of each history that reaches the rows wanted, and its first bar among those.

    A history that began earlier has as many rows that must not be read as it held bars before.
    """
    found = []
    left_out = int(before[0]) if _goes_on(rows, before, begin) else 0
    edge = 0
    for end in run_ends(rows):
        own = rows[edge:end]
        edge = end
        first = int(np.searchsorted(own, start))
        if first < own.size:
            if left_out > 0:
                own = np.concatenate((np.zeros(left_out, dtype=np.int64), own))
            found.append((own, left_out + first))
        left_out = 0
    return found
