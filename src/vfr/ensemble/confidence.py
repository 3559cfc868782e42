"""Confidence: the calibrated probability that the sign of the ensemble's predicted excess return is right."""

from __future__ import annotations

from collections.abc import Sequence
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
        Information coefficient r believed before looking: with it the log-odds rise by 1.6 r per root mean square of a
        signed score. Half of that is believed of the margin, half of the agreement.

    Returns
    -------
    Confidence
        One half for the middle name of its session on which the members are divided: its sign cannot be known.
        From there on margin and agreement raise it, never lower it. Every row counts both ways, as a rise foretold
        and as a fall foretold, which leaves the two slopes to be learned and no level that drifts from year to year.
        A session counts as many independent names as the scatter of the sessions says, overlapping outcomes once.
        Out of fold all members answer, so that the slope of coverage cannot be learned: it is set so that the average
        log-odds fall to `alone` of theirs where one member of M answers. Never rescaled: honest values lie near one
        half.

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
    scores = [margin[cells], _all_told(agreement, coverage)[cells] - 0.5]
    came = right[cells]
    fitted = fit_platt(
        [np.concatenate([score, -score]) for score in scores],
        np.concatenate([came, 1.0 - came]),
        prior=0.5,
        weight=0.5 / HORIZONS[horizon] / _crowding(margin, right),
        slope_mean=0.8 * prior_ic,
        slope_sd=0.8 * prior_ic,
    )
    average = [float(score.mean()) if came.size else 0.0 for score in scores]
    answered = float(coverage[cells].mean()) if came.size else 1.0
    slope = _per_coverage(fitted.slopes, average, members, alone)
    return Confidence(Platt(0.0, 0.0, (*fitted.slopes, slope), (0.0, 0.5, answered)))


def _crowding(margin: FloatArray, right: FloatArray) -> float:
    """Return how many names of a session say what one independent name would, at least 1.

    The variance between sessions of the sum of margin x (right - 1/2), over what independent names would give.
    """
    cells = np.isfinite(right)
    weight = np.where(cells, margin, 0.0)
    sums = (weight * np.where(cells, right - 0.5, 0.0)).sum(axis=1)[cells.any(axis=1)]
    alone = float((weight * weight).sum()) / 4.0
    return max(float(((sums - sums.mean()) ** 2).sum()) / alone, 1.0) if alone > 0.0 else 1.0


def _per_coverage(slopes: Sequence[float], average: Sequence[float], members: int, alone: float) -> float:
    """Return the slope with which the average log-odds fall to a share where one of M members answers, at least 0.

    Its agreement counts as 1 of M and half of the rest, which takes some of them away already.
    """
    if members < 2:
        return 0.0
    by_margin, by_agreement = (slope * mean for slope, mean in zip(slopes, average, strict=True))
    lone = by_margin + slopes[1] / (2.0 * members)
    return max(lone - alone * (by_margin + by_agreement), 0.0) / (1.0 - 1.0 / members)


def _all_told(agreement: FloatArray, coverage: FloatArray) -> FloatArray:
    """Return the share of all weight that agrees, the silent part counted half."""
    return np.asarray(coverage * agreement + (1.0 - coverage) / 2.0)
