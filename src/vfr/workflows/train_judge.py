"""Out-of-fold predictions as they would have been served, and the figures the gates look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.models.calibrated import Calibrated
from vfr.models.prediction import Prediction
from vfr.typing import BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.baserate import ex_ante_base_rate
from vfr.validation.correlation import icir, rank_ic, within_session_std
from vfr.validation.gates import GateFigures
from vfr.workflows.train_calibrate import calibrate
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Walk

__all__ = ["Served", "base_rates", "figures", "serve", "single_feature_ic"]

_DEGENERATE_STD = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class Served:
    """Predictions [R x N] of every refit over its own test span, with the calibration it could have had.

    `calibrations` [refit] is None where too few outcomes were known; those spans stay NaN.
    """

    prediction: Prediction
    rank: FloatArray
    calibrations: tuple[Calibrated | None, ...]


def serve(inputs: Inputs, targets: Targets, walk: Walk, recipe: Recipe) -> Served:
    """Calibrate each refit with what was known at its start and predict its test span."""
    parts = {
        name: np.full(walk.rank.shape, np.nan) for name in ("p_up", "expected_excess", "low", "high", "confidence")
    }
    calibrations = []
    for refit in walk.refits:
        test = refit.fold.test
        fitted = calibrate(inputs, targets, walk, int(test[0]), recipe)
        calibrations.append(fitted)
        if fitted is None:
            continue
        columns = [inputs.scale_features.index(name) for name in fitted.scale.features]
        given = fitted.apply(walk.direction[test], walk.rank[test], inputs.volatility[test][:, :, columns])
        for name, grid in parts.items():
            grid[test] = getattr(given, name)
    rank = np.where(np.isfinite(parts["p_up"]), walk.rank, np.nan)
    return Served(Prediction(**parts, level=recipe.level), rank, tuple(calibrations))


def base_rates(targets: Targets) -> FloatArray:
    """Return the ex-ante base rate of the direction target on every cell, [R x N]."""
    rate = ex_ante_base_rate(targets.labels.direction, targets.labels.span, targets.counts)
    return np.repeat(rate[:, None], targets.counts.shape[1], axis=1)


def single_feature_ic(inputs: Inputs, targets: Targets, cells: BoolArray) -> dict[str, float]:
    """Return the mean per-session correlation of each ranked feature with the label's rank, on the given cells."""
    rows = np.flatnonzero(cells.any(axis=1))
    y = targets.rank[rows]
    found = {}
    for k, name in enumerate(inputs.design.ranked):
        x = inputs.ranks[rows, :, k].astype(np.float64)
        found[name] = _mean_correlation(x, y, cells[rows] & np.isfinite(x) & np.isfinite(y))
    return found


def _mean_correlation(x: FloatArray, y: FloatArray, known: BoolArray) -> float:
    count = np.maximum(known.sum(axis=1), 1)
    x = np.where(known, x, 0.0)
    y = np.where(known, y, 0.0)
    xm, ym = x.sum(axis=1) / count, y.sum(axis=1) / count
    covariance = (x * y).sum(axis=1) / count - xm * ym
    scale = np.sqrt(((x * x).sum(axis=1) / count - xm**2) * ((y * y).sum(axis=1) / count - ym**2))
    usable = (known.sum(axis=1) >= 10) & (scale > 1e-12)
    return float((covariance[usable] / scale[usable]).mean()) if usable.any() else float("nan")


def figures(
    inputs: Inputs, targets: Targets, served: Served, *, training_rows: int, latency_ms: float, parity: bool
) -> GateFigures:
    """Compute what the gates look at, out of fold, on the cells that count."""
    p, labels = served.prediction, targets.labels
    cells = targets.counts & np.isfinite(p.p_up) & np.isfinite(labels.excess) & np.isfinite(served.rank)
    base = base_rates(targets)
    cells &= np.isfinite(base)
    ic = rank_ic(served.rank, labels.excess, cells)
    right = (np.sign(served.rank[cells]) == np.sign(labels.excess[cells])).astype(np.float64)
    y, q, b = labels.direction[cells], p.p_up[cells], base[cells]
    dates = int(np.isfinite(ic).sum())
    singles = single_feature_ic(inputs, targets, cells)
    worst = max(singles, key=lambda name: abs(np.nan_to_num(singles[name])), default="")
    # In units of the interval, as a probability is in units of one: an honest day-ahead forecast of returns varies by
    # about 1e-4 in itself (an information coefficient of 0.01 times a daily spread of 1 %).
    standardised = 2.0 * p.expected_excess / (p.high - p.low)
    thin = [within_session_std(grid, cells) for grid in (p.p_up, standardised)]
    judged = np.isfinite(thin[0])
    flat = (thin[0] < _DEGENERATE_STD) | (thin[1] < _DEGENERATE_STD)
    above = (labels.excess[cells] > 0).astype(np.float64)
    numbers = _numbers(y, q, b) | {
        "rank_ic": float(np.nanmean(ic)) if dates else float("nan"),
        "icir": icir(ic),
        "excess_sign_accuracy": float(right.mean()) if right.size else float("nan"),
        "mean_confidence": float(p.confidence[cells].mean()) if right.size else float("nan"),
    }
    return GateFigures(
        metrics=numbers,
        dates=dates,
        ic=numbers["rank_ic"],
        excess_accuracy=numbers["excess_sign_accuracy"],
        excess_auc=metrics.area_under_curve(served.rank[cells], above),
        worst_feature=worst,
        worst_feature_ic=abs(singles[worst]) if worst else float("nan"),
        degenerate=float(flat[judged].mean()) if judged.any() else 1.0,
        ece_excess=metrics.expected_calibration_error(p.confidence[cells], right),
        ece_direction=metrics.expected_calibration_error(q, y),
        ece_base_rate=metrics.expected_calibration_error(b, y),
        training_rows=training_rows,
        latency_ms=latency_ms,
        parity=parity,
    )


def _numbers(y: FloatArray, p: FloatArray, base: FloatArray) -> dict[str, float]:
    """Return direction figures beside those of the base rate known at the time."""
    if y.size == 0:
        return {"brier": float("nan")}
    call, rule = (p > 0.5).astype(np.float64), (base > 0.5).astype(np.float64)
    return {
        "brier": metrics.brier(p, y),
        "brier_base_rate": metrics.brier(base, y),
        "brier_skill": metrics.brier_skill(p, base, y),
        "log_loss": metrics.log_loss(p, y),
        "log_loss_base_rate": metrics.log_loss(base, y),
        "accuracy": metrics.accuracy(call, y),
        "accuracy_base_rate": metrics.accuracy(rule, y),
        "share_up": float(call.mean()),
    }
