"""Out-of-fold predictions as they would have been served, and the figures the gates look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.models.calibrated import Calibrated
from vfr.models.prediction import Prediction
from vfr.typing import BoolArray, FloatArray
from vfr.validation.correlation import rank_ic, within_session_std
from vfr.validation.gates import GateFigures
from vfr.workflows.train_calibrate import calibrate
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_metrics import (
    base_rates,
    confidence_figures,
    counted,
    direction_figures,
    excess_figures,
)
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
    inputs: Inputs,
    targets: Targets,
    served: Served,
    *,
    training_rows: int,
    latency_ms: float = 0.0,
    parity: bool = True,
    rng: np.random.Generator | None = None,
) -> GateFigures:
    """Compute what the gates look at, out of fold, on the cells that count.

    What is measured on the stored artifact, parity and latency, is put in its place with `vfr.workflows.train_parity`.
    `rng` draws the blocks of the intervals; by default the same ones each time.
    """
    found = counted(targets, served.prediction, served.rank, rng)
    ic = rank_ic(served.rank, targets.labels.excess, found.cells)
    singles = single_feature_ic(inputs, targets, found.cells)
    worst = max(singles, key=lambda name: abs(np.nan_to_num(singles[name])), default="")
    numbers = direction_figures(found) | excess_figures(found, ic) | confidence_figures(found)
    degenerate, raw = _degenerate(served.prediction, found.cells)
    nothing = float("nan")
    return GateFigures(
        metrics=numbers,
        dates=int(np.isfinite(ic).sum()),
        ic=numbers["rank_ic"],
        excess_accuracy=numbers.get("excess_sign_accuracy", nothing),
        excess_auc=numbers.get("excess_auc", nothing),
        worst_feature=worst,
        worst_feature_ic=abs(singles[worst]) if worst else nothing,
        degenerate=degenerate,
        degenerate_raw=raw,
        ece_excess=numbers.get("ece_confidence", nothing),
        ece_direction=numbers.get("ece_direction", nothing),
        ece_base_rate=numbers.get("ece_base_rate", nothing),
        training_rows=training_rows,
        latency_ms=latency_ms,
        parity=parity,
    )


def _degenerate(p: Prediction, cells: BoolArray) -> tuple[float, float]:
    """Return the share of dates that say the same of every name, the excess in units of its interval and as it is.

    In units of the interval, as a probability is in units of one: an honest day-ahead forecast of returns varies by
    about 1e-4 in itself (an information coefficient of 0.01 times a daily spread of 1 %).
    """
    standardised = 2.0 * p.expected_excess / (p.high - p.low)
    up, units, raw = (within_session_std(grid, cells) for grid in (p.p_up, standardised, p.expected_excess))
    judged = np.isfinite(up)
    if not judged.any():
        return 1.0, 1.0
    flat = up < _DEGENERATE_STD
    gated, printed = flat | (units < _DEGENERATE_STD), flat | (raw < _DEGENERATE_STD)
    return float(gated[judged].mean()), float(printed[judged].mean())
