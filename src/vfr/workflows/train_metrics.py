"""Figures of a version out of fold: each beside what needs no model, with a date-block 95 % interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.models.prediction import Prediction
from vfr.typing import HORIZONS, BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.baserate import ex_ante_base_rate
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.correlation import icir
from vfr.validation.significance import newey_west, overlap_lag
from vfr.workflows.train_data import Targets

__all__ = [
    "Counted",
    "base_rates",
    "confidence_figures",
    "counted",
    "direction_figures",
    "excess_base_rates",
    "excess_figures",
    "probability_above",
]


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """What was predicted and what came of it, on the cells that count.

    `cells` [R x N] marks them; `base` and `excess_base` [R x N] are the base rates known at the time of a rise and of
    an excess return above 0; `block` is the length of a bootstrap block in sessions.
    """

    prediction: Prediction
    rank: FloatArray
    targets: Targets
    cells: BoolArray
    base: FloatArray
    excess_base: FloatArray
    block: int
    rng: np.random.Generator

    @property
    def lag(self) -> int:
        """Newey-West lag of the horizon."""
        return overlap_lag(HORIZONS[self.targets.labels.horizon])

    @property
    def above(self) -> FloatArray:
        """1 where the excess return was above 0, else 0, [R x N]."""
        return np.asarray(self.targets.labels.excess > 0, dtype=np.float64)

    @property
    def p_above(self) -> FloatArray:
        """Probability of an excess return above 0 that confidence and rank imply, [R x N]."""
        return probability_above(self.prediction.confidence, self.rank)

    @property
    def right(self) -> FloatArray:
        """1 where the sign of the predicted excess return came true, else 0, [R x N]."""
        return np.asarray(np.sign(self.rank) == np.sign(self.targets.labels.excess), dtype=np.float64)

    def interval(self, top: FloatArray, bottom: FloatArray | None = None) -> Interval:
        """Return the sum of one grid over that of another (by default the number of cells), resampling dates."""
        some = self.cells.any(axis=1)
        sums = [
            np.where(self.cells, grid, 0.0).sum(axis=1)[some]
            for grid in (top, np.ones_like(top) if bottom is None else bottom)
        ]
        return ratio_interval(sums[0], sums[1], block=self.block, rng=self.rng)


def base_rates(targets: Targets) -> FloatArray:
    """Return the ex-ante base rate of the direction target on every cell, [R x N]."""
    return _rates(targets.labels.direction, targets)


def excess_base_rates(targets: Targets) -> FloatArray:
    """Return the ex-ante base rate of an excess return above 0 on every cell, [R x N]."""
    excess = targets.labels.excess
    return _rates(np.where(np.isfinite(excess), excess > 0, np.nan), targets)


def probability_above(confidence: FloatArray, rank: FloatArray) -> FloatArray:
    """Return the probability of an excess return above 0 that a confidence in the sign of a rank implies.

    Examples
    --------
    >>> probability_above(np.array([0.6, 0.6, 0.6]), np.array([0.2, -0.2, 0.0])).tolist()
    [0.6, 0.4, 0.5]
    """
    return np.where(rank > 0, confidence, np.where(rank < 0, 1.0 - confidence, 0.5))


def counted(
    targets: Targets, prediction: Prediction, rank: FloatArray, rng: np.random.Generator | None = None
) -> Counted:
    """Find the cells that figures are computed on: counted, predicted, with an outcome and a base rate known before.

    Parameters
    ----------
    targets : Targets
    prediction : Prediction
        [R x N], NaN where no refit predicted.
    rank : float64 array, shape (R, N)
        Rank of the excess score within its session, -0.5 to 0.5.
    rng : numpy.random.Generator, optional
        Draws the bootstrap's blocks; by default the same ones each time.
    """
    labels = targets.labels
    base = base_rates(targets)
    known = np.isfinite(prediction.p_up) & np.isfinite(labels.excess) & np.isfinite(rank) & np.isfinite(base)
    block = max(2 * HORIZONS[labels.horizon], 5)
    drawing = rng or np.random.default_rng(0)
    cells = targets.counts & known
    return Counted(prediction, rank, targets, cells, base, excess_base_rates(targets), block, drawing)


def direction_figures(c: Counted) -> dict[str, float]:
    """Return the figures of P(up) beside those of the base rate known at the time, on the same rows."""
    if not c.cells.any():
        return {"brier": float("nan")}
    p, labels = c.prediction.p_up, c.targets.labels.direction
    call, rule = (p > 0.5).astype(np.float64), (c.base > 0.5).astype(np.float64)
    y, q, b = labels[c.cells], p[c.cells], c.base[c.cells]
    hit, rule_hit = (call == labels).astype(np.float64), (rule == labels).astype(np.float64)
    return {
        "brier": metrics.brier(q, y),
        "brier_base_rate": metrics.brier(b, y),
        **_skill("brier_skill", c.interval((p - labels) ** 2, (c.base - labels) ** 2)),
        "log_loss": metrics.log_loss(q, y),
        "log_loss_base_rate": metrics.log_loss(b, y),
        **_spread("accuracy", c.interval(hit)),
        "accuracy_base_rate": float(rule_hit[c.cells].mean()),
        **_spread("accuracy_lift", c.interval(hit - rule_hit)),
        "share_up": float(call[c.cells].mean()),
        "ece_direction": metrics.expected_calibration_error(q, y),
        "ece_base_rate": metrics.expected_calibration_error(b, y),
    }


def excess_figures(c: Counted, ic: FloatArray) -> dict[str, float]:
    """Return the figures of the excess return; `ic` [R] is the rank IC of each session."""
    known = np.isfinite(ic)
    test = newey_west(ic, c.lag)
    mean = ratio_interval(ic[known], np.ones(int(known.sum())), block=c.block, rng=c.rng)
    found = {**_spread("rank_ic", mean), "rank_ic_t": test.t, "icir": icir(ic), "dates": float(known.sum())}
    if not c.cells.any():
        return found
    above, p = c.above, c.p_above
    y, b = above[c.cells], c.excess_base[c.cells]
    return found | {
        **_spread("excess_sign_accuracy", c.interval(c.right)),
        "excess_brier": metrics.brier(p[c.cells], y),
        "excess_brier_base_rate": metrics.brier(b, y),
        **_skill("excess_brier_skill", c.interval((p - above) ** 2, (c.excess_base - above) ** 2)),
        "excess_auc": metrics.area_under_curve(c.rank[c.cells], y),
        "rows": float(c.cells.sum()),
    }


def confidence_figures(c: Counted) -> dict[str, float]:
    """Return the figures of confidence and of the interval of the excess return."""
    if not c.cells.any():
        return {"mean_confidence": float("nan")}
    p, excess = c.prediction, c.targets.labels.excess
    inside = ((excess >= p.low) & (excess <= p.high)).astype(np.float64)
    sure = p.confidence[c.cells]
    return {
        "mean_confidence": float(sure.mean()),
        "ece_confidence": metrics.expected_calibration_error(sure, c.right[c.cells]),
        **_spread("interval_coverage", c.interval(inside)),
        "interval_level": p.level,
    }


def _rates(labels: FloatArray, targets: Targets) -> FloatArray:
    rate = ex_ante_base_rate(labels, targets.labels.span, targets.counts)
    return np.repeat(rate[:, None], targets.counts.shape[1], axis=1)


def _spread(name: str, found: Interval) -> dict[str, float]:
    return {name: found.estimate, f"{name}_low": found.low, f"{name}_high": found.high}


def _skill(name: str, ratio: Interval) -> dict[str, float]:
    """Return one minus a ratio of losses; the ends of the interval change places."""
    return {name: 1.0 - ratio.estimate, f"{name}_low": 1.0 - ratio.high, f"{name}_high": 1.0 - ratio.low}
