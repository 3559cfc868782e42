"""From panels to the bars of each symbol and back: the one place that knows the rule for missing bars.

**Missing bars.** A kernel sees a symbol's own bars: sessions on which every input of the indicator is known, oldest
first. A late listing is a later start; a session without a bar is skipped, its output is NaN, and windows and
recursions carry on with the next bar, so that a window of 14 means 14 bars. With `max_gap`, a longer gap ends the
history instead and a new one starts after it (a name that left an index and came back years later).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vfr.typing import FloatArray, IntArray

__all__ = ["Kernel", "Run", "on_panel", "runs", "spread"]

Kernel = Callable[..., None]
"""A compiled function ``kernel(*inputs, *parameters, *outputs)`` on the bars of one symbol."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Consecutive bars of one symbol: its column, the panel rows of its bars [B], and the inputs on them [B] each."""

    column: int
    rows: IntArray
    inputs: tuple[FloatArray, ...]

    def since(self, row: int, window: int) -> Run:
        """Leave out bars that no window of two or more bars reaches which ends at a row or later."""
        first = max(0, int(np.searchsorted(self.rows, row)) - window + 1)
        return Run(self.column, self.rows[first:], tuple(x[first:] for x in self.inputs))

    def apply(
        self,
        kernel: Kernel,
        parameters: Sequence[float],
        n_outputs: int,
        fields: slice = slice(None),
    ) -> FloatArray:
        """Run a kernel over the bars, on the chosen inputs; returns [n_outputs x B]."""
        out = np.empty((n_outputs, self.rows.size))
        kernel(*self.inputs[fields], *parameters, *out)
        return out


def runs(inputs: Sequence[FloatArray], *, max_gap: int | None = None) -> list[Run]:
    """Cut panels into runs of bars on which all of them are known.

    Parameters
    ----------
    inputs : sequence of float64 arrays, each of shape (T, N)
        Oldest session first, NaN where unknown.
    max_gap : int, optional
        A run ends where more than this many sessions in a row have no bar. By default it never does.

    Returns
    -------
    list of Run
        By column, then by time. A symbol without bars has none.
    """
    columns = [np.ascontiguousarray(x.T) for x in inputs]
    known = np.logical_and.reduce([np.isfinite(x) for x in columns])
    found = []
    for column in np.flatnonzero(known.any(axis=1)):
        rows = np.flatnonzero(known[column])
        if rows[-1] - rows[0] + 1 == rows.size:  # no gap: views will do
            found.append(Run(int(column), rows, tuple(x[column, rows[0] : rows[-1] + 1] for x in columns)))
            continue
        pieces = [rows]
        if max_gap is not None:
            pieces = np.split(rows, np.flatnonzero(np.diff(rows) > max_gap + 1) + 1)
        found += [Run(int(column), piece, tuple(x[column][piece] for x in columns)) for piece in pieces]
    return found


def spread(
    pieces: Sequence[Run],
    kernel: Kernel,
    parameters: Sequence[float],
    n_outputs: int,
    shape: tuple[int, ...],
    fields: slice = slice(None),
    shown: slice = slice(None),
) -> FloatArray:
    """Run a kernel over every run and put the outputs shown on a panel, [S x T x N], NaN where there is no bar."""
    out = np.full((len(range(n_outputs)[shown]), shape[1], shape[0]), np.nan)
    for run in pieces:
        begin, end = int(run.rows[0]), int(run.rows[-1]) + 1
        rows = slice(begin, end) if end - begin == run.rows.size else run.rows
        out[:, run.column, rows] = run.apply(kernel, parameters, n_outputs, fields)[shown]
    return out.transpose(0, 2, 1)


def on_panel(
    kernel: Kernel, inputs: Sequence[FloatArray], parameters: Sequence[float] = (), n_outputs: int = 1
) -> FloatArray:
    """Compute an indicator on panels [T x N]; returns [n_outputs x T x N]."""
    if len({x.shape for x in inputs}) != 1 or inputs[0].ndim != 2:
        raise ValueError(f"inputs: need panels of one shape [T x N], got {[x.shape for x in inputs]}")
    return spread(runs(inputs), kernel, parameters, n_outputs, inputs[0].shape)
