"""Calibrators side by side: the served one, isotonic regression and Venn-Abers, on the same rows of every refit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr.models.calibrated import Calibrated
from vfr.typing import HORIZONS, BoolArray, FloatArray, IntArray
from vfr.validation import metrics
from vfr.validation.splits import calibration_split
from vfr.validation.venn_abers import fit_isotonic, fit_venn_abers
from vfr.workflows.evidence_data import Study, mean_test, session_mean
from vfr.workflows.evidence_direction import right_sign
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.train_data import Targets
from vfr.workflows.train_judge import Served
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Walk

__all__ = ["calibrators"]

_Map: TypeAlias = Callable[[FloatArray], FloatArray]

_SERVED: Final = "served (shrunk Platt)"

_NAMES_PER_SESSION: Final = 5.0
"""Independent outcomes among the names of a session, as the served calibrator counts them."""

_SURE: Final = 2.0
"""Standard errors from which a difference is told from noise."""


@dataclass(frozen=True, slots=True, eq=False)
class _Question:
    """A yes-or-no outcome [R x N], the score that is to say its probability, and the probability that was served."""

    name: str
    score: FloatArray
    outcome: FloatArray
    served: FloatArray


def calibrators(
    study: Study, labelled: Targets, walks: Mapping[str, Walk], served: Mapping[str, Served], recipe: Recipe
) -> Table:
    """Compare, out of fold, what each calibrator makes of the same scores and calibration rows.

    Parameters
    ----------
    study : Study
    labelled : Targets
    walks : mapping of str to Walk
        Out-of-fold scores by member.
    served : mapping of str to Served
        What was served of them; a refit that could not be calibrated is left out for all.
    recipe : Recipe
        How many sessions are kept from the calibrators for the conformal step.
    """
    rows: list[tuple[Cell, ...]] = []
    for member, walk in walks.items():
        given = served[member]
        for asked in _questions(study, walk, given):
            rows += _compared(study, member, asked, _refitted(asked, labelled, walk, given.calibrations, recipe))
    heads = ("member", "probability of", "calibrator", "Brier", "log loss", "ECE", "Brier over served", "t", "verdict")
    note = (
        "Each calibrator is fitted before every refit's test span on the rows the served one was fitted on. Over "
        "served: mean difference of the Brier score over sessions, above 0 where the served one is better; t: "
        "Newey-West. The served one maps the session's mean and the name's distance from it apart, the others the "
        "score as a whole. Venn-Abers gives the merged probability. The right sign leaves out the middle name of a "
        "session, which has none."
    )
    return Table("Calibrators out of fold", heads, tuple(rows), note)


def _questions(study: Study, walk: Walk, given: Served) -> tuple[_Question, ...]:
    # The middle name of a session has no sign that could be right: an isotonic map would learn that alone.
    signed = np.isfinite(study.excess) & (np.abs(walk.rank) > 0)
    right = np.where(signed, right_sign(study, walk.rank), np.nan)
    p = given.prediction
    return (
        _Question("a rise", walk.direction, study.direction, p.p_up),
        _Question("the right sign", np.abs(walk.rank), right, p.confidence),
    )


def _refitted(
    asked: _Question, labelled: Targets, walk: Walk, calibrations: tuple[Calibrated | None, ...], recipe: Recipe
) -> dict[str, FloatArray]:
    """Return probabilities [R x N] by calibrator, NaN where a refit could not be calibrated."""
    found = {name: np.full(walk.rank.shape, np.nan) for name in ("isotonic", "Venn-Abers")}
    for refit, calibration in zip(walk.refits, calibrations, strict=True):
        if calibration is None:
            continue
        older = _calibration_cells(labelled, walk, int(refit.fold.test[0]), recipe)
        fitted = _fit(asked, older, HORIZONS[labelled.labels.horizon])
        for name, apply in fitted.items():
            found[name][refit.fold.test] = apply(asked.score[refit.fold.test])
    return found


def _calibration_cells(labelled: Targets, walk: Walk, before: int, recipe: Recipe) -> BoolArray:
    split = calibration_split(walk.rows, labelled.labels.span, before, conformal=recipe.conformal)
    rows: IntArray = np.empty(0, dtype=np.int64) if split is None else split.calibrator
    cells = np.zeros(walk.rank.shape, dtype=bool)
    cells[rows] = (labelled.counts & np.isfinite(walk.rank) & np.isfinite(labelled.labels.excess))[rows]
    return cells


def _fit(asked: _Question, cells: BoolArray, h: int) -> dict[str, _Map]:
    score, y = asked.score[cells], asked.outcome[cells]
    sessions = float(cells.any(axis=1).sum())
    names = score.size / max(sessions, 1.0)
    weight = sessions / h * min(names, _NAMES_PER_SESSION) / max(score.size, 1)
    return {"isotonic": fit_isotonic(score, y), "Venn-Abers": fit_venn_abers(score, y, np.full(score.size, weight))}


def _compared(study: Study, member: str, asked: _Question, found: Mapping[str, FloatArray]) -> list[tuple[Cell, ...]]:
    cells = study.cells & np.isfinite(asked.outcome)
    for p in found.values():
        cells &= np.isfinite(p)
    rows = []
    for name, p in {_SERVED: asked.served, **found}.items():
        loss = session_mean((p - asked.outcome) ** 2 - (asked.served - asked.outcome) ** 2, cells)
        test = mean_test(study, loss)
        compared = (None, None, "") if name == _SERVED else (test.mean, test.t, _verdict(test.t))
        rows.append((member, asked.name, name, *_scores(p[cells], asked.outcome[cells]), *compared))
    return rows


def _scores(p: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    if p.size == 0:
        return (float("nan"),) * 3
    return metrics.brier(p, y), metrics.log_loss(p, y), metrics.expected_calibration_error(p, y)


def _verdict(t: float) -> str:
    if t > _SURE:
        return "the served one is better"
    return "better than the served one" if t < -_SURE else "not distinguishable"
