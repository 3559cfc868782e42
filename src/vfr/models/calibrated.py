"""From raw scores to what the contract promises: probability, expected excess, interval, confidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from vfr.models.prediction import Prediction
from vfr.models.scale import Scale
from vfr.typing import FloatArray
from vfr.validation.calibration import Platt

__all__ = ["Calibrated", "market_and_own"]


def market_and_own(score: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Split scores, shape (R, N), into each session's mean over its known names and what is left of each name.

    NaN stays NaN.

    Examples
    --------
    >>> [part.tolist() for part in market_and_own(np.array([[1.0, 3.0, np.nan]]))]
    [[[2.0, 2.0, nan]], [[-1.0, 1.0, nan]]]
    """
    known = np.isfinite(score)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    mean = np.where(known, score, 0.0).sum(axis=1, keepdims=True) / count
    return np.where(known, mean, np.nan), score - mean


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The calibration of one version; every part was fitted on rows no learner saw, each on rows of its own.

    Parameters
    ----------
    direction : Platt
        Direction score to P(up), around the base rate known at the time. The score enters in two parts, each with a
        slope of its own: its mean over the session (where the market goes) and the rest (which names go with it).
    slope : float
        Expected excess return per unit of rank (rank is -0.5 to 0.5, 0 the middle name).
    confidence : Platt
        |rank| to the probability that the sign of the excess is right, around one half.
    scale : Scale
        Predicted size of the excess return.
    width : float
        Multiple of the scale that covers the excess return with probability `level`.
    level : float
    """

    direction: Platt
    slope: float
    confidence: Platt
    scale: Scale
    width: float
    level: float

    def apply(self, direction_score: FloatArray, rank: FloatArray, volatility: FloatArray) -> Prediction:
        """Turn scores of R sessions into predictions.

        Parameters
        ----------
        direction_score, rank : float64 arrays, shape (R, N)
            NaN where a row cannot be predicted; the prediction is then NaN throughout.
        volatility : float64 array, shape (R, N, V)
            Raw values of `scale.features`.
        """
        known = np.isfinite(direction_score) & np.isfinite(rank)
        u = np.where(known, rank, np.nan)
        expected = self.slope * u
        half = self.width * self.scale(volatility)
        return Prediction(
            p_up=self.direction(*market_and_own(np.where(known, direction_score, np.nan))),
            expected_excess=expected,
            low=expected - half,
            high=expected + half,
            confidence=self.confidence(np.abs(u)),
            level=self.level,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return every figure, for JSON."""
        return {
            "direction": self.direction.to_dict(),
            "slope": self.slope,
            "confidence": self.confidence.to_dict(),
            "scale": self.scale.to_dict(),
            "width": self.width,
            "level": self.level,
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Calibrated:
        """Read `to_dict`."""
        return cls(
            direction=Platt.from_dict(body["direction"]),
            slope=float(body["slope"]),
            confidence=Platt.from_dict(body["confidence"]),
            scale=Scale.from_dict(body["scale"]),
            width=float(body["width"]),
            level=float(body["level"]),
        )
