"""What one session's matured forecast came to, in sums: figures over years need not read every stock again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.typing import BoolArray, FloatArray

__all__ = ["COMPOSITES", "COMPOSITE_SUMS", "JUDGED_SUMS", "TIER_SUMS", "Tally"]

JUDGED_SUMS: Final = ("count", "hit", "rule", "brier", "base_brier", "base", "up", "right", "ic")
"""Of one forecaster over the cells it is judged on: how many; right calls of the direction, by it and by the base rate
known at the time; squared errors of both; the base rate; rises; right signs of the excess return; and the rank IC, NaN
where there is none."""

COMPOSITES: Final = ("classic", "blended")

COMPOSITE_SUMS: Final = ("ic", "rows", "beats")
"""Of a composite score: rank IC, names scored, and those of them that beat the median."""

TIER_SUMS: Final = ("rows", "excess", "beats", "up", "base")
"""Of one recommendation: names, their excess returns, those that beat the median, rises, base rate."""


@dataclass(frozen=True, slots=True, eq=False)
class Tally:
    """Sums over N index members of one session, for the ensemble and M members; a function of forecast and outcomes.

    Parameters
    ----------
    as_of : numpy.datetime64
    versions : str
        Of the forecast, as in `ForecastRecord.versions`.
    members, model_ids : tuples of str, length M
    timely : bool
    level : float
        Nominal coverage of the interval; NaN if there is none.
    outcomes : int
        Outcomes of the session that were settled when the sums were taken.
    judged : float64 array, shape (1 + M, len(JUDGED_SUMS))
        The ensemble, then the members.
    inside : float
        Outcomes of the ensemble's cells inside their interval.
    composites : float64 array, shape (2, len(COMPOSITE_SUMS))
    tiers : float64 array, shape (2, T, len(TIER_SUMS))
        By recommendation, in the order of `vfr.scoring.table.Recommendation`.
    confidence : float64 array, shape (K,)
        Of the ensemble's cells that have one, increasing.
    right : bool array, shape (K,)
        Whether the sign of their excess return came true.
    symbols : tuple of str, length N
        Empty, as the two below, where single stocks were not asked for.
    p_up : float64 array, shape (1 + M, N)
        NaN where a forecaster is not judged.
    direction : float64 array, shape (N,)
    base : float
        Share of rises known at the time.
    """

    as_of: np.datetime64
    versions: str
    members: tuple[str, ...]
    model_ids: tuple[str, ...]
    timely: bool
    level: float
    outcomes: int
    judged: FloatArray
    inside: float
    composites: FloatArray
    tiers: FloatArray
    confidence: FloatArray
    right: BoolArray
    symbols: tuple[str, ...]
    p_up: FloatArray
    direction: FloatArray
    base: float
