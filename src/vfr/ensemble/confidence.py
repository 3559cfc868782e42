"""Confidence: the calibrated probability that the sign of the ensemble's predicted excess return is right."""

from __future__ import annotations

from dataclasses import dataclass

from vfr.typing import FloatArray
from vfr.validation.calibration import Platt

__all__ = ["Confidence"]


@dataclass(frozen=True, slots=True)
class Confidence:
    """A logistic map of margin, agreement and coverage, fitted on out-of-fold rows.

    Parameters
    ----------
    platt : Platt
        Of the three scores, in that order.
    """

    platt: Platt

    def __call__(self, margin: FloatArray, agreement: FloatArray, coverage: FloatArray) -> FloatArray:
        """Return the probability that the sign is right, of the arguments' shape (N,); NaN stays NaN.

        Parameters
        ----------
        margin : float64 array, shape (N,)
            Distance of the name from the middle of its session by the ensemble's expected excess return, 0 to 0.5
            (absolute rank within the session, from -0.5 to 0.5).
        agreement : float64 array, shape (N,)
            Share of the weight whose expected excess return has the ensemble's sign, 0.5 to 1.
        coverage : float64 array, shape (N,)
            Share of the weight that all members hold together whose holders answered for the name, 0 to 1.
        """
        return self.platt(margin, agreement, coverage)
