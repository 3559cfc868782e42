"""The tables every learner is judged by; members of the index at the time first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vfr.data.coverage import YearCoverage
from vfr.typing import BoolArray, FloatArray
from vfr.validation import metrics
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.correlation import icir, rank_ic
from vfr.validation.significance import newey_west, overlap_lag
from vfr.workflows.evidence_data import Judged, Study
from vfr.workflows.evidence_report import Cell, Table

__all__ = ["by_year", "direction", "members_priced", "paired", "per_date", "rank_ic_table", "reliability"]


def per_date(values: FloatArray, cells: BoolArray) -> tuple[FloatArray, FloatArray]:
    """Return the sum of the values and the number of cells of each date that has any."""
    some = cells.any(axis=1)
    return np.where(cells, values, 0.0).sum(axis=1)[some], cells.sum(axis=1)[some].astype(np.float64)


def interval(study: Study, values: FloatArray, cells: BoolArray) -> Interval:
    """Return the mean of the cells with its date-block bootstrap 95 % interval (blocks of at least two horizons)."""
    top, bottom = per_date(values, cells)
    return ratio_interval(top, bottom, block=max(2 * study.h, 5), rng=study.rng)


def rank_ic_table(study: Study) -> Table:
    """Rank IC of each model on each universe and basis."""
    rows: list[tuple[Cell, ...]] = []
    for universe, cells in study.universes.items():
        for basis, outcome in study.outcomes.items():
            for model in study.models:
                ic = rank_ic(model.rank, outcome, cells)
                test = newey_west(ic, overlap_lag(study.h))
                rows.append((universe, basis, model.name, test.mean, test.t, icir(ic), test.n))
    return Table(
        "Rank IC",
        ("universe", "returns", "model", "rank IC", "t", "ICIR", "dates"),
        tuple(rows),
        f"t: Newey-West with lag {overlap_lag(study.h)}. Every session is a starting phase. Only the first universe "
        "supports a claim; names that were not members at the time are in the data because they did well later.",
    )


def by_year(study: Study) -> Table:
    """Rank IC of the first model by year, on each basis, on the cells that count."""
    columns = [rank_ic(study.models[0].rank, outcome, study.cells) for outcome in study.outcomes.values()]
    rows: list[tuple[Cell, ...]] = []
    for year in np.unique(study.years[study.cells.any(axis=1)]):
        chosen = study.years == year
        tests = [newey_west(ic[chosen], overlap_lag(study.h)) for ic in columns]
        rows.append((str(int(year)), *(figure for t in tests for figure in (t.mean, t.t))))
    heads = [f"{what} {basis}" for basis in study.outcomes for what in ("IC", "t")]
    return Table(f"Rank IC by year ({study.models[0].name})", ("year", *heads), tuple(rows))


def paired(study: Study) -> Table:
    """Difference of rank IC between the first model and each other on the same sessions."""
    rows: list[tuple[Cell, ...]] = []
    for basis, outcome in study.outcomes.items():
        first = rank_ic(study.models[0].rank, outcome, study.cells)
        for model in study.models[1:]:
            test = newey_west(first - rank_ic(model.rank, outcome, study.cells), overlap_lag(study.h))
            rows.append((basis, f"{study.models[0].name} - {model.name}", test.mean, test.t))
    return Table("Paired gain in rank IC", ("returns", "pair", "difference", "t"), tuple(rows))


def direction(study: Study) -> Table:
    """Direction calls of each model beside the rules anybody could follow."""
    cells = study.cells
    rows = [
        _direction_row(study, m.name if m.name != "linear" else "linear (logistic)", m.prediction.p_up)
        for m in study.models
    ]
    rows.append(_direction_row(study, "ex-ante base rate", study.base))
    call = study.last_sign
    known = cells & np.isfinite(call)
    got = interval(study, (call == study.direction).astype(np.float64), known)
    y, up = study.direction[known], call[known]
    balanced, mcc = metrics.balanced_accuracy(up, y), metrics.matthews(up, y)
    unknown = (None, None, None, None)
    rows.append(("last sign", got.estimate, got.low, got.high, balanced, mcc, float(up.mean()), *unknown))
    columns = ("rule", "accuracy", "low", "high", "balanced", "MCC", "share UP", "Brier", "skill", "log loss", "ECE")
    return Table(
        "Direction",
        columns,
        tuple(rows),
        "All rows that count, NEUTRAL scored by its sign. Skill: 1 - Brier / Brier of the ex-ante base rate. "
        "ECE: 10 equal-count bins. Intervals: 95 %, date blocks.",
    )


def _direction_row(study: Study, name: str, p_up: FloatArray) -> tuple[Cell, ...]:
    cells = study.cells & np.isfinite(p_up)
    call = (p_up > 0.5).astype(np.float64)
    got = interval(study, (call == study.direction).astype(np.float64), cells)
    p, up, y, base = p_up[cells], call[cells], study.direction[cells], study.base[cells]
    return (
        name,
        got.estimate,
        got.low,
        got.high,
        metrics.balanced_accuracy(up, y),
        metrics.matthews(up, y),
        float(up.mean()),
        metrics.brier(p, y),
        metrics.brier_skill(p, base, y),
        metrics.log_loss(p, y),
        metrics.expected_calibration_error(p, y),
    )


def reliability(study: Study) -> Table:
    """Reliability of P(up) and of confidence of the first model, ten equal-count bins each."""
    model, cells = study.models[0], study.cells
    right = _right(model, study)
    up = metrics.reliability(model.prediction.p_up[cells], study.direction[cells])
    sure = metrics.reliability(model.prediction.confidence[cells], right[cells])
    rows = tuple(
        (number, a.forecast, a.observed, b.forecast, b.observed, a.count)
        for number, (a, b) in enumerate(zip(up, sure, strict=True), start=1)
    )
    columns = ("bin", "P(up)", "went up", "confidence", "sign right", "rows")
    return Table(f"Reliability ({model.name})", columns, rows)


def members_priced(years: Sequence[YearCoverage]) -> Table:
    """Index members with prices beside all of them, by year."""
    rows = tuple((str(year.year), year.priced, year.members, year.priced / year.members) for year in years)
    note = "Means of the sessions. Members without prices take no part in any figure above."
    return Table("Index members priced", ("year", "priced", "members", "share"), rows, note)


def _right(model: Judged, study: Study) -> FloatArray:
    return np.asarray(np.sign(model.rank) == np.sign(study.excess), dtype=np.float64)
