"""The rest of the tables: accuracy against coverage, excess returns, confidence, intervals, gates."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.conformal import coverage, interval_score
from vfr.validation.coverage_curve import CoverageCell, certainty_thresholds, coverage_curve
from vfr.validation.gates import GateFigures, judge
from vfr.validation.significance import newey_west, overlap_lag
from vfr.workflows.evidence_data import Study
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.evidence_tables import interval, per_date

__all__ = ["accuracy_against_coverage", "confidence_deciles", "excess", "gates", "intervals"]

_QUANTILES = 5

_OF_STORED_VERSIONS = ("parity", "latency_ms")

COVERAGES = (1.0, 0.5, 0.2, 0.1, 0.05)
"""Shares of calls, most certain first, whose accuracy is reported."""


def accuracy_against_coverage(study: Study) -> Table:
    """Accuracy on the most certain calls, with thresholds fixed on earlier data."""
    model, cells = study.models[0], study.cells
    p = model.prediction.p_up
    hit = ((p > 0.5) == (study.direction > 0)).astype(np.float64)
    rule = ((study.base > 0.5) == (study.direction > 0)).astype(np.float64)
    certain = np.abs(p - 0.5)
    # The label of row t is known at t + h + 1.
    bars = certainty_thresholds(certain, cells, study.years, study.h + 1, COVERAGES)
    block = max(2 * study.h, 5)
    curve = coverage_curve(hit, rule, certain, bars, cells, study.years, block=block, rng=study.rng)
    rows = tuple(_coverage_row(f"{share:.0%}", point) for share, point in zip(COVERAGES, curve, strict=True))
    heads = ("nominal", "coverage", "dates", "years", "accuracy", "base-rate rule", "lift", "low", "high", "verdict")
    note = (
        "Lift over the ex-ante base-rate rule on the same rows; its 95 % interval holds for all cells at once (max-T)."
    )
    return Table(f"Direction accuracy against coverage ({model.name})", heads, rows, note)


def _coverage_row(nominal: str, point: CoverageCell) -> tuple[Cell, ...]:
    if not point.dates:
        return (nominal, 0.0, 0, 0, None, None, None, None, None, "no rows")
    figures = (point.coverage, point.dates, point.periods, point.accuracy, point.rule)
    lift = point.lift
    return (nominal, *figures, lift.estimate, lift.low, lift.high, _verdict(point.accuracy, lift))


def _verdict(accuracy: float, lift: Interval) -> str:
    """Say whether the mission's 60 % is reached, which it only is with a lift over the base-rate rule."""
    if accuracy < 0.6:
        return "below 60 %"
    return "60 % with lift" if lift.low > 0 else "60 % without lift: fail"


def excess(study: Study) -> Table:
    """Sign accuracy, spread and turnover of each model on the excess target."""
    rows: list[tuple[Cell, ...]] = []
    for model in study.models:
        right = (np.sign(model.rank) == np.sign(study.excess)).astype(np.float64)
        got = interval(study, right, study.cells)
        above = (study.excess[study.cells] > 0).astype(np.float64)
        spread = newey_west(quantile_spread(model.rank, study.excess, study.cells), overlap_lag(study.h))
        rows.append(
            (
                model.name,
                got.estimate,
                got.low,
                got.high,
                metrics.area_under_curve(model.rank[study.cells], above),
                spread.mean,
                spread.t,
                turnover(model.rank, study.cells, study.h),
            )
        )
    heads = ("model", "sign accuracy", "low", "high", "AUC", "top - bottom fifth", "t", "turnover")
    note = "Spread per holding period, before costs. Turnover: share of the top fifth replaced over one horizon."
    return Table("Excess return", heads, tuple(rows), note)


def _fifth(rank: FloatArray, cells: BoolArray) -> FloatArray:
    """Return the fifth of each cell within its session's counting cells, 0 lowest to 4; NaN elsewhere."""
    out = np.full(rank.shape, np.nan)
    for row in np.flatnonzero(cells.sum(axis=1) >= 2 * _QUANTILES):
        names = np.flatnonzero(cells[row])
        order = np.argsort(rank[row, names], kind="stable")
        out[row, names[order]] = np.arange(names.size) * _QUANTILES // names.size
    return out


def quantile_spread(rank: FloatArray, outcome: FloatArray, cells: BoolArray) -> FloatArray:
    """Return the mean outcome of the top fifth minus that of the bottom fifth, per session."""
    fifth = _fifth(rank, cells)
    ends = []
    for end in (_QUANTILES - 1, 0):
        chosen = fifth == end
        count = chosen.sum(axis=1)
        total = np.where(chosen, outcome, 0.0).sum(axis=1)
        ends.append(np.divide(total, count, out=np.full(count.size, np.nan), where=count > 0))
    return np.asarray(ends[0] - ends[1], dtype=np.float64)


