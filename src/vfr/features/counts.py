"""How many bars each history held before some rows: with it the last rows are computed from the bars they need only.

A family of kernels sees the sessions on which all its inputs are known. Its windows and recursions are placed by the
number of a bar in its history, so that whoever leaves out old bars must know how many there were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.features.history import MAX_GAP, REACH
from vfr.kernels import kernel
from vfr.typing import FloatArray, IntArray

__all__ = ["N_SETS", "BarCounts", "Before", "bar_counts", "bar_rows", "from_the_beginning"]

N_SETS: Final = 5
"""Sets of inputs: total-return closes; with whole bars; with closes and volume; with ranges; and, without total-return
closes, ranges with volume."""

_STEP: Final = 64
"""Rows between two counts: 480 symbols over 40 years are some 3 MB."""

Before: TypeAlias = NDArray[np.int32]
"""Per symbol and set, [N x 5 x 2]: bars of the history that a row goes on with, and the row after its last one."""


@kernel
def _known(x: float) -> bool:
    return not np.isnan(x)


@kernel
def bar_rows(fields: FloatArray, out: IntArray) -> IntArray:
    """Write the rows of one symbol's bars to `out` [5 x R], and return how many each set has, [5].

    `fields` [6 x R]: open, high, low, close, total-return close, volume.
    """
    count = np.zeros(N_SETS, dtype=np.int64)
    for t in range(fields.shape[1]):
        priced, closed, traded = _known(fields[4, t]), _known(fields[3, t]), _known(fields[5, t])
        ranged = closed & _known(fields[1, t]) & _known(fields[2, t])
        barred = priced & ranged & _known(fields[0, t])
        known = (priced, barred, priced & closed & traded, priced & ranged, ranged & traded)
        for k in range(N_SETS):
            out[k, count[k]] = t
            count[k] += known[k]
    return count


@dataclass(frozen=True, slots=True, eq=False)
class BarCounts:
    """Counts before every 64th row of a panel, [T / 64 x N x 5 x 2]."""

    counts: NDArray[np.int32]

    def before(self, start: int) -> tuple[int, Before]:
        """Return from which row to read so that the kernels know row `start`, and what the histories held before.

        A symbol whose bars have gaps may need more.
        """
        k = max(start - REACH - _STEP, 0) // _STEP
        return k * _STEP, self.counts[k]


def from_the_beginning(n_symbols: int) -> tuple[int, Before]:
    """Return the first row, before which there was nothing; see `BarCounts.before`."""
    return 0, np.zeros((n_symbols, N_SETS, 2), dtype=np.int32)


def bar_counts(fields: tuple[FloatArray, ...]) -> BarCounts:
    """Count the bars of every history of a panel; `fields` as in `vfr.features.symbols.symbols`."""
    n_sessions, n_symbols = fields[0].shape
    counts = np.zeros((n_sessions // _STEP + 1, n_symbols, N_SETS, 2), dtype=np.int32)
    for first in range(0, n_symbols, _STEP):
        columns = slice(first, first + _STEP)
        own = np.stack([np.ascontiguousarray(field[:, columns].T) for field in fields], axis=1)
        _count(own, counts[:, columns])
    return BarCounts(counts)


@kernel
def _count(fields: FloatArray, counts: NDArray[np.int32]) -> None:
    rows = np.empty((N_SETS, fields.shape[2] + 1), dtype=np.int64)
    for n in range(fields.shape[0]):
        found = bar_rows(fields[n], rows)
        for k in range(N_SETS):
            held, bar = 0, 0
            for c in range(counts.shape[0]):
                while bar < found[k] and rows[k, bar] < c * _STEP:
                    goes_on = bar > 0 and rows[k, bar] - rows[k, bar - 1] <= MAX_GAP + 1
                    held = held + 1 if goes_on else 1
                    bar += 1
                counts[c, n, k, 0] = held
                counts[c, n, k, 1] = rows[k, bar - 1] + 1 if bar else 0
