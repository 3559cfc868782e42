"""From a score to a recommendation."""

from __future__ import annotations

import numpy as np

from vfr.scoring.table import DEFAULT, Recommendation, ScoreTable
from vfr.typing import FloatArray

__all__ = ["recommend"]


def recommend(scores: FloatArray, table: ScoreTable = DEFAULT) -> list[Recommendation]:
    """Return the tier of each score.

    Parameters
    ----------
    scores : float64 array, shape (S,)
        0-100, finite.
    table : ScoreTable

    Raises
    ------
    ValueError
        If a score is NaN or outside 0-100: an unknown score has no recommendation.

    Examples
    --------
    >>> recommend(np.array([85.0, 84.99, 50.0, 0.0]))
    ['STRONG_BUY', 'BUY', 'HOLD', 'STRONG_SELL']
    """
    if not bool(np.all((scores >= 0) & (scores <= 100))):
        raise ValueError("scores: must be finite and within 0-100")
    floors = np.array([tier.floor for tier in table.tiers])
    return [table.tiers[int(i)].recommendation for i in np.searchsorted(-floors, -scores, side="left")]
