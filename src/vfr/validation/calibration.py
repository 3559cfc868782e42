"""Calibrators that lean on what is known before: shrunk toward the base rate, or toward a small slope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vfr.typing import FloatArray

__all__ = ["Platt", "expit", "fit_platt", "logit", "positive_mean", "shrunk_slope"]


def expit(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def logit(p: float) -> float:
    """Return log(p / (1 - p)), with p clipped to [1e-6, 1 - 1e-6]."""
    q = min(max(p, 1e-6), 1.0 - 1e-6)
    return float(np.log(q / (1.0 - q)))


@dataclass(frozen=True, slots=True)
class Platt:
    """Logistic calibration around a prior: P = expit(offset + shift + sum of slope (score - centre))."""

    offset: float
    shift: float
    slopes: tuple[float, ...]
    centres: tuple[float, ...]

    def __call__(self, *scores: FloatArray) -> FloatArray:
        """Return probabilities of the scores' shape, one score per slope; NaN stays NaN."""
        logits = np.asarray(self.offset + self.shift, dtype=np.float64)
        for slope, centre, score in zip(self.slopes, self.centres, scores, strict=True):
            logits = logits + slope * (score - centre)
        return expit(logits)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, for JSON."""
        return {
            "offset": self.offset,
            "shift": self.shift,
            "slopes": list(self.slopes),
            "centres": list(self.centres),
        }

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> Platt:
        """Read `to_dict`."""
        slopes, centres = (tuple(float(x) for x in body[key]) for key in ("slopes", "centres"))
        return cls(float(body["offset"]), float(body["shift"]), slopes, centres)


def fit_platt(
    scores: Sequence[FloatArray],
    y: FloatArray,
    *,
    prior: float,
    weight: float,
    shift_mean: float = 0.0,
    shift_sd: float = 0.05,
    slope_mean: float = 0.0,
    slope_sd: float = 0.05,
    iterations: int = 25,
) -> Platt:
    """Fit a logistic map of scores by penalised likelihood, shrunk toward the prior probability.

    Parameters
    ----------
    scores : sequence of float64 arrays, shape (n,)
        Out-of-fold scores, no NaN.
    y : float64 array, shape (n,)
        Outcomes, 1 or 0.
    prior : float
        Probability that an uninformative score stands for, known ex ante.
    weight : float
        Likelihood weight of one row. Rows of one session and overlapping labels say little new: pass
        (independent observations) / n.
    shift_mean, shift_sd : float
        Prior of the shift, in logits.
    slope_mean, slope_sd : float
        Prior of each slope, in logits per standard deviation of its score. A score that orders the wrong
        way is not inverted: the slope is the posterior mean given that it is positive, near 0 in that case.

    Returns
    -------
    Platt
        The slope of a score that does not vary is 0.

    References
    ----------
    Platt (1999), *Probabilistic outputs for support vector machines*; with a Gaussian prior on every parameter.
    """
    offset, count = logit(prior), len(scores)
    if y.size == 0:
        return Platt(offset, 0.0, (0.0,) * count, (0.0,) * count)
    Z = np.stack(scores, axis=1)
    centres, spread = Z.mean(axis=0), Z.std(axis=0)
    moving = spread > 1e-12
    spread = np.where(moving, spread, 1.0)
    X = np.column_stack([np.ones(y.size), (Z - centres) / spread])
    penalty = np.array([1.0 / shift_sd**2, *[1.0 / slope_sd**2] * count])
    belief = np.array([shift_mean, *[slope_mean] * count])
    beta = belief
    for _ in range(iterations):
        p = expit(offset + X @ beta)
        gradient = weight * (X.T @ (y - p)) - penalty * (beta - belief)
        curvature = weight * (X * (p * (1 - p))[:, None]).T @ X + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        beta = beta + step
        if float(np.abs(step).max()) < 1e-10:
            break
    error = np.sqrt(np.diag(np.linalg.inv(curvature)))
    positive = [positive_mean(float(b), float(e)) for b, e in zip(beta[1:], error[1:], strict=True)]
    slopes = np.where(moving, positive, 0.0) / spread
    return Platt(offset, float(beta[0]), tuple(float(b) for b in slopes), tuple(float(c) for c in centres))


def shrunk_slope(slopes: FloatArray, *, prior: float, prior_sd: float, effective: float) -> float:
    """Return the posterior mean of a slope measured once per session, given that it is positive.

    Parameters
    ----------
    slopes : float64 array, shape (D,)
        Cross-sectional slope of each session (Fama and MacBeth 1973); NaN sessions are dropped.
    prior, prior_sd : float
        What a slope is believed to be before looking, and how surely.
    effective : float
        Number of independent sessions in D (D / h when outcomes overlap over h sessions).

    Examples
    --------
    >>> shrunk_slope(np.array([]), prior=0.01, prior_sd=0.01, effective=0)
    0.01
    """
    known = slopes[np.isfinite(slopes)]
    if known.size < 2 or effective < 2:
        return prior
    variance = float(known.var(ddof=1)) / effective
    trust = prior_sd**2 / (prior_sd**2 + variance)
    return positive_mean(trust * float(known.mean()) + (1 - trust) * prior, prior_sd * float(np.sqrt(1 - trust)))


def positive_mean(mean: float, sd: float) -> float:
    """Return the mean of a normal variable given that it is positive.

    Examples
    --------
    >>> round(positive_mean(0.0, 1.0), 4), round(positive_mean(5.0, 1.0), 4)
    (0.7979, 5.0)
    """
    if sd <= 0:
        return max(mean, 0.0)
    from scipy.special import log_ndtr

    z = mean / sd
    hazard = float(np.exp(-0.5 * z * z - 0.5 * np.log(2 * np.pi) - log_ndtr(z)))
    return max(mean + sd * hazard, 0.0)
