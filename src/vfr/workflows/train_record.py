"""What a version did out of fold, date by date: enough to hold a challenger to the champion on the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.models.arrays import npy_bytes, read_npy
from vfr.models.prediction import Prediction
from vfr.typing import DateArray, FloatArray
from vfr.validation.correlation import rank_ic
from vfr.validation.significance import MeanTest, newey_west, overlap_lag
from vfr.workflows.train_data import Targets
from vfr.workflows.train_metrics import counted

__all__ = ["FILE", "FewDates", "Paired", "Record", "paired", "record"]

FILE: Final = "out_of_fold.npy"
"""Name of the record among the files of a version."""

MIN_DATES: Final = 60
_TINY: Final = 1e-12


class FewDates(ValueError):
    """Two records share too few dates with the same rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Record:
    """Figures of D dates, each an average over the names that count.

    Parameters
    ----------
    dates : datetime64[D] array, shape (D,)
        Increasing.
    cells : float64 array, shape (D,)
        Names.
    ic : float64 array, shape (D,)
        Rank IC of the excess score; NaN where it has no variation.
    loss, base_loss : float64 arrays, shape (D,)
        Mean squared error of P(up), and of the base rate known at the time.
    """

    dates: DateArray
    cells: FloatArray
    ic: FloatArray
    loss: FloatArray
    base_loss: FloatArray

    def to_bytes(self) -> bytes:
        """Return the record as npy bytes, [5 x D]; dates are days since 1970."""
        days = self.dates.astype("datetime64[D]").astype(np.int64).astype(np.float64)
        return npy_bytes(np.stack([days, self.cells, self.ic, self.loss, self.base_loss]))

    @classmethod
    def from_bytes(cls, blob: bytes) -> Record:
        """Read `to_bytes`.

        Raises
        ------
        ValueError
            If the bytes are no record.
        """
        table = np.asarray(read_npy(blob), dtype=np.float64)
        if table.ndim != 2 or table.shape[0] != 5 or not np.isfinite(table[0]).all():
            raise ValueError("not a record of five columns")
        return cls(table[0].astype(np.int64).astype("datetime64[D]"), *table[1:])


@dataclass(frozen=True, slots=True)
class Paired:
    """Two versions on the same rows: mean rank IC and loss of each, and the challenger's gain with its t.

    `loss_gain` is the champion's loss less the challenger's: above 0 speaks for the challenger, as in `ic_gain`.
    """

    dates: int
    champion_ic: float
    challenger_ic: float
    ic_gain: MeanTest
    champion_loss: float
    challenger_loss: float
    loss_gain: MeanTest


def record(targets: Targets, prediction: Prediction, rank: FloatArray, sessions: DateArray) -> Record:
    """Record the predictions [R x N] of sessions [R] on the cells that count."""
    c = counted(targets, prediction, rank)
    ic = rank_ic(rank, targets.labels.excess, c.cells)
    some = c.cells.any(axis=1)
    count = c.cells.sum(axis=1)[some].astype(np.float64)

    def mean(grid: FloatArray) -> FloatArray:
        return np.asarray(np.where(c.cells, grid, 0.0).sum(axis=1)[some] / count)

    y = targets.labels.direction
    return Record(sessions[some], count, ic[some], mean((prediction.p_up - y) ** 2), mean((c.base - y) ** 2))


def paired(champion: Record, challenger: Record, horizon: int) -> Paired:
    """Compare two records on the dates on which both judged the same rows.

    Rows are the same where their number is and where the base rate's loss is: it holds the outcomes and nothing of
    either version.

    Parameters
    ----------
    champion, challenger : Record
    horizon : int
        Sessions an outcome spans; the t uses at least 1.5 times as many lags.

    Raises
    ------
    FewDates
        If there are fewer than 60 such dates; says how many.
    """
    _, a, b = np.intersect1d(champion.dates, challenger.dates, return_indices=True)
    same = champion.cells[a] == challenger.cells[b]
    same &= np.abs(champion.base_loss[a] - challenger.base_loss[b]) < _TINY
    a, b = a[same], b[same]
    if a.size < MIN_DATES:
        raise FewDates(f"they share {a.size} dates with the same rows, {MIN_DATES} are needed")
    lag = overlap_lag(horizon)
    ic, loss = challenger.ic[b] - champion.ic[a], champion.loss[a] - challenger.loss[b]
    return Paired(
        dates=int(a.size),
        champion_ic=float(np.nanmean(champion.ic[a])),
        challenger_ic=float(np.nanmean(challenger.ic[b])),
        ic_gain=newey_west(ic, lag),
        champion_loss=float(champion.loss[a].mean()),
        challenger_loss=float(challenger.loss[b].mean()),
        loss_gain=newey_west(loss, lag),
    )
