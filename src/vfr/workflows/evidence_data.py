"""What evidence is computed on: judged predictions of each model, outcomes on two bases, and the cells that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.typing import HORIZONS, BoolArray, DateArray, FloatArray, Horizon
from vfr.workflows.train_judge import Served

__all__ = ["Judged", "Study", "average"]


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
        The average of the members first.
    outcomes : mapping
        Returns [R x N] by basis, the label's own basis first; a forecast of row t is paired with row t.
    excess, direction : float64 arrays, shape (R, N)
        Labels on their own basis.
    base, last_sign : float64 arrays, shape (R, N)
        Ex-ante base rate; 1 where the last h-session return was above zero.
    universes : mapping
        Cells [R x N] by name, those that count first; all within the judged span.
    volatility : float64 array, shape (R, N)
        Trailing daily volatility; NaN where unknown.
    rng : numpy.random.Generator
        For bootstrap intervals.
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

    @property
    def h(self) -> int:
        """Sessions of the horizon."""
        return HORIZONS[self.horizon]

    @property
    def cells(self) -> BoolArray:
        """Cells that count: known forecast, label and base rate, in the first universe."""
        return next(iter(self.universes.values()))

    @property
    def years(self) -> FloatArray:
        """Calendar year of each session."""
        return np.asarray(self.sessions.astype("datetime64[Y]").astype(np.int64) + 1970, dtype=np.float64)


def average(members: Mapping[str, Served], level: float) -> Judged:
    """Return the equal-weight average of the members: of ranks, probabilities and interval ends alike."""
    parts = [served.prediction for served in members.values()]
    rank = session_ranks(np.mean([served.rank for served in members.values()], axis=0))
    mean = {
        name: np.mean([getattr(p, name) for p in parts], axis=0)
        for name in ("p_up", "expected_excess", "low", "high", "confidence")
    }
    return Judged("average", Prediction(**mean, level=level), rank)
