"""Excess returns: is the sign right, has the probability skill, does confidence mean anything, do intervals hold."""

from __future__ import annotations

import numpy as np

from vfr.typing import BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.bootstrap import ratio_interval
from vfr.validation.conformal import coverage, interval_score
from vfr.workflows.evidence_data import Judged, Study, interval, mean_test, per_date
from vfr.workflows.evidence_direction import right_sign, skill
from vfr.workflows.evidence_groups import FIFTHS, groups_of, quantile_spread, turnover
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.train_metrics import probability_above

__all__ = ["confidence_deciles", "excess", "excess_probability", "intervals"]

_DECILES = 10


def excess(study: Study) -> Table:
    """Sign accuracy, spread and turnover of each score on the excess target."""
    rows: list[tuple[Cell, ...]] = []
    for model in study.ranked:
        cells = study.cells & np.isfinite(model.rank)
        got = interval(study, right_sign(study, model.rank), cells)
        above = (study.excess[cells] > 0).astype(np.float64)
        spread = mean_test(study, quantile_spread(model.rank, study.excess, cells))
        auc = metrics.area_under_curve(model.rank[cells], above)
        rows.append(
            (
                model.name,
                got.estimate,
                got.low,
                got.high,
                auc,
                spread.mean,
                spread.t,
                turnover(model.rank, cells, study.step),
            )
        )
    heads = ("model", "sign accuracy", "low", "high", "AUC", "top - bottom fifth", "t", "turnover")
    note = (
        "Excess: over the median name of the session. Spread per holding period, before costs. Turnover: share of the "
        f"top fifth replaced over {study.step} sessions."
    )
    return Table("Excess return", heads, tuple(rows), note)


def excess_probability(study: Study) -> tuple[Table, ...]:
    """Probability of an excess return above 0 beside its ex-ante base rate; nothing where none is known."""
    if study.excess_base is None:
        return ()
    above = (study.excess > 0).astype(np.float64)
    rows = [_probability_row(study, model, above, study.excess_base) for model in study.models]
    base, y = study.excess_base[study.cells], above[study.cells]
    ece = metrics.expected_calibration_error(base, y)
    rows.append(("ex-ante base rate", metrics.brier(base, y), 0.0, None, None, metrics.log_loss(base, y), ece, ""))
    heads = ("model", "Brier", "skill", "skill low", "skill high", "log loss", "ECE", "verdict")
    note = (
        "P(excess > 0): the confidence where the predicted excess is positive, one less it where it is negative. Skill "
        "over the share of excess returns above 0 known at the time, about one half; it may be claimed only where the "
        "whole 95 % interval (date blocks) lies above 0."
    )
    return (Table("Probability of an excess return above 0", heads, tuple(rows), note),)


def _probability_row(study: Study, model: Judged, above: FloatArray, base: FloatArray) -> tuple[Cell, ...]:
    p = probability_above(model.prediction.confidence, model.rank)
    gain = skill(study, p, above, base)
    q, y = p[study.cells], above[study.cells]
    verdict = "skill" if gain.low > 0 else "worse than the base rate" if gain.high < 0 else "not distinguishable"
    loss, ece = metrics.log_loss(q, y), metrics.expected_calibration_error(q, y)
    return (model.name, metrics.brier(q, y), gain.estimate, gain.low, gain.high, loss, ece, verdict)


def confidence_deciles(study: Study, model: Judged | None = None) -> Table:
    """Accuracy of the sign of the predicted excess by confidence, of the first model unless another is given."""
    model = model or study.models[0]
    confidence = model.prediction.confidence
    cells = study.cells & np.isfinite(confidence)
    right = right_sign(study, model.rank)
    order = np.argsort(confidence[cells], kind="stable")
    decile = np.empty(order.size, dtype=np.int64)
    decile[order] = np.arange(order.size) * _DECILES // order.size
    grid = np.full(cells.shape, -1)
    grid[cells] = decile
    rows: list[tuple[Cell, ...]] = []
    for number in range(_DECILES):
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
    top, bottom = grid == _DECILES - 1, grid == 0
    gap = float(right[top].mean() - right[bottom].mean())
    influence = np.where(top, (right - right[top].mean()) / top.sum(), 0.0)
    influence -= np.where(bottom, (right - right[bottom].mean()) / bottom.sum(), 0.0)
    sums, _ = per_date(influence, study.cells)
    got = ratio_interval(sums * sums.size, np.ones_like(sums), block=study.block, rng=study.rng)
    return gap, gap + got.low, gap + got.high


def intervals(study: Study) -> Table:
    """Coverage of every model's interval by year and by fifth of trailing volatility."""
    cells = study.cells
    fifth = groups_of(study.volatility, cells, FIFTHS)
    groups = [("all", cells)]
    groups += [(str(int(y)), cells & (study.years == y)[:, None]) for y in np.unique(study.years[cells.any(axis=1)])]
    groups += [(f"volatility fifth {q + 1}", cells & (fifth == q)) for q in range(FIFTHS)]
    rows: list[tuple[Cell, ...]] = []
    for model in study.models:
        rows += [(model.name, name, *_interval_row(study, model, chosen)) for name, chosen in groups if chosen.any()]
    heads = ("model", "group", "coverage", "mean width", "interval score", "score of scaled volatility", "80-97 %")
    level = study.models[0].prediction.level
    note = (
        f"Interval of the excess return, nominal {level:.0%}: coverage is to lie within 80-97 % in every year and "
        f"fifth of volatility. Score: width plus {2 / (1 - level):.0f} times the distance outside, lower is better. "
        "Scaled volatility: plus or minus 1.645 x the trailing 21-session volatility x sqrt(h). The ends of the "
        "average are the means of the members' ends."
    )
    return Table("Interval of the excess return", heads, tuple(rows), note)


def _interval_row(study: Study, model: Judged, chosen: BoolArray) -> tuple[Cell, ...]:
    p = model.prediction
    low, high, outcome = p.low[chosen], p.high[chosen], study.excess[chosen]
    share = float(coverage(low, high, outcome).mean())
    score = interval_score(low, high, outcome, p.level)
    return (share, float((high - low).mean()), score, _plain_score(study, chosen, p.level), 0.80 <= share <= 0.97)


def _plain_score(study: Study, cells: BoolArray, level: float) -> float:
    known = cells & np.isfinite(study.volatility)
    if not known.any():
        return float("nan")
    half = 1.645 * study.volatility[known] * np.sqrt(study.h)
    return interval_score(-half, half, study.excess[known], level)
