"""How far the classic score can be trusted: a published formula, not a probability.

``confidence = 100 * coverage * freshness * (1 - spread / 100)``, where

- *coverage* is the share of the score's weight that is known,
- *freshness* is the weighted mean over the known sub-factors of ``2 ** (-age / half-life)``, ages in calendar days
  between the input's date and the day asked for, half-lives by factor from the score table,
- *spread* is the weighted standard deviation of the factor scores (0 when they agree or there is one, at most 50).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import SubFactor
from vfr.scoring.composite import Scores
from vfr.scoring.table import DEFAULT, ScoreTable
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["confidence"]


def confidence(
    scores: Scores,
    as_of: DateArray,
    today: np.datetime64,
    names: Sequence[str],
    table: ScoreTable = DEFAULT,
    sub_factors: Mapping[str, SubFactor] = SUB_FACTORS,
) -> IntArray:
    """Return the confidence of each symbol's classic score.

    Parameters
    ----------
    scores : Scores
        Of S symbols.
    as_of : datetime64[D] array, shape (K, S)
        Date of the newest input of each sub-factor; NaT counts as infinitely old.
    today : datetime64[D]
        The day asked for.
    names : sequence of str, length K
    table : ScoreTable
    sub_factors : mapping

    Returns
    -------
    int64 array, shape (S,)
        0-100; 0 where nothing is known.
    """
    half_life = np.array([table.half_life_days[sub_factors[name].factor] for name in names])
    product = scores.coverage * _freshness(scores.weights, as_of, today, half_life) * (1 - _spread(scores) / 100)
    return np.rint(100 * product).astype(np.int64)


def _freshness(weights: FloatArray, as_of: DateArray, today: np.datetime64, half_life: FloatArray) -> FloatArray:
    undated = np.isnat(as_of)
    days = (today - np.where(undated, today, as_of)).astype("timedelta64[D]").astype(np.float64)
    fresh = np.where(undated, 0.0, np.exp2(-np.maximum(days, 0.0) / half_life[:, None]))
    return np.asarray((weights * fresh).sum(axis=0), dtype=np.float64)


def _spread(scores: Scores) -> FloatArray:
    factors = np.where(scores.factor_weights > 0, scores.factors, 0.0)
    mean = (scores.factor_weights * factors).sum(axis=0)
    return np.asarray(np.sqrt((scores.factor_weights * (factors - mean) ** 2).sum(axis=0)), dtype=np.float64)
