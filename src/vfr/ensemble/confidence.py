"""Confidence: the calibrated probability that the sign of the ensemble's predicted excess return is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.typing import HORIZONS, FloatArray, Horizon
from vfr.validation.calibration import Platt, fit_platt

__all__ = ["Confidence", "fit_confidence"]


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
            Share of the weight whose expected excess return has the ensemble's sign, 0.5 to 1; of the members that
            answered, so that one alone agrees with itself.
        coverage : float64 array, shape (N,)
            Share of the weight that all members hold together whose holders answered for the name, 0 to 1. The rest
            might have said either: half of it counts as agreeing.

        Examples
        --------
        >>> found = Confidence(Platt(0.0, 0.02, (0.1, 0.1, 0.01), (0.25, 0.8, 1.0)))
        >>> found(np.array([0.4, 0.4]), np.array([1.0, 1.0]), np.array([1.0, 0.2])).round(4).tolist()
        [0.5137, 0.5017]
        """
        return self.platt(margin, _all_told(agreement, coverage), coverage)


def fit_confidence(
    margin: FloatArray,
    agreement: FloatArray,
    coverage: FloatArray,
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
    margin, agreement, coverage : float64 arrays, shape (R, N)
        See `Confidence`; read where `right` is known.
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
        Information coefficient believed before looking: with it the log-odds are 1.4 r on average and rise by 0.8 r
        per standard deviation of the margin. Half of that rise is believed of the margin, half of the agreement.

    Returns
    -------
    Confidence
        Margin and agreement never lower it. Out of fold all members answer, so that the slope of coverage cannot be
        learned: it is set so that the average log-odds fall to `alone` of theirs where one member of M answers. Never
        rescaled: honest values lie near one half.

    References
    ----------
    Platt (1999), *Probabilistic outputs for support vector machines*; with a Gaussian prior on every parameter.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> margin, agreement = rng.uniform(0, 0.5, (500, 100)), rng.uniform(0.5, 1, (500, 100))
    >>> right = (rng.random(margin.shape) < 0.5 + 0.1 * margin).astype(float)
    >>> found = fit_confidence(margin, agreement, np.ones_like(margin), right, "1d", members=5, alone=0.8)
    >>> found(np.array([0.0, 0.5]), np.array([0.75, 0.75]), np.ones(2)).round(2).tolist()
    [0.51, 0.53]
    """
    cells = np.isfinite(right)
    told = _all_told(agreement, coverage)
    known = max(int(cells.sum()), 1)
    days = int(cells.any(axis=1).sum())
    fitted = fit_platt(
        [margin[cells], told[cells]],
        right[cells],
        prior=0.5,
        weight=days / HORIZONS[horizon] * max(known / max(days, 1), 1.0) / 2.0 / known,
        shift_mean=1.4 * prior_ic,
        shift_sd=2.0 * prior_ic,
        slope_mean=0.4 * prior_ic,
        slope_sd=0.8 * prior_ic,
    )
    answered = float(coverage[cells].mean()) if cells.any() else 1.0
    slope = max(fitted.shift, 0.0) * (1.0 - alone) / (1.0 - 1.0 / members) if members > 1 else 0.0
    return Confidence(Platt(fitted.offset, fitted.shift, (*fitted.slopes, slope), (*fitted.centres, answered)))


def _all_told(agreement: FloatArray, coverage: FloatArray) -> FloatArray:
    """Return the share of all weight that agrees, the silent part counted half."""
    return np.asarray(coverage * agreement + (1.0 - coverage) / 2.0)
