"""Tune a learner inside training rows: an inner walk-forward that no out-of-sample session ever sees.

By default the search ends where the first training fold ends, so every out-of-fold prediction that evidence judges is
later than anything the search saw. The defaults are the first trial, and they stay unless another trial beats them by
more than the noise of the inner test sessions: a search always finds something.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField, TrainingFailed
from vfr.models.learner import MOST_SEED, Params
from vfr.models.learners import LEARNERS
from vfr.models.search import SPACES
from vfr.typing import TARGETS, FloatArray, Horizon, IntArray, Target
from vfr.validation.correlation import information_coefficient, rank_ic
from vfr.validation.significance import newey_west, overlap_lag
from vfr.validation.splits import Fold, matured
from vfr.workflows.compiling import features_stage
from vfr.workflows.development import DEVELOPMENT_END, development
from vfr.workflows.ledger import Ledger
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.train_walk import Task, fit_target, folds_of, score_rows, single_threaded_algebra
from vfr.workflows.tune_count import counted
from vfr.workflows.tuning import TargetSearch, Tuned, TuningStore

if TYPE_CHECKING:
    import optuna

__all__ = ["check", "inner_folds", "tune"]

INNER_FOLDS: Final = 3
MIN_SESSIONS: Final = 200
ADOPT_T: Final = 1.0
"""How many standard errors better than the defaults the best trial must be: one, as in the one-standard-error rule."""


_ANY_ROWS: Final = 100_000
"""Rows at which defaults are told apart from those of another version of the code."""


def tune(
    snapshot: Snapshot,
    store: TuningStore,
    *,
    horizon: Horizon,
    member: str,
    trials: int = 30,
    until: np.datetime64 | None = None,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
    ledger: Ledger | None = None,
    recipe: Recipe = DEFAULT,
) -> Tuned:
    """Search the hyper-parameters of one member at one horizon.

    Parameters
    ----------
    snapshot : Snapshot
    store : TuningStore
        A search that was killed goes on from its finished trials.
    horizon : Horizon
    member : str
        One with a search space in `vfr.models.search.SPACES`.
    trials : int
        Trials of each target in all, earlier ones of the same search included.
    until : datetime64[D], optional
        No label of the search ends after this day; by default the end of the first training fold.
    seed : int
    progress : callable, optional
    ledger : Ledger, optional
        Where the search is counted, finished or not.

    Raises
    ------
    InvalidField
        If the member has no learner or search space here, the number of trials is not positive, the seed is none, or
        `until` is among the outcomes that are kept for release runs.
    TrainingFailed
        If there are too few sessions for an inner walk-forward, or too few names for a coefficient.

    References
    ----------
    Bergstra, Bardenet, Bengio and Kégl (2011), *Algorithms for hyper-parameter optimization* (the sampler); Breiman,
    Friedman, Olshen and Stone (1984), *Classification and regression trees* (the one-standard-error rule).
    """
    check(member, trials, seed)
    most = _readable(snapshot, until)
    from vfr.features import compute

    tell = progress or (lambda _stage, _fraction: None)
    tell(features_stage(), 0.0)
    counts, _ = counting(snapshot)
    span = targets(snapshot, horizon, counts).labels.span
    asked = _first_end(snapshot, span, recipe) if until is None else np.searchsorted(snapshot.sessions, until, "right")
    end = min(int(asked), most)
    inner = inner_folds(matured(np.arange(end), span, end), span)
    cut = snapshot.upto(snapshot.sessions[end - 1])
    inputs = prepare(compute(cut), cut.panel.trading())
    counts = counts[:end]
    task = Task(inputs, targets(cut, horizon, counts), LEARNERS[member], recipe, seed)
    until_day = str(snapshot.sessions[end - 1])
    key = _key(cut, inputs.spec, horizon, member, recipe, seed)
    found, storage = {}, store.storage(key)
    about = {"search": key, "member": member, "horizon": horizon, "data_version": snapshot.version}
    with counted(ledger, storage, {**about, "until": until_day, "seed": seed}):
        for number, target in enumerate(TARGETS):

            def heard(done: int, number: int = number, target: Target = target) -> None:
                tell(f"trial {done + 1} {member} {horizon} {target}", (number + done / trials) / len(TARGETS))

            found[target] = _Search(task, target, inner).run(storage, trials, seed, heard)
    tuned = Tuned(member, horizon, snapshot.name, snapshot.version, inputs.spec, until_day, seed, found)
    store.save(tuned)
    tell("done", 1.0)
    return tuned


def inner_folds(rows: IntArray, span: int) -> tuple[Fold, ...]:
    """Divide training rows into an older half and three test spans after it, each purged and embargoed.

    Raises
    ------
    TrainingFailed
        If a span, or the rows before the first, would hold too few sessions.
    """
    blocks = np.array_split(rows[rows.size // 2 :], INNER_FOLDS)
    folds = tuple(
        Fold(f"inner {k}", matured(rows, 2 * span, int(block[0])), block)
        for k, block in enumerate(blocks)
        if block.size
    )
    if rows.size < MIN_SESSIONS or any(fold.train.size < MIN_SESSIONS // 4 for fold in folds):
        raise TrainingFailed(
            f"{rows.size} sessions of training are too few to tune on; give a later day or a longer history"
        )
    return folds


def check(member: str, trials: int, seed: int) -> None:
    """Refuse what cannot be searched, before anything is read.

    Raises
    ------
    InvalidField
        See `tune`.
    """
    if member not in SPACES or member not in LEARNERS:
        raise InvalidField("members", f"{member} cannot be tuned; choose from {', '.join(SPACES)}")
    missing = LEARNERS[member].unavailable()
    if missing is not None:
        raise InvalidField("members", f"{member}: {missing}")
    if trials < 1:
        raise InvalidField("trials", f"{trials} trials find nothing; give at least 1")
    if not 0 <= seed <= MOST_SEED:
        raise InvalidField("seed", f"must be 0 to {MOST_SEED:,}, got {seed}")


def _readable(snapshot: Snapshot, until: np.datetime64 | None) -> int:
    """Return how many sessions a search may read: none whose outcomes are kept for release runs."""
    cut, _ = development(snapshot, release=False)
    if until is not None and cut is not snapshot and until > DEVELOPMENT_END:
        raise InvalidField(
            "until", f"must be {DEVELOPMENT_END} or earlier, got {until}: later outcomes are kept for release runs"
        )
    return cut.sessions.size


def _first_end(snapshot: Snapshot, span: int, recipe: Recipe) -> int:
    """Return how many sessions end with the labels of the first training fold."""
    folds = folds_of(snapshot.sessions, span, recipe)
    if not folds:
        raise TrainingFailed(
            f"{snapshot.sessions.size} sessions are too few for a walk-forward; import a longer history"
        )
    return int(folds[0].train[-1]) + span + 1


def _key(snapshot: Snapshot, spec: str, horizon: Horizon, member: str, recipe: Recipe, seed: int) -> str:
    """Name a search by all that its scores depend on, so that trials of other defaults are not gone on from."""
    defaults = [sorted(LEARNERS[member].params(_ANY_ROWS, target).items()) for target in TARGETS]
    body = f"{snapshot.version} {snapshot.as_of} {spec} {horizon} {member} {seed} {recipe} {defaults}"
    return sha256(f"{body} {sorted(SPACES[member].items())}".encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """The search of one target over the inner folds."""

    task: Task
    target: Target
    inner: tuple[Fold, ...]

    def run(
        self, storage: optuna.storages.BaseStorage, trials: int, seed: int, heard: Callable[[int], None]
    ) -> TargetSearch:
        """Run the trials that are still missing and compare the best with the defaults."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=storage,
            study_name=self.target,
            direction="maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        )
        state = optuna.trial.TrialState
        done = sum(trial.state in (state.COMPLETE, state.PRUNED) for trial in study.trials)
        # A kill may have ended the trial of the defaults, with which everything is compared: it is tried again.
        lacking = not any(_is_default(t) and t.state in (state.COMPLETE, state.PRUNED) for t in study.trials)
        if lacking and not any(_is_default(t) and t.state == state.WAITING for t in study.trials):
            study.enqueue_trial({}, user_attrs={"defaults": True})
        with single_threaded_algebra():
            for number in range(done, max(trials, done + lacking)):
                heard(number)
                # A sampler for each trial: one that went on from a kill would draw again what it drew at first.
                study.sampler = optuna.samplers.TPESampler(seed=seed + number)
                study.optimize(self._objective, n_trials=1)
        return self._outcome(study)

    def _objective(self, trial: optuna.Trial) -> float:
        import optuna

        default = bool(trial.user_attrs.get("defaults"))
        asked = {} if default else self._suggest(trial)
        series: list[FloatArray] = []
        mean = float("nan")
        for number, fold in enumerate(self.inner):
            series.append(self._judge(fold, asked))
            scores = np.concatenate(series)
            if not np.isfinite(scores).any():  # It orders no name so far.
                continue
            mean = float(np.nanmean(scores))
            trial.report(mean, number)
            if not default and trial.should_prune():
                raise optuna.TrialPruned
        if not np.isfinite(mean):
            raise optuna.TrialPruned
        trial.set_user_attr("params", asked)
        trial.set_user_attr("scores", [float(x) if np.isfinite(x) else None for x in np.concatenate(series)])
        return mean

    def _suggest(self, trial: optuna.Trial) -> dict[str, float | int]:
        found: dict[str, float | int] = {}
        for name, span in SPACES[self.task.learner.name].items():
            if span.whole:
                found[name] = trial.suggest_int(name, int(span.low), int(span.high), log=span.log)
            else:
                found[name] = trial.suggest_float(name, span.low, span.high, log=span.log)
        return found

    def _judge(self, fold: Fold, params: Params) -> FloatArray:
        """Return the coefficient of each inner test session, on the cells that count."""
        task, test = self.task, fold.test
        design = task.inputs.design_at(int(fold.train[-1]))
        scorer, _ = fit_target(task, fold, design, self.target, params)
        scores = score_rows(task, design, self.target, scorer, test)
        cells = task.targets.counts[test]
        if self.target == "excess":
            return rank_ic(scores, task.targets.labels.excess[test], cells)
        return information_coefficient(scores, task.targets.labels.direction[test], cells)

    def _outcome(self, study: optuna.Study) -> TargetSearch:
        complete = [trial for trial in study.trials if _is_scored(trial)]
        default = next((trial for trial in complete if _is_default(trial)), None)
        if default is None:
            raise TrainingFailed(
                f"{self.task.learner.name} with its defaults orders no ten names of any session it was tried on; "
                "there is nothing to compare a search with"
            )
        best = max(complete, key=lambda trial: (trial.value, -trial.number))
        gain = newey_west(_series(best) - _series(default), overlap_lag(self.task.targets.labels.span - 1))
        # Where the defaults are best nothing is gained, and nothing varies.
        t = gain.t if np.isfinite(gain.t) else 0.0
        params = dict(best.user_attrs["params"])
        return TargetSearch(
            params=params,
            adopted=bool(params) and t > ADOPT_T,
            default_score=float(np.nanmean(_series(default))),
            best_score=float(np.nanmean(_series(best))),
            t=t,
            trials=len(study.trials),
            pruned=len(study.trials) - len(complete),
        )


def _is_default(trial: optuna.trial.FrozenTrial) -> bool:
    return bool(trial.user_attrs.get("defaults"))


def _is_scored(trial: optuna.trial.FrozenTrial) -> bool:
    return trial.value is not None and "scores" in trial.user_attrs


def _series(trial: optuna.trial.FrozenTrial) -> FloatArray:
    return np.array([np.nan if x is None else x for x in trial.user_attrs["scores"]], dtype=np.float64)
