"""What evidence is computed on: judged predictions of each model, outcomes on two bases, and the cells that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon, IntArray
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.significance import MeanTest, newey_west, overlap_lag
from vfr.workflows.train_judge import Served

__all__ = ["AVERAGE", "Judged", "Ranked", "Study", "average", "interval", "mean_test", "per_date", "session_mean"]

AVERAGE = "average"
"""Name of the equal-weight average of the members."""


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A score that orders the names of a session, [R x N], NaN where unknown; it says no probability."""

    name: str
    rank: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Out-of-fold predictions of one model, [R x N] grids; `rank` orders the names of a session, -0.5 to 0.5."""

    name: str
    prediction: Prediction
    rank: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """One horizon under study.

    Parameters
    ----------
    horizon : Horizon
    sessions : datetime64[D] array, shape (R,)
    models : tuple of Judged
        The average of the members first; empty where scores are judged that say no probability.
    outcomes : mapping
        Returns [R x N] by basis, the label's own basis first; a forecast of row t is paired with row t.
    excess, direction : float64 arrays, shape (R, N)
        Labels on their own basis.
    base, last_sign : float64 arrays, shape (R, N)
        Ex-ante base rate; 1 where the last h-session return was above zero.
    universes : mapping
        Cells [R x N] by name, those that count first; all within the judged span, each with every model's prediction.
    volatility : float64 array, shape (R, N)
        Trailing daily volatility; NaN where unknown.
    rng : numpy.random.Generator
        For bootstrap intervals.
    excess_base : float64 array, shape (R, N), optional
        Ex-ante base rate of an excess return above 0; None where no model says a probability.
    others : tuple of Ranked
        Scores judged beside the models: an outside reference, or the classic score. They may be unknown on any cell.
    exposures : mapping
        Float64 arrays [R x N] by name (beta, size, momentum), known at the close of each row.
    sectors : int array, shape (N,), optional
        Sector of each name; -1 where unknown.
    stride : int
        Sessions from one judged cross-section to the next.
    """

    horizon: Horizon
    sessions: DateArray
    models: tuple[Judged, ...]
    outcomes: Mapping[str, FloatArray]
    excess: FloatArray
    direction: FloatArray
    base: FloatArray
    last_sign: FloatArray
    universes: Mapping[str, BoolArray]
    volatility: FloatArray
    rng: np.random.Generator
    excess_base: FloatArray | None = None
    others: tuple[Ranked, ...] = ()
    exposures: Mapping[str, FloatArray] = field(default_factory=dict)
    sectors: IntArray | None = None
    stride: int = 1

    @property
    def h(self) -> int:
        """Sessions of the horizon."""
        return HORIZONS[self.horizon]

    @property
    def lag(self) -> int:
        """Newey-West lag, in judged cross-sections: outcomes of neighbours overlap over h sessions."""
        return -(-overlap_lag(self.h) // self.stride)

    @property
    def block(self) -> int:
        """Length of a bootstrap block, in judged cross-sections."""
        return -(-max(2 * self.h, 5) // self.stride)

    @property
    def step(self) -> int:
        """Sessions after which a holding can be renewed: the horizon, up to the next judged cross-section."""
        return -(-self.h // self.stride) * self.stride

    @property
    def ranked(self) -> tuple[Judged | Ranked, ...]:
        """Everything that orders names: the models, then what is judged beside them."""
        return (*self.models, *self.others)

    @property
    def cells(self) -> BoolArray:
        """Cells that count: known forecast, label and base rate, in the first universe."""
        return next(iter(self.universes.values()))

    @property
    def years(self) -> FloatArray:
        """Calendar year of each session."""
        return np.asarray(self.sessions.astype("datetime64[Y]").astype(np.int64) + 1970, dtype=np.float64)


def per_date(values: FloatArray, cells: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the sum of the values and the number of cells of each date that has any."""
    some = cells.any(axis=1)
    return np.where(cells, values, 0.0).sum(axis=1)[some], cells.sum(axis=1)[some].astype(np.float64)


def session_mean(values: FloatArray, cells: BoolArray) -> FloatArray:
    """Return the mean of the cells of each session, shape (R,), NaN where there is none.

    Examples
    --------
    >>> session_mean(np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([[True, True], [False, False]])).tolist()
    [2.0, nan]
    """
    count = cells.sum(axis=1)
    total = np.where(cells, values, 0.0).sum(axis=1)
    return np.asarray(np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0))


def interval(study: Study, values: FloatArray, cells: BoolArray, over: FloatArray | None = None) -> Interval:
    """Return the sum of a grid over that of another with its date-block bootstrap 95 % interval.

    Without another grid it is the mean of the cells. Blocks hold at least two horizons.
    """
    top, count = per_date(values, cells)
    bottom = count if over is None else per_date(over, cells)[0]
    return ratio_interval(top, bottom, block=study.block, rng=study.rng)


def mean_test(study: Study, per_session: FloatArray) -> MeanTest:
    """Test whether the mean of one figure per session is zero, with the lag of the study."""
    return newey_west(per_session, study.lag)


def average(members: Mapping[str, Served], level: float) -> Judged:
    """Return the equal-weight average of the members: of ranks, probabilities and interval ends alike."""
    parts = [served.prediction for served in members.values()]
    rank = session_ranks(np.mean([served.rank for served in members.values()], axis=0))
    mean = {
        name: np.mean([getattr(p, name) for p in parts], axis=0)
        for name in ("p_up", "expected_excess", "low", "high", "confidence")
    }
    return Judged(AVERAGE, Prediction(**mean, level=level), rank)
