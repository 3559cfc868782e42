"""Calibration of out-of-fold scores: what was known at a refit turns ranks into probabilities and intervals."""

from __future__ import annotations

import numpy as np

from vfr.features.matrix import Labels
from vfr.models.calibrated import Calibrated, market_and_own
from vfr.models.scale import Scale, fit_scale
from vfr.typing import HORIZONS, BoolArray, FloatArray, IntArray
from vfr.validation.baserate import ex_ante_base_rate
from vfr.validation.calibration import fit_platt, shrunk_slope
from vfr.validation.conformal import conformal_quantile
from vfr.validation.splits import calibration_split
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Walk

__all__ = ["calibrate"]

_RANK_SD = 12**-0.5
"""Standard deviation of a uniform rank between -0.5 and 0.5."""

_NAMES_PER_SESSION = 5.0
"""Independent directions among the names of one session: most of what a session's returns do is the market."""


def calibrate(inputs: Inputs, targets: Targets, walk: Walk, before: int, recipe: Recipe) -> Calibrated | None:
    """Calibrate a version with the out-of-fold scores whose outcomes were known before a row.

    Every slope is shrunk toward what `Recipe.prior_ic` implies. For a score that correlates by r with a yes-or-no
    outcome near one half, the log-odds rise by about 2 r per standard deviation of the score; the log-odds
    that the sign is right are about 1.4 r on average and rise by 0.8 r per standard deviation of |rank|.

    Returns
    -------
    Calibrated or None
        None when there are too few out-of-fold sessions for a calibrator and a conformal step of their own.
    """
    labels = targets.labels
    split = calibration_split(walk.rows, labels.span, before, conformal=recipe.conformal)
    if split is None:
        return None
    counts = targets.counts & np.isfinite(walk.rank) & np.isfinite(labels.excess)
    older = _mask(counts, split.calibrator)
    sessions = split.calibrator.size / HORIZONS[labels.horizon]
    names = max(float(older.sum()) / split.calibrator.size, 1.0)
    prior = float(ex_ante_base_rate(labels.direction[:before], labels.span, targets.counts[:before])[-1])
    direction = fit_platt(
        [part[older] for part in market_and_own(walk.direction)],
        labels.direction[older],
        prior=prior,
        weight=sessions * min(names, _NAMES_PER_SESSION) / max(int(older.sum()), 1),
        slope_mean=2 * recipe.prior_ic,
        slope_sd=3 * recipe.prior_ic,
    )
    slope = _slope(walk.rank, labels, older, sessions, recipe)
    right = (np.sign(walk.rank[older]) == np.sign(labels.excess[older])).astype(np.float64)
    confidence = fit_platt(
        [np.abs(walk.rank[older])],
        right,
        prior=0.5,
        weight=sessions * names / 2 / max(int(older.sum()), 1),
        shift_mean=1.4 * recipe.prior_ic,
        shift_sd=2 * recipe.prior_ic,
        slope_mean=0.8 * recipe.prior_ic,
        slope_sd=0.8 * recipe.prior_ic,
    )
    scale = fit_scale(inputs.scale_features, inputs.volatility[older], labels.excess[older])
    newest = _mask(counts, split.conformal)
    width = _width(inputs, labels, walk, newest, slope, scale, recipe.level)
    return Calibrated(direction, slope, confidence, scale, width, recipe.level)


def _mask(counts: BoolArray, rows: IntArray) -> BoolArray:
    mask = np.zeros_like(counts)
    mask[rows] = counts[rows]
    return mask


def _slope(rank: FloatArray, labels: Labels, cells: BoolArray, sessions: float, recipe: Recipe) -> float:
    """Return the expected excess return per unit of rank, shrunk toward what the prior coefficient implies."""
    u = np.where(cells, rank, 0.0)
    e = np.where(cells, labels.excess, 0.0)
    count = cells.sum(axis=1)
    used = count >= 5
    u, e, count = u[used], e[used], count[used]
    u_mean, e_mean = u.sum(axis=1) / count, e.sum(axis=1) / count
    covariance = (u * e).sum(axis=1) / count - u_mean * e_mean
    variance = (u * u).sum(axis=1) / count - u_mean**2
    slopes = np.divide(covariance, variance, out=np.full(count.size, np.nan), where=variance > 0)
    spread = np.sqrt(np.maximum((e * e).sum(axis=1) / count - e_mean**2, 0.0))
    prior = recipe.prior_ic * float(np.median(spread)) / _RANK_SD if spread.size else 0.0
    return shrunk_slope(slopes, prior=prior, prior_sd=prior, effective=sessions)


def _width(
    inputs: Inputs, labels: Labels, walk: Walk, cells: BoolArray, slope: float, scale: Scale, level: float
) -> float:
    """Return the conformal multiple of the scale, from cells that trained neither slope nor scale."""
    rows = np.flatnonzero(cells.any(axis=1))
    columns = [inputs.scale_features.index(name) for name in scale.features]
    size = scale(inputs.volatility[rows][:, :, columns])
    residual = labels.excess[rows] - slope * walk.rank[rows]
    chosen = cells[rows]
    return conformal_quantile(residual[chosen], size[chosen], level)
