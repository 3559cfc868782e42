"""Up or down: direction calls and probabilities beside the rules anybody could follow, and the 60 % question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from vfr.typing import BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.bootstrap import Interval
from vfr.validation.coverage_curve import CoverageCell, certainty_thresholds, coverage_curve
from vfr.workflows.evidence_data import Judged, Study, interval
from vfr.workflows.evidence_report import Cell, Table

__all__ = ["COVERAGES", "accuracy_against_coverage", "curve", "direction", "reliability", "right_sign", "skill"]

_COLUMNS: Final = (
    "rule",
    "accuracy",
    "low",
    "high",
    "balanced",
    "MCC",
    "share UP",
    "Brier",
    "skill",
    "skill low",
    "skill high",
    "log loss",
    "ECE",
)
_NO_PROBABILITY: Final = (None,) * 6

COVERAGES: Final = (1.0, 0.5, 0.2, 0.1, 0.05)
"""Shares of calls, most certain first, whose accuracy is reported."""

_GOAL: Final = 0.6


def direction(study: Study, calls: Mapping[str, FloatArray] | None = None) -> Table:
    """Direction calls of each model beside the rules anybody could follow.

    Parameters
    ----------
    study : Study
    calls : mapping, optional
        Further calls by name, 1 up and 0 not, [R x N], NaN where there is none; they say no probability.
    """
    rows = [_row(study, "linear (logistic)" if m.name == "linear" else m.name, m.prediction.p_up) for m in study.models]
    rows += [_call_row(study, name, call) for name, call in (calls or {}).items()]
    rows.append(_row(study, "ex-ante base rate", study.base))
    rows.append(_call_row(study, "last sign", study.last_sign))
    note = (
        "All rows that count, NEUTRAL scored by its sign. Skill: 1 - Brier / Brier of the ex-ante base rate on the "
        "same rows, which is the mean of all outcomes known by then; only an interval above 0 is skill. Accuracy "
        "beside a share UP near 1 is the base rate's, not the model's. ECE: 10 equal-count bins. Intervals: 95 %, date "
        "blocks. The direction model of linear is a logistic regression."
    )
    return Table("Direction", _COLUMNS, tuple(rows), note)


def _row(study: Study, name: str, p_up: FloatArray) -> tuple[Cell, ...]:
    cells = study.cells & np.isfinite(p_up)
    p, y = p_up[cells], study.direction[cells]
    gain = skill(study, p_up, study.direction, study.base)
    figures = (metrics.brier(p, y), gain.estimate, gain.low, gain.high, metrics.log_loss(p, y))
    return (*_calls(study, name, p_up > 0.5, cells), *figures, metrics.expected_calibration_error(p, y))


def _call_row(study: Study, name: str, call: FloatArray) -> tuple[Cell, ...]:
    cells = study.cells & np.isfinite(call)
    return (*_calls(study, name, call > 0.5, cells), *_NO_PROBABILITY)


def _calls(study: Study, name: str, up: BoolArray, cells: BoolArray) -> tuple[Cell, ...]:
    call = up.astype(np.float64)
    got = interval(study, (call == study.direction).astype(np.float64), cells)
    said, y = call[cells], study.direction[cells]
    figures = (metrics.balanced_accuracy(said, y), metrics.matthews(said, y), float(said.mean()))
    return (name, got.estimate, got.low, got.high, *figures)


def skill(study: Study, p: FloatArray, y: FloatArray, base: FloatArray) -> Interval:
    """Return 1 - Brier(p) / Brier(base) on the cells that count, with its date-block interval."""
    ratio = interval(study, (p - y) ** 2, study.cells & np.isfinite(p), (base - y) ** 2)
    return Interval(1.0 - ratio.estimate, 1.0 - ratio.high, 1.0 - ratio.low)


def reliability(study: Study) -> Table:
    """Reliability of P(up) and of confidence of the first model, ten equal-count bins each."""
    model, cells = study.models[0], study.cells
    right = right_sign(study, model.rank)
    up = metrics.reliability(model.prediction.p_up[cells], study.direction[cells])
    sure = metrics.reliability(model.prediction.confidence[cells], right[cells])
    rows = tuple(
        (number, a.forecast, a.observed, b.forecast, b.observed, a.count)
        for number, (a, b) in enumerate(zip(up, sure, strict=True), start=1)
    )
    columns = ("bin", "P(up)", "went up", "confidence", "sign right", "rows")
    note = "Equal-count bins of the forecast, lowest first. Calibrated: what was said and what came agree in every bin."
    return Table(f"Reliability ({model.name})", columns, rows, note)


def right_sign(study: Study, rank: FloatArray) -> FloatArray:
    """Return 1 where the sign of a score's rank was that of the excess return, else 0, [R x N]."""
    return np.asarray(np.sign(rank) == np.sign(study.excess), dtype=np.float64)


def accuracy_against_coverage(study: Study) -> Table:
    """Accuracy on the most certain calls, with thresholds fixed on earlier data: the 60 % question."""
    model = study.models[0]
    points = zip(COVERAGES, curve(study, model), strict=True)
    rows = tuple(_coverage_row(f"{share:.0%}", point) for share, point in points)
    heads = ("nominal", "coverage", "dates", "years", "accuracy", "base-rate rule", "lift", "low", "high", "verdict")
    note = (
        "Is the direction right 60 % of the time? Lift: accuracy less that of the ex-ante base-rate rule on the same "
        "rows; its 95 % interval holds for all cells at once (max-T). 60 % counts only with a lift whose interval lies "
        "above 0: always saying UP reaches 60 % over a month without knowing anything. The bar of certainty of a year "
        "comes from outcomes known before it."
    )
    return Table(f"Direction accuracy against coverage ({model.name})", heads, rows, note)


def curve(study: Study, model: Judged) -> tuple[CoverageCell, ...]:
    """Return accuracy and lift of direction calls at each of `COVERAGES`."""
    p, cells = model.prediction.p_up, study.cells
    hit = ((p > 0.5) == (study.direction > 0)).astype(np.float64)
    rule = ((study.base > 0.5) == (study.direction > 0)).astype(np.float64)
    certain = np.abs(p - 0.5)
    # The label of row t is known at t + h + 1.
    bars = certainty_thresholds(certain, cells, study.years, study.h + 1, COVERAGES)
    return coverage_curve(hit, rule, certain, bars, cells, study.years, block=study.block, rng=study.rng)


def _coverage_row(nominal: str, point: CoverageCell) -> tuple[Cell, ...]:
    if not point.dates:
        return (nominal, 0.0, 0, 0, None, None, None, None, None, "no rows")
    figures = (point.coverage, point.dates, point.periods, point.accuracy, point.rule)
    lift = point.lift
    return (nominal, *figures, lift.estimate, lift.low, lift.high, _verdict(point))


def _verdict(point: CoverageCell) -> str:
    """Say whether the mission's 60 % is reached, which it only is with a lift over the base-rate rule."""
    if point.accuracy < _GOAL:
        better = "; better than the rule" if point.lift.low > 0 else ""
        return f"60 % not reached: fail{better}"
    return "60 % reached with lift: pass" if point.lift.low > 0 else "60 % reached without lift: fail"
