"""The bars behind a technical measurement: indicators over each symbol's history, read at the rows asked for.

A symbol's history is its own bars. It starts again after `MAX_AGE` sessions without one (a name that left an index and
came back), and what it says is STALE from then on. Until then the last bar speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.data.panel import Panel
from vfr.factors.scores import Reason
from vfr.factors.transforms import last_known
from vfr.typing import DateArray, FloatArray, IntArray, Keep

if TYPE_CHECKING:
    from vfr.indicators.bars import Kernel, Run

__all__ = ["MAX_AGE", "Histories", "History", "Readings"]

_Rows: TypeAlias = NDArray[np.signedinteger[Any]]

MAX_AGE: Final = 10
"""Sessions; a symbol without a bar among the last ten is unknown (STALE)."""


class Readings:
    """Bars on which all the given inputs are known, and what kernels make of them, on every session of a panel.

    No session changes what an earlier one has, so that a past session is read from the whole panel.

    Parameters
    ----------
    inputs : sequence of float64 arrays, each of shape (T, N)
        Oldest session first, NaN where unknown.
    keep : callable, optional
        Keeps what a kernel made, [S x T x N], and gives it back: for whoever reads session after session.

    Attributes
    ----------
    number : integer array, shape (T, N)
        The bar's number in its history, counted from 1; 0 where there is no bar.
    last : integer array, shape (T, N)
        Row of the last bar at or before each; -1 where there is none yet.
    """

    def __init__(self, inputs: Sequence[FloatArray], *, keep: Keep | None = None) -> None:
        from vfr.indicators import runs

        shape = inputs[0].shape
        self._runs: list[Run] | None = runs(inputs, max_gap=MAX_AGE - 1)
        self._keep = keep
        self._kept: dict[tuple[Kernel, tuple[float, ...]], FloatArray] = {}
        self.number: _Rows = np.zeros(shape, dtype=np.min_scalar_type(-shape[0] - 1))
        for run in self._runs or ():
            self.number[run.rows, run.column] = np.arange(1, run.rows.size + 1)
        self.last: _Rows = last_known(self.number > 0)

    def of(
        self,
        kernel: Kernel,
        parameters: tuple[float, ...],
        outputs: int,
        fields: slice,
        shown: slice,
        needed: tuple[int, int] | None = None,
    ) -> FloatArray:
        """Run a kernel over every history; the outputs shown, [S x T x N], NaN where there is no bar.

        `needed`, the first row and the bars of a window, leaves out older bars where nothing is kept.
        """
        from vfr.indicators.bars import spread

        found = self._kept.get((kernel, parameters))
        if found is None:
            if self._runs is None:
                raise LookupError(f"{kernel}: did not run before the bars were forgotten")
            cut = needed if self._keep is None else None
            pieces = self._runs if cut is None else [run.since(*cut) for run in self._runs]
            found = spread(pieces, kernel, parameters, outputs, self.number.shape, fields, shown)
            if self._keep is not None:  # Session by session, as it is read.
                found = self._kept[kernel, parameters] = self._keep(np.ascontiguousarray(found))
        return found

    def forget_bars(self) -> None:
        """Let go of the bars, once every kernel has run that ever will."""
        self._runs = None


@dataclass(frozen=True, slots=True, eq=False)
class Histories:
    """Readings of total-return closes, of whole bars on their basis, of closes with volume, and of bars as traded."""

    closes: Readings
    bars: Readings
    trades: Readings
    priced_trades: Readings

    @classmethod
    def of(cls, panel: Panel, *, keep: Keep | None = None) -> Histories:
        """Cut a panel into histories; `keep` as in `Readings`."""
        to_total_return = panel.adj_close / panel.close
        bars = (panel.high * to_total_return, panel.low * to_total_return, panel.adj_close)
        return cls(
            Readings((panel.adj_close,), keep=keep),
            Readings(bars, keep=keep),
            Readings((panel.adj_close, panel.volume), keep=keep),
            Readings((panel.high, panel.low, panel.close, panel.volume), keep=keep),
        )


class History:
    """Readings at R rows of the panel.

    Parameters
    ----------
    readings : Readings
        Of the panel, or of one that goes on after it.
    sessions : datetime64[D] array, shape (T,)
    rows : int64 array, shape (R,)

    Attributes
    ----------
    as_of : datetime64[D] array, shape (R, N)
        Session of the last bar; NaT where there is none yet.
    bars : int64 array, shape (R, N)
        Bars of the running history; 0 where nothing speaks.
    """

    def __init__(self, readings: Readings, sessions: DateArray, rows: IntArray) -> None:
        self._readings = readings
        self._since = int(rows.min(initial=sessions.size)) - MAX_AGE + 1  # No older bar speaks.
        self._last: IntArray = readings.last[rows].astype(np.int64)
        speaks = (self._last >= 0) & (rows[:, None] - self._last < MAX_AGE)
        self._read = np.where(speaks, self._last, rows[:, None])  # Where no bar speaks, nothing long ago is looked up.
        self.bars: IntArray = np.where(speaks, self._at(readings.number), 0).astype(np.int64)
        self.as_of: DateArray = np.where(self._last >= 0, sessions[self._last], np.datetime64("NaT", "D"))

    def read(
        self,
        kernel: Kernel,
        *parameters: float,
        outputs: int = 1,
        fields: slice = slice(None),
        shown: slice = slice(None),
        window: int | None = None,
    ) -> tuple[FloatArray, ...]:
        """Return outputs of a kernel over the histories at the rows, [R x N]; NaN where no bar speaks.

        `fields` chooses inputs, `shown` outputs: the same ones of a kernel at every call. `window` promises that an
        output depends on that many last bars only and in a way that does not see where the history began.
        """
        needed = None if window is None or not self._last.size else (self._since, window)
        found = self._readings.of(kernel, parameters, outputs, fields, shown, needed)
        return tuple(self.last(values) for values in found)

    def last(self, values: FloatArray) -> FloatArray:
        """Return what a panel [T x N] holds on the bars that speak at the rows, [R x N]."""
        return np.where(self.bars > 0, self._at(values), np.nan)

    def reason(self, needs: int) -> NDArray[np.int8]:
        """Why a measurement over `needs` bars is missing where it is, [R x N]."""
        code = np.where(self.bars < needs, np.int8(Reason.NO_HISTORY), np.int8(Reason.UNUSABLE))
        code = np.where(self.bars == 0, np.int8(Reason.STALE), code)
        code = np.where(self._last >= 0, code, np.int8(Reason.NOT_COVERED))
        any_seen = (self._last >= 0).any(axis=1, keepdims=True)
        return np.where(any_seen, code, np.int8(Reason.NO_INPUT)).astype(np.int8)

    def _at(self, values: FloatArray | _Rows) -> FloatArray | _Rows:
        return values[self._read, np.arange(values.shape[1])]
