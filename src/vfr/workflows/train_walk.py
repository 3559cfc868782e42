"""Out-of-fold predictions: every session is scored by a refit that could not have known its outcome."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from vfr.models.design import Design, session_ranks
from vfr.models.learner import Learner, Scorer
from vfr.typing import DateArray, FloatArray, IntArray, Target
from vfr.validation.splits import Fold, walk_forward
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe

__all__ = ["Refit", "Walk", "fit_refit", "folds_of", "single_threaded_algebra", "walk"]


@dataclass(frozen=True, slots=True, eq=False)
class Refit:
    """Scorers of both targets fitted on the rows of one fold, and the features they read."""

    fold: Fold
    design: Design
    direction: Scorer
    excess: Scorer
    n_rows: int
    last_label_row: int


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """Refits of one member and their out-of-fold scores, [R x N], NaN where no refit predicted.

    `direction` holds logits; `rank` the rank of the excess score within its session, -0.5 to 0.5.
    """

    refits: tuple[Refit, ...]
    direction: FloatArray
    rank: FloatArray

    @property
    def rows(self) -> IntArray:
        """Sessions with out-of-fold scores."""
        return np.concatenate([refit.fold.test for refit in self.refits]) if self.refits else np.empty(0, np.int64)


def folds_of(sessions: DateArray, span: int, recipe: Recipe) -> tuple[Fold, ...]:
    """Return the refits of a recipe."""
    min_train, months = recipe.spacing(sessions.size)
    return walk_forward(sessions, span, min_train=min_train, months=months)


def walk(
    inputs: Inputs,
    targets: Targets,
    learner: Learner,
    folds: tuple[Fold, ...],
    *,
    recipe: Recipe,
    seed: int,
    threads: int,
    done: Callable[[int], None] = lambda _: None,
) -> Walk:
    """Fit every fold, `threads` at a time, and score its test span; `done` hears the number of folds finished."""
    direction = np.full(inputs.known.shape, np.nan)
    excess = np.full(inputs.known.shape, np.nan)

    def one(fold: Fold) -> Refit:
        refit = fit_refit(inputs, targets, learner, fold, recipe=recipe, seed=seed)
        r, n = np.nonzero(inputs.known[fold.test])
        if r.size:
            r = fold.test[r]
            direction[r, n] = refit.direction.score(inputs.rows(r, n, "direction", refit.design))
            excess[r, n] = refit.excess.score(inputs.rows(r, n, "excess", refit.design))
        return refit

    # Threads, not processes: learners spend their time outside the interpreter, and the inputs are large.
    refits = []
    with single_threaded_algebra(), ThreadPoolExecutor(max_workers=max(threads, 1)) as pool:
        waiting = [pool.submit(one, fold) for fold in folds]
        try:
            for number, future in enumerate(waiting, start=1):
                refits.append(future.result())
                done(number)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Walk(tuple(refits), direction, session_ranks(excess))


def single_threaded_algebra() -> AbstractContextManager[object]:
    """Hold linear algebra to one thread: sums keep one order, so bytes are the same on any machine of a kind.

    Two of its threads on a busy machine also wait for each other longer than they work.
    """
    from threadpoolctl import threadpool_limits

    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def fit_refit(inputs: Inputs, targets: Targets, learner: Learner, fold: Fold, *, recipe: Recipe, seed: int) -> Refit:
    """Fit both targets on the training rows of a fold."""
    end = int(fold.train[-1])
    design = inputs.design_at(end)

    def fit(target: Target, outcome: FloatArray) -> tuple[Scorer, int]:
        r, n = _cells(inputs, targets, outcome, fold, learner.max_rows(outcome.shape[1]), recipe, seed)
        weight = 0.5 ** ((end - r) / recipe.half_life)
        X = inputs.rows(r, n, target, design)
        return learner.fit(X, outcome[r, n], weight, target=target, seed=seed), r.size

    direction, _ = fit("direction", targets.labels.direction)
    excess, n_rows = fit("excess", targets.rank)
    return Refit(fold, design, direction, excess, n_rows, end + targets.labels.span)


def _cells(
    inputs: Inputs, targets: Targets, outcome: FloatArray, fold: Fold, most: int, recipe: Recipe, seed: int
) -> tuple[IntArray, IntArray]:
    """Return training cells: thinned sessions, counted back from the newest, then a seeded sample of at most `most`."""
    stride = dict(recipe.stride)[targets.labels.horizon]
    rows = fold.train[::-1][::stride][::-1]
    r, n = np.nonzero(inputs.known[rows] & np.isfinite(outcome[rows]))
    if r.size > most:
        keep = np.sort(np.random.default_rng(seed).choice(r.size, most, replace=False))
        r, n = r[keep], n[keep]
    return rows[r], n.astype(np.int64)