def turnover(rank: FloatArray, cells: BoolArray, h: int) -> float:
    """Return the mean share of the top fifth that was not in it h sessions before."""
    top = _fifth(rank, cells) == _QUANTILES - 1
    now, before = top[h:], top[:-h]
    both = now.any(axis=1) & before.any(axis=1)
    if not both.any():
        return float("nan")
    stayed = (now & before).sum(axis=1)[both] / now.sum(axis=1)[both]
    return float(1.0 - stayed.mean())


def confidence_deciles(study: Study) -> Table:
    """Accuracy of the sign of the predicted excess by confidence."""
    model = study.models[0]
    cells = study.cells
    confidence = model.prediction.confidence
    right = (np.sign(model.rank) == np.sign(study.excess)).astype(np.float64)
    order = np.argsort(confidence[cells], kind="stable")
    decile = np.empty(order.size, dtype=np.int64)
    decile[order] = np.arange(order.size) * 10 // order.size
    grid = np.full(cells.shape, -1)
    grid[cells] = decile
    rows: list[tuple[Cell, ...]] = []
    for number in range(10):
        chosen = grid == number
        got = interval(study, right, chosen)
        rows.append((str(number + 1), float(confidence[chosen].mean()), got.estimate, got.low, got.high))
    rows.append(("top - bottom", None, *_decile_gap(study, right, grid)))
    weight = 0.15 * float(confidence[cells].mean())
    heads = ("decile", "confidence", "sign right", "low", "high")
    note = (
        f"Mean confidence times the default weight 0.15 is {weight:.3f}: an ML score of 100 moves a classic 50 "
        f"by {50 * weight:.1f} points."
    )
    return Table(f"Confidence deciles ({model.name})", heads, tuple(rows), note)


def _decile_gap(study: Study, right: FloatArray, grid: FloatArray) -> tuple[float, float, float]:
    """Return top minus bottom accuracy with an interval, from a per-date linearisation of the two ratios."""
    top, bottom = grid == 9, grid == 0
    gap = float(right[top].mean() - right[bottom].mean())
    influence = np.where(top, (right - right[top].mean()) / top.sum(), 0.0)
    influence -= np.where(bottom, (right - right[bottom].mean()) / bottom.sum(), 0.0)
    sums, _ = per_date(influence, study.cells)
    got = ratio_interval(sums * sums.size, np.ones_like(sums), block=max(2 * study.h, 5), rng=study.rng)
    return gap, gap + got.low, gap + got.high


def intervals(study: Study) -> Table:
    """Coverage of the interval of the first model by year and by fifth of trailing volatility."""
    p, cells = study.models[0].prediction, study.cells
    inside = np.zeros(cells.shape)
    inside[cells] = coverage(p.low[cells], p.high[cells], study.excess[cells])
    fifth = _fifth(study.volatility, cells & np.isfinite(study.volatility))
    groups = [("all", cells)]
    groups += [(str(int(y)), cells & (study.years == y)[:, None]) for y in np.unique(study.years[cells.any(axis=1)])]
    groups += [(f"volatility fifth {q + 1}", cells & (fifth == q)) for q in range(_QUANTILES)]
    rows: list[tuple[Cell, ...]] = []
    for name, chosen in groups:
        if not chosen.any():
            continue
        share = float(inside[chosen].mean())
        width = float((p.high - p.low)[chosen].mean())
        score = interval_score(p.low[chosen], p.high[chosen], study.excess[chosen], p.level)
        rows.append((name, share, width, score, _plain_score(study, chosen, p.level), bool(0.80 <= share <= 0.97)))
    heads = ("group", "coverage", "mean width", "interval score", "score of scaled volatility", "80-97 %")
    note = (
        f"Nominal {p.level:.0%}. Scaled volatility: plus or minus 1.645 x the trailing 21-session volatility x sqrt(h)."
    )
    return Table(f"Interval of the excess return ({study.models[0].name})", heads, tuple(rows), note)


def _plain_score(study: Study, cells: BoolArray, level: float) -> float:
    known = cells & np.isfinite(study.volatility)
    if not known.any():
        return float("nan")
    half = 1.645 * study.volatility[known] * np.sqrt(study.h)
    return interval_score(-half, half, study.excess[known], level)


def gates(found: dict[str, GateFigures]) -> Table:
    """Every gate and the leak alarm, per member."""
    rows: list[tuple[Cell, ...]] = []
    for member, figures in found.items():
        rows += [
            (member, row.gate, row.figure, row.bound, row.passed, row.note)
            for row in judge(figures).rows
            if row.gate not in _OF_STORED_VERSIONS
        ]
    heads = ("member", "gate", "figure", "bound", "passed", "note")
    note = (
        "Parity and latency are measured when a version is stored. The whole judged span, whatever `start` leaves out."
    )
    return Table("Gates and leak alarm", heads, tuple(rows), note)
