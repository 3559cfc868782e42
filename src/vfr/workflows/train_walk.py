"""Out-of-fold predictions: every session is scored by a refit that could not have known its outcome."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from vfr.models.design import Design
from vfr.models.learner import Learner, Params, Rows, Scorer
from vfr.typing import DateArray, FloatArray, IntArray, Target
from vfr.validation.splits import Fold, matured, walk_forward
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.tuning import Tuned

__all__ = [
    "Refit",
    "Task",
    "Walk",
    "fit_refit",
    "fit_target",
    "folds_of",
    "score_rows",
    "single_threaded_algebra",
]


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What one learner is asked to learn: both targets of one horizon."""

    inputs: Inputs
    targets: Targets
    learner: Learner
    recipe: Recipe
    seed: int
    tuned: Tuned | None = None

    def params(self, target: Target, fold: Fold) -> Params | None:
        """Return tuned hyper-parameters for a fold; None where the search saw anything later than its training rows."""
        if self.tuned is None:
            return None
        end = self.inputs.sessions[int(fold.train[-1]) + self.targets.labels.span]
        return self.tuned.params(target) if end >= np.datetime64(self.tuned.until) else None


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """Scorers of both targets fitted on the rows of one fold, and the features they read."""

    fold: Fold
    design: Design
    direction: Scorer
    excess: Scorer
    n_rows: int
    last_label_row: int

    def scorer(self, target: Target) -> Scorer:
        """Return the scorer of a target."""
        return self.direction if target == "direction" else self.excess


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Refits of one member and their out-of-fold scores, [R x N], NaN where no refit predicted.

    `direction` holds logits; `rank` the rank of the excess score within its session, -0.5 to 0.5.
    """

    refits: tuple[Refit, ...]
    direction: FloatArray
    rank: FloatArray

    @property
    def starts(self) -> list[int]:
        """First session that each refit tests."""
        return [int(refit.fold.test[0]) for refit in self.refits]

    @property
    def rows(self) -> IntArray:
        """Sessions with out-of-fold scores."""
        return np.concatenate([refit.fold.test for refit in self.refits]) if self.refits else np.empty(0, np.int64)


def folds_of(sessions: DateArray, span: int, recipe: Recipe) -> tuple[Fold, ...]:
    """Return the refits of a recipe."""
    min_train, months = recipe.spacing(sessions.size)
    first = sessions[-min(recipe.judged, sessions.size)] if recipe.judged else None
    return walk_forward(sessions, span, min_train=min_train, months=months, first=first)


def single_threaded_algebra() -> AbstractContextManager[object]:
    """Hold linear algebra to one thread: sums keep one order, so bytes are the same on any machine of a kind.

    Two of its threads on a busy machine also wait for each other longer than they work.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def fit_refit(task: Task, fold: Fold) -> Refit:
    """Fit both targets on the training rows of a fold."""
    design = task.inputs.design_at(int(fold.train[-1]))
    direction, _ = fit_target(task, fold, design, "direction", task.params("direction", fold))
    excess, n_rows = fit_target(task, fold, design, "excess", task.params("excess", fold))
    return Refit(fold, design, direction, excess, n_rows, int(fold.train[-1]) + task.targets.labels.span)


def fit_target(task: Task, fold: Fold, design: Design, target: Target, tuned: Params | None) -> tuple[Scorer, int]:
    """Fit one target on the training rows of a fold; return the scorer and the number of rows."""
    rows, watch = _training(task, fold, target, task.learner.columns(design.columns(target)))
    scorer = task.learner.fit(rows, target=target, seed=task.seed, watch=watch, tuned=tuned)
    return scorer, rows.y.size + (watch.y.size if watch else 0)


def score_rows(task: Task, design: Design, target: Target, scorer: Scorer, rows: IntArray) -> FloatArray:
    """Return the scores of the given sessions, [rows x N], NaN where a name cannot be predicted."""
    out = np.full((rows.size, task.inputs.known.shape[1]), np.nan)
    r, n = np.nonzero(task.inputs.known[rows])
    if r.size:
        columns = task.learner.columns(design.columns(target))
        out[r, n] = scorer.score(task.inputs.rows(rows[r], n, columns, task.learner.lookback))
    return out


def _training(task: Task, fold: Fold, target: Target, columns: Sequence[str]) -> tuple[Rows, Rows | None]:
    """Return the training rows of a fold and, for a learner that watches later ones, those, purged from the former."""
    outcome = task.targets.labels.direction if target == "direction" else task.targets.rank
    end = int(fold.train[-1])

    def rows(sessions: IntArray, most: int) -> Rows:
        r, n = _cells(task, outcome, sessions, most)
        y, weight = outcome[r, n], 0.5 ** ((end - r) / task.recipe.half_life)
        if target == "direction":
            weight = weight * _class_weight(y, weight)
        return Rows(task.inputs.rows(r, n, columns, task.learner.lookback), y, weight, r)

    most = round(task.recipe.rows * task.learner.max_rows(outcome.shape[1]))
    watched = min(task.recipe.watch, fold.train.size // 5)
    if not task.learner.watches or watched == 0:
        return rows(fold.train, most), None
    newest = fold.train[-watched:]
    older = matured(fold.train, task.targets.labels.span, int(newest[0]))
    share = older.size / (older.size + newest.size)
    return rows(older, round(most * share)), rows(newest, round(most * (1.0 - share)))


def _class_weight(y: FloatArray, weight: FloatArray) -> FloatArray:
    """Give ups and downs half the weight each: the base rate is the calibration's, a learner tells names apart."""
    up = float(np.average(y, weights=weight))
    if not 0.0 < up < 1.0:
        return np.ones(y.size)
    return np.where(y > 0, 0.5 / up, 0.5 / (1.0 - up))


def _cells(task: Task, outcome: FloatArray, sessions: IntArray, most: int) -> tuple[IntArray, IntArray]:
    """Return training cells: thinned sessions, counted back from the newest, then a seeded sample of at most `most`."""
    stride = dict(task.recipe.stride)[task.targets.labels.horizon]
    rows = sessions[::-1][::stride][::-1]
    r, n = np.nonzero(task.inputs.known[rows] & np.isfinite(outcome[rows]))
    if r.size > most:
        keep = np.sort(np.random.default_rng(task.seed).choice(r.size, most, replace=False))
        r, n = r[keep], n[keep]
    return rows[r], n.astype(np.int64)
