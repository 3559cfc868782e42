"""Walk-forward training as jobs: one fold of one member at one horizon each, in any order and on any machine.

Jobs share their inputs and nothing else, so their results do not depend on where, when or beside what they ran.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from vfr.clock import processor_ms
from vfr.errors import TrainingFailed, VfrError
from vfr.models.design import session_ranks
from vfr.models.learners import LEARNERS
from vfr.typing import TARGETS, FloatArray, Horizon, IntArray
from vfr.validation.splits import Fold
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Refit, Task, Walk, fit_refit, score_rows, single_threaded_algebra
from vfr.workflows.tuning import Tuned

__all__ = ["Compute", "Fitted", "FoldJob", "Threads", "Walked", "fit_job", "jobs_of", "longest_first", "run_walks"]

WHOLE: Final = "all"
"""Name of the fold that learns from everything and tests nothing: the version that goes into service."""

_COST: Final[Mapping[str, float]] = {"lightgbm": 4.0, "xgboost": 3.0, "trees": 2.5, "lstm": 2.0, "linear": 0.3}
"""Seconds a row costs, relative to each other; only the order of jobs depends on it."""


@dataclass(frozen=True, slots=True)
class FoldJob:
    """One refit of one member at one horizon; rows are a range each, so that a job is small wherever it is sent."""

    horizon: Horizon
    member: str
    fold: str
    train: tuple[int, int]
    test: tuple[int, int]
    recipe: Recipe
    seed: int
    tuned: Tuned | None = None

    @classmethod
    def of(
        cls, horizon: Horizon, member: str, fold: Fold, *, recipe: Recipe, seed: int, tuned: Tuned | None = None
    ) -> FoldJob:
        """Describe the refit of a fold."""
        return cls(horizon, member, fold.name, _bounds(fold.train), _bounds(fold.test), recipe, seed, tuned)

    @property
    def split(self) -> Fold:
        """Training and test rows."""
        return Fold(self.fold, np.arange(*self.train, dtype=np.int64), np.arange(*self.test, dtype=np.int64))

    @property
    def title(self) -> str:
        """Name for progress and errors."""
        return f"{self.horizon} {self.member} {self.fold}"


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """What a job gives: the models as bytes, and the scores of the test rows [rows x N], NaN where unknown."""

    job: FoldJob
    direction: bytes
    excess: bytes
    direction_scores: FloatArray
    excess_scores: FloatArray
    n_rows: int
    seconds: float
    """Time on the processor."""


class Compute(Protocol):
    """Runs jobs."""

    def run(self, inputs: Inputs, labelled: Mapping[Horizon, Targets], jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
        """Yield each job's result once, in any order.

        Raises
        ------
        TrainingFailed
            If a job fails; names it.
        """


def _bounds(rows: IntArray) -> tuple[int, int]:
    if rows.size == 0:
        return 0, 0
    first, stop = int(rows[0]), int(rows[-1]) + 1
    if stop - first != rows.size:
        raise ValueError("rows of a fold must be a range")
    return first, stop


def fit_job(inputs: Inputs, targets: Targets, job: FoldJob) -> Fitted:
    """Fit a fold and score its test rows; the same inputs and job give the same bytes."""
    started = processor_ms()
    task = Task(inputs, targets, LEARNERS[job.member], job.recipe, job.seed, job.tuned)
    fold = job.split
    with single_threaded_algebra():
        refit = fit_refit(task, fold)
        direction, excess = (
            score_rows(task, refit.design, target, refit.scorer(target), fold.test) for target in TARGETS
        )
    seconds = (processor_ms() - started) / 1e3
    return Fitted(job, refit.direction.dump(), refit.excess.dump(), direction, excess, refit.n_rows, seconds)


def longest_first(jobs: Sequence[FoldJob]) -> list[FoldJob]:
    """Order jobs so that no core waits for a long one at the end."""
    return sorted(jobs, key=lambda job: -_COST.get(job.member, 1.0) * (job.train[1] - job.train[0]))


@dataclass(frozen=True, slots=True)
class Threads:
    """Runs jobs in threads of this process: nothing is copied or started, which suits small data."""

    workers: int

    def run(self, inputs: Inputs, labelled: Mapping[Horizon, Targets], jobs: Sequence[FoldJob]) -> Iterator[Fitted]:
        """Yield results as they are ready; see `Compute.run`."""
        # Held around all jobs: the limit is the process's, and a job that ends must not lift it from the others.
        with single_threaded_algebra(), ThreadPoolExecutor(max(self.workers, 1)) as pool:
            waiting = {pool.submit(fit_job, inputs, labelled[j.horizon], j): j for j in longest_first(jobs)}
            try:
                for future in as_completed(waiting):
                    yield result_of(future.result, waiting[future])
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise


def result_of(get: Callable[[], Fitted], job: FoldJob) -> Fitted:
    """Return a job's result, or say which job failed.

    Raises
    ------
    TrainingFailed
        If it raised anything that is not a sentence of our own already.
    """
    try:
        return get()
    except VfrError:
        raise
    except Exception as error:
        raise TrainingFailed(f"{job.title}: fitting failed ({type(error).__name__}: {error})") from error


@dataclass(frozen=True, slots=True, eq=False)
class Walked:
    """The walk of one member at one horizon, its refit on everything where one was asked for, and what they cost."""

    walk: Walk
    whole: Refit | None
    seconds: float


def jobs_of(
    horizon: Horizon,
    member: str,
    folds: Sequence[Fold],
    whole: IntArray | None,
    *,
    recipe: Recipe,
    seed: int,
    tuned: Tuned | None = None,
) -> list[FoldJob]:
    """Return the jobs of one member at one horizon: its folds, and the fold that learns from all of `whole`."""
    last = [] if whole is None else [Fold(WHOLE, whole, np.empty(0, dtype=np.int64))]
    return [FoldJob.of(horizon, member, f, recipe=recipe, seed=seed, tuned=tuned) for f in (*folds, *last)]


def run_walks(
    compute: Compute,
    inputs: Inputs,
    labelled: Mapping[Horizon, Targets],
    jobs: Sequence[FoldJob],
    done: Callable[[str, float], None] = lambda _stage, _fraction: None,
) -> dict[tuple[Horizon, str], Walked]:
    """Run all jobs as one pool and put the walks together, by horizon and member.

    Parameters
    ----------
    compute : Compute
    inputs : Inputs
    labelled : mapping
        Targets of every horizon that a job names.
    jobs : sequence of FoldJob
    done : callable, optional
        Hears what is finished, and the fraction of all jobs.

    Raises
    ------
    TrainingFailed
        If a job fails; names it.
    """
    found: dict[tuple[Horizon, str], list[Fitted]] = {}
    for number, fitted in enumerate(compute.run(inputs, labelled, jobs), start=1):
        found.setdefault((fitted.job.horizon, fitted.job.member), []).append(fitted)
        done(f"fold {number} of {len(jobs)} ({fitted.job.title})", number / len(jobs))
    return {key: _walked(inputs, labelled[key[0]], parts) for key, parts in found.items()}


def _walked(inputs: Inputs, targets: Targets, parts: Sequence[Fitted]) -> Walked:
    parts = sorted(parts, key=lambda part: part.job.test if part.job.fold != WHOLE else (np.iinfo(np.int64).max, 0))
    direction = np.full(inputs.known.shape, np.nan)
    excess = np.full(inputs.known.shape, np.nan)
    refits = []
    for part in parts:
        rows = slice(*part.job.test)
        direction[rows], excess[rows] = part.direction_scores, part.excess_scores
        refits.append(_refit(inputs, targets, part))
    whole = refits.pop() if parts[-1].job.fold == WHOLE else None
    walk = Walk(tuple(refits), direction, session_ranks(excess))
    return Walked(walk, whole, sum(part.seconds for part in parts))


def _refit(inputs: Inputs, targets: Targets, part: Fitted) -> Refit:
    learner, fold = LEARNERS[part.job.member], part.job.split
    end = int(fold.train[-1])
    direction, excess = learner.load(part.direction), learner.load(part.excess)
    return Refit(fold, inputs.design_at(end), direction, excess, part.n_rows, end + targets.labels.span)
