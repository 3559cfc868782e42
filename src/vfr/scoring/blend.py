"""How machine learning enters the score: a weight per symbol, earned by confidence. Takes arrays, knows no model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import FloatArray

__all__ = ["Blend", "blend"]


@dataclass(frozen=True, slots=True, eq=False)
class Blend:
    """Blended scores 0-100 and the ML weight applied to each, shape (S,)."""

    composite: FloatArray
    weight: FloatArray


def blend(classic: FloatArray, ml_score: FloatArray, confidence: FloatArray, weight: float, threshold: float) -> Blend:
    """Blend classic and ML scores: ``(1 - w) * classic + w * ml_score`` with ``w = weight * confidence``.

    Parameters
    ----------
    classic : float64 array, shape (S,)
        0-100, finite.
    ml_score : float64 array, shape (S,)
        0-100; NaN where there is no prediction.
    confidence : float64 array, shape (S,)
        0-1, calibrated chance that the sign of the predicted excess return is right; NaN where unknown.
    weight : float
        0-1, the most that ML may weigh.
    threshold : float
        0-1; below it w is 0. The default of the contract is one half, where a coin stands.

    Returns
    -------
    Blend
        w is 0, and the classic score untouched, wherever a prediction is missing or not confident enough.

    Examples
    --------
    >>> b = blend(np.array([60.0, 60.0]), np.array([90.0, 90.0]), np.array([0.52, 0.49]), 0.15, 0.5)
    >>> b.weight.round(3).tolist(), b.composite.round(2).tolist()
    ([0.078, 0.0], [62.34, 60.0])
    """
    earned = np.isfinite(ml_score) & np.isfinite(confidence) & (np.nan_to_num(confidence, nan=-1.0) >= threshold)
    w = np.where(earned, weight * np.clip(np.where(earned, confidence, 0.0), 0.0, 1.0), 0.0)
    return Blend((1.0 - w) * classic + w * np.where(earned, ml_score, 0.0), w)
