"""Confidence: the calibrated probability that the sign of the ensemble's predicted excess return is right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.typing import HORIZONS, FloatArray, Horizon
from vfr.validation.calibration import expit, fit_platt

__all__ = ["Confidence", "fit_confidence"]

_MARGIN_RMS: Final = 12.0**-0.5
"""Root mean square of ranks that are spread evenly from -0.5 to 0.5."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """Log-odds in proportion to the margin, less where members are missing.

    Parameters
    ----------
    slope : float
        Log-odds per unit of margin where all members answered, at least 0.
    loss : float
        Share of the slope that is lost per unit of coverage that is missing, at least 0.

    Notes
    -----
    Agreement is no part of it. Members that disagree cancel in the ensemble's expected return, so that the margin holds
    what they say together already: where scores are jointly normal, it is all that the sign depends on.
    """

    slope: float
    loss: float

    def __call__(self, margin: FloatArray, coverage: FloatArray) -> FloatArray:
        """Return the probability that the sign is right, of the arguments' shape (N,); NaN stays NaN.

        Parameters
        ----------
        margin : float64 array, shape (N,)
            Distance of the name from the middle of its session by the ensemble's expected excess return, 0 to 0.5
            (absolute rank within the session, from -0.5 to 0.5). The middle name is a coin.
        coverage : float64 array, shape (N,)
            Share of the weight that all members hold together whose holders answered for the name, 0 to 1.

        Examples
        --------
        >>> found = Confidence(slope=0.1, loss=0.25)
        >>> found(np.array([0.0, 0.4, 0.4]), np.array([1.0, 1.0, 0.2])).round(4).tolist()
        [0.5, 0.51, 0.508]
        """
        return expit(self.slope * margin * np.maximum(1.0 - self.loss * (1.0 - coverage), 0.0))


def fit_confidence(
    margin: FloatArray,
    right: FloatArray,
    horizon: Horizon,
    *,
    members: int,
    alone: float,
    prior_ic: float = 0.01,
) -> Confidence:
    """Fit the confidence on out-of-fold rows by penalised likelihood.

    Parameters
    ----------
    margin : float64 array, shape (R, N)
        See `Confidence`; read where `right` is known. Out of fold all members answer.
    right : float64 array, shape (R, N)
        1 where the sign of the expected excess return came true, else 0; NaN where it does not count.
    horizon : Horizon
        Outcomes that overlap count once.
    members : int
        M, of the ensemble.
    alone : float
        Mean rank correlation of one member's excess score with the ensemble's, 0 to 1: the part of the ensemble's
        edge that a member alone is expected to keep.
    prior_ic : float
        Information coefficient r believed before looking: with it the log-odds rise by 1.6 r per root mean square of a
        signed score.

    Returns
    -------
    Confidence
        Every row counts both ways, as a rise foretold and as a fall foretold, which leaves one slope to be learned and
        no level that drifts from year to year. A session counts as many independent names as the scatter of the
        sessions says, overlapping outcomes once. How much is lost with missing members cannot be learned out of fold:
        it is set so that one of M keeps `alone` of the slope. Never rescaled: honest values lie near one half.

    References
    ----------
    Platt (1999), *Probabilistic outputs for support vector machines*; with a Gaussian prior on the slope.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> margin = rng.uniform(0, 0.5, (500, 100))
    >>> right = (rng.random(margin.shape) < 0.5 + 0.1 * margin).astype(float)
    >>> found = fit_confidence(margin, right, "1d", members=5, alone=0.8)
    >>> found(np.array([0.0, 0.25, 0.5]), np.ones(3)).round(3).tolist()
    [0.5, 0.514, 0.528]
    """
    cells = np.isfinite(right)
    signed, came = margin[cells] / _MARGIN_RMS, right[cells]
    fitted = fit_platt(
        [np.concatenate([signed, -signed])],
        np.concatenate([came, 1.0 - came]),
        prior=0.5,
        weight=0.5 / HORIZONS[horizon] / _crowding(margin, right),
        slope_mean=1.6 * prior_ic,
        slope_sd=0.8 * prior_ic,
    )
    loss = (1.0 - alone) / (1.0 - 1.0 / members) if members > 1 else 0.0
    return Confidence(max(fitted.slopes[0], 0.0) / _MARGIN_RMS, loss)


def _crowding(margin: FloatArray, right: FloatArray) -> float:
    """Return how many names of a session say what one independent name would, at least 1.

    The variance between sessions of the sum of margin x (right - 1/2), over what independent names would give.
    """
    cells = np.isfinite(right)
    weight = np.where(cells, margin, 0.0)
    sums = (weight * np.where(cells, right - 0.5, 0.0)).sum(axis=1)[cells.any(axis=1)]
    alone = float((weight * weight).sum()) / 4.0
    return max(float(((sums - sums.mean()) ** 2).sum()) / alone, 1.0) if alone > 0.0 else 1.0
