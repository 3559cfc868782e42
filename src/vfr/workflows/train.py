"""Train every member at every horizon, judge it out of fold, and promote what passes the gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from vfr.clock import elapsed_ms
from vfr.data.coverage import survivorship
from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField
from vfr.models.learner import MOST_SEED
from vfr.models.learners import LEARNERS
from vfr.models.prediction import ModelStore
from vfr.typing import HORIZONS, Horizon
from vfr.validation.splits import matured
from vfr.workflows.compiling import features_stage
from vfr.workflows.train_card import peak_rss_mb
from vfr.workflows.train_data import Targets, counting, prepare, targets
from vfr.workflows.train_ensemble import EnsembleStore, fit_ensemble, replaces
from vfr.workflows.train_jobs import Compute, FoldJob, Threads, Walked, jobs_of, run_walks
from vfr.workflows.train_parity import sections
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.train_report import Trained, TrainReport
from vfr.workflows.train_version import Made, Run, make_version
from vfr.workflows.train_walk import folds_of, single_threaded_algebra
from vfr.workflows.tuning import Tuned, TuningStore

__all__ = ["Progress", "TrainReport", "Trained", "check", "fit_here", "jobs_for", "train"]

Progress: TypeAlias = Callable[[str, float], None]
"""Hears the stage and the fraction of the whole run that is done, 0 to 1."""

_FEATURES, _FITTED = 0.05, 0.9
"""Fractions of a run at which features, and all fits, are done."""


def train(
    snapshot: Snapshot,
    store: ModelStore,
    *,
    horizons: Sequence[Horizon] = ("1d", "7d", "30d"),
    members: Sequence[str] | None = None,
    as_of: np.datetime64 | None = None,
    seed: int = 0,
    compute: Compute | None = None,
    tuning: TuningStore | None = None,
    progress: Progress | None = None,
    who: str = "train",
    historical: bool = True,
    shadow: bool = False,
    override_rows: str = "",
    evidence: Callable[[str, Horizon], str | None] | None = None,
    ensembles: EnsembleStore | None = None,
    recipe: Recipe = DEFAULT,
) -> TrainReport:
    """Train, judge, store and promote.

    Each version is saved whole before its status changes: a killed run leaves the champions as they were, plus, at
    most, whole versions that are staged or answer requests about the past.

    Parameters
    ----------
    snapshot : Snapshot
    store : ModelStore
    horizons : sequence of Horizon
    members : sequence of str, optional
        Names of `vfr.models.learners.LEARNERS`; by default all that can be fitted here, the others are left out with
        their reason.
    as_of : datetime64[D], optional
        Train as on that evening; the versions answer requests about the past only.
    seed : int
        The same seed gives the same bytes, wherever and beside whatever the folds are fitted.
    compute : Compute, optional
        Where folds are fitted; two threads of this process by default.
    tuning : TuningStore, optional
        Hyper-parameters found by `vfr.workflows.tune.tune` are used by every fold later than their search.
    progress : callable, optional
    who : str
        Named in the log row of every promotion.
    historical : bool
        Whether the yearly walk-forward refits of what passes are kept for requests about the past.
    shadow : bool
        Stop at shadow what passes, instead of promoting it.
    override_rows : str
        Recorded reason for promoting on fewer than 10,000 training rows; empty refuses.
    evidence : callable, optional
        Returns the id of an evidence report on a data version and horizon, for the cards.
    ensembles : EnsembleStore, optional
        Takes, for each horizon, what the ensemble of the promoted members is served with.

    Raises
    ------
    InvalidField
        If a member that was named has no learner, or cannot be fitted here; if no horizon is named, or the seed is none
        that every learner takes.
    TrainingFailed
        If there is too little data for a walk-forward with calibration, or a fit fails.
    """
    from vfr.features import compute as features

    check(horizons, members, seed)
    chosen, skipped = fit_here(members)
    started = elapsed_ms()
    tell = progress or (lambda _stage, _fraction: None)
    tell(features_stage(), 0.0)
    cut = snapshot if as_of is None else snapshot.upto(as_of)
    inputs = prepare(features(cut), cut.panel.trading())
    counts, _ = counting(cut)
    labelled = {horizon: targets(cut, horizon, counts) for horizon in horizons}
    jobs = jobs_for(cut, labelled, chosen, recipe=recipe, seed=seed, tuning=tuning, spec=inputs.spec, with_whole=True)
    tell("folds", _FEATURES)
    walks = run_walks(
        compute or Threads(2),
        inputs,
        labelled,
        jobs,
        lambda stage, fraction: tell(stage, _FEATURES + (_FITTED - _FEATURES) * fraction),
    )
    run = Run(
        snapshot=cut,
        store=store,
        inputs=inputs,
        recipe=recipe,
        seed=seed,
        who=who,
        historical=historical,
        stop_at="historical" if cut.as_of < snapshot.as_of else "shadow" if shadow else "champion",
        override_rows=override_rows,
        evidence=evidence or (lambda _version, _horizon: None),
        sections=sections(cut, inputs, [job.split for job in jobs], max(LEARNERS[m].lookback for m in chosen), seed),
    )
    tuned = {(job.horizon, job.member): job.tuned for job in jobs}
    trained = []
    share = (1.0 - _FITTED) / len(labelled)
    for number, targeted in enumerate(labelled.values()):
        heard = _part(tell, _FITTED + number * share, share)
        trained += _versions(run, targeted, chosen, walks, tuned, ensembles, heard)
    tell("done", 1.0)
    seconds = elapsed_ms(started) / 1e3
    coverage = survivorship(cut)
    return TrainReport(
        cut.name, cut.version, inputs.spec, seed, seconds, tuple(trained), coverage, skipped, peak_rss_mb()
    )


def check(horizons: Sequence[Horizon], members: Sequence[str] | None, seed: int) -> None:
    """Refuse what cannot be trained, before anything is read.

    Raises
    ------
    InvalidField
        See `train`.
    """
    if not horizons:
        raise InvalidField("horizons", f"name at least one; choose from {', '.join(HORIZONS)}")
    for horizon in horizons:
        if horizon not in HORIZONS:
            raise InvalidField("horizons", f"no horizon is named {horizon!r}; choose from {', '.join(HORIZONS)}")
    if not 0 <= seed <= MOST_SEED:
        raise InvalidField("seed", f"must be 0 to {MOST_SEED:,}, got {seed}")
    fit_here(members)


def _versions(
    run: Run,
    labelled: Targets,
    members: Sequence[str],
    walks: Mapping[tuple[Horizon, str], Walked],
    tuned: Mapping[tuple[Horizon, str], Tuned | None],
    ensembles: EnsembleStore | None,
    tell: Progress,
) -> list[Trained]:
    """Make the versions of one horizon, then what their ensemble is served with."""
    horizon = labelled.labels.horizon
    made: list[Made] = []
    for number, member in enumerate(members):
        tell(f"gates {horizon} {member}", number / (len(members) + 1))
        key = (horizon, member)
        with single_threaded_algebra():  # Calibrations are sums too: the same bytes whatever else runs.
            made.append(make_version(run, labelled, member, walks[key], tuned[key]))
    promoted = {one.trained.member: one.served for one in made if one.trained.status == "champion"}
    if ensembles is not None and replaces(ensembles, run.snapshot.name, horizon, tuple(promoted)):
        tell(f"ensemble {horizon}", len(members) / (len(members) + 1))
        with single_threaded_algebra():
            ensembles.save(fit_ensemble(run.snapshot, labelled, promoted, walks[horizon, members[0]].walk.starts))
    return [one.trained for one in made]


def _part(tell: Progress, begun: float, share: float) -> Progress:
    return lambda stage, fraction: tell(stage, begun + share * fraction)


def fit_here(members: Sequence[str] | None) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the members to fit, and why others of the default are left out.

    Raises
    ------
    InvalidField
        If a member that was named has no learner, or cannot be fitted here.
    """
    lacking = {name: reason for name, learner in LEARNERS.items() if (reason := learner.unavailable()) is not None}
    if members is None:
        return tuple(name for name in LEARNERS if name not in lacking), lacking
    for member in members:
        if member not in LEARNERS:
            raise InvalidField("members", f"{member} has no learner; choose from {', '.join(LEARNERS)}")
        if member in lacking:
            raise InvalidField("members", f"{member}: {lacking[member]}")
    if not members:
        raise InvalidField("members", f"name at least one; choose from {', '.join(LEARNERS)}")
    return tuple(dict.fromkeys(members)), {}


def jobs_for(
    snapshot: Snapshot,
    labelled: Mapping[Horizon, Targets],
    members: Sequence[str],
    *,
    recipe: Recipe,
    seed: int,
    tuning: TuningStore | None,
    spec: str,
    with_whole: bool = False,
) -> list[FoldJob]:
    """Return every fold of every member at every horizon, and, if asked, the refits on everything."""
    rows = np.arange(snapshot.sessions.size)
    jobs = []
    for horizon, target in labelled.items():
        span = target.labels.span
        folds = folds_of(snapshot.sessions, span, recipe)
        whole = matured(rows, span, rows.size) if with_whole else None
        for member in members:
            tuned = _tuned(snapshot, tuning, horizon, member, spec)
            jobs += jobs_of(horizon, member, folds, whole, recipe=recipe, seed=seed, tuned=tuned)
    return jobs


def _tuned(snapshot: Snapshot, tuning: TuningStore | None, horizon: Horizon, member: str, spec: str) -> Tuned | None:
    """Return what a search found; one made with other features says nothing about these."""
    found = None if tuning is None else tuning.found(snapshot.name, horizon, member)
    return found if found is not None and found.feature_spec == spec else None
