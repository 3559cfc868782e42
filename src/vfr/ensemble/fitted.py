"""What was fitted for the ensemble of one horizon, with the days from which each part may be used."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.ensemble.confidence import Confidence
from vfr.ensemble.scores import Scores
from vfr.ensemble.stacking import Stacker
from vfr.typing import FloatArray, Horizon

__all__ = ["Fitted", "Stage"]


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What outcomes matured before a day allow; each part is None while there are too few.

    Parameters
    ----------
    effective : datetime64[D]
        First session it may answer for.
    stacker : Stacker or None
    confidence : Confidence or None
    """

    effective: np.datetime64
    stacker: Stacker | None
    confidence: Confidence | None


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The out-of-fold record of the members of one horizon, and what was fitted on it, stage by stage.

    Parameters
    ----------
    horizon : Horizon
    data_name, data_version : str
    created_at : str
        ISO-8601, UTC.
    scores : Scores
        Out of fold; matured outcomes only.
    peers : float64 array, shape (D, M)
        Rank correlation of each member's excess score with the mean of the others', on the dates of `scores`.
    stages : tuple of Stage
        In time order.
    """

    horizon: Horizon
    data_name: str
    data_version: str
    created_at: str
    scores: Scores
    peers: FloatArray
    stages: tuple[Stage, ...]

    def at(self, day: np.datetime64) -> Stage | None:
        """Return the last stage that may answer for a session; None before the first."""
        return next((stage for stage in reversed(self.stages) if stage.effective <= day), None)
