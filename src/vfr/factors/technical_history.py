"""The bars behind a technical measurement: indicators over each symbol's history, read at the rows asked for.

A symbol's history is its own bars. It starts again after `MAX_AGE` sessions without one (a name that left an index and
came back), and what it says is STALE from then on. Until then the last bar speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from vfr.factors.scores import Reason
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

if TYPE_CHECKING:
    from vfr.indicators import Run
    from vfr.indicators.bars import Kernel

__all__ = ["MAX_AGE", "History", "Reading"]

MAX_AGE: Final = 10
"""Sessions; a symbol without a bar among the last ten is unknown (STALE)."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """Where one run of bars is read: positions in `rows` [V] and, for each, the bar that speaks there [V]."""

    run: Run
    at: IntArray
    bar: IntArray


class History:
    """Bars on which all the given inputs are known, read at R rows of the panel.

    Parameters
    ----------
    inputs : sequence of float64 arrays, each of shape (T, N)
        Oldest session first, NaN where unknown.
    sessions : datetime64[D] array, shape (T,)
    rows : int64 array, shape (R,)

    Attributes
    ----------
    as_of : datetime64[D] array, shape (R, N)
        Session of the last bar; NaT where there is none yet.
    bars : int64 array, shape (R, N)
        Bars of the running history; 0 where nothing speaks.
    """

    def __init__(self, inputs: Sequence[FloatArray], sessions: DateArray, rows: IntArray) -> None:
        from vfr.indicators import runs

        shape = (rows.size, inputs[0].shape[1])
        first, last = sessions.size, np.full(shape, -1, dtype=np.int64)
        self.bars: IntArray = np.zeros(shape, dtype=np.int64)
        self._readings: list[Reading] = []
        for run in runs(inputs, max_gap=MAX_AGE - 1):
            first = min(first, int(run.rows[0]))
            bar = np.searchsorted(run.rows, rows, side="right") - 1
            seen = np.flatnonzero(bar >= 0)
            last[seen, run.column] = run.rows[bar[seen]]
            at = seen[rows[seen] - run.rows[bar[seen]] < MAX_AGE]
            if at.size:
                self.bars[at, run.column] = bar[at] + 1
                self._readings.append(Reading(run, at, bar[at]))
        self._last: IntArray = last
        self._any_seen: BoolArray = rows >= first
        self.as_of: DateArray = np.where(last >= 0, sessions[last], np.datetime64("NaT", "D"))

    def read(
        self,
        kernel: Kernel,
        *parameters: float,
        outputs: int = 1,
        fields: slice = slice(None),
        window: int | None = None,
    ) -> tuple[FloatArray, ...]:
        """Run a kernel over every history and return each of its outputs at the rows, [R x N].

        `fields` chooses inputs. `window` promises that an output depends on that many last bars only and in a way
        that does not see where the history began, so that older bars than the rows need are left out. NaN where no
        bar speaks or the window is not full.
        """
        out = np.full((outputs, *self.bars.shape), np.nan)
        for reading in self._readings:
            start = 0 if window is None else max(0, int(reading.bar.min()) - window + 1)
            values = reading.run.apply(kernel, parameters, outputs, fields=fields, start=start)
            out[:, reading.at, reading.run.column] = values[:, reading.bar - start]
        return tuple(out)

    def last(self, values: FloatArray) -> FloatArray:
        """Return what a panel [T x N] holds on the bars that speak at the rows, [R x N]."""
        columns = np.arange(values.shape[1])
        return np.where(self.bars > 0, values[np.maximum(self._last, 0), columns], np.nan)

    def reason(self, needs: int) -> NDArray[np.int8]:
        """Why a measurement over `needs` bars is missing where it is, [R x N]."""
        code = np.where(self.bars < needs, np.int8(Reason.NO_HISTORY), np.int8(Reason.UNUSABLE))
        code = np.where(self.bars == 0, np.int8(Reason.STALE), code)
        code = np.where(self._last >= 0, code, np.int8(Reason.NOT_COVERED))
        return np.where(self._any_seen[:, None], code, np.int8(Reason.NO_INPUT)).astype(np.int8)
