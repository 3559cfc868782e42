"""Train every member at every horizon, judge it out of fold, and promote what passes the gates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

import numpy as np

from vfr.clock import elapsed_ms
from vfr.data.coverage import YearCoverage, survivorship, survivorship_text
from vfr.data.snapshot import Snapshot
from vfr.errors import ArtifactCorrupt, InvalidField, TrainingFailed
from vfr.models.calibrated import Calibrated
from vfr.models.learners import LEARNERS
from vfr.models.member import Member, open_member
from vfr.models.prediction import ModelCard, ModelStore
from vfr.typing import Horizon
from vfr.validation.gates import Verdict, judge
from vfr.validation.splits import Fold, matured
from vfr.workflows.train_calibrate import calibrate
from vfr.workflows.train_card import finite, make_card
from vfr.workflows.train_data import Inputs, Targets, counting, prepare, targets
from vfr.workflows.train_judge import Served, figures, serve
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.train_walk import Refit, Task, Walk, fit_refit, folds_of, single_threaded_algebra, walk

__all__ = ["Progress", "TrainReport", "Trained", "train"]

Progress: TypeAlias = Callable[[str, float], None]
"""Hears the stage and the fraction of the whole run that is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One member at one horizon: its version, what became of it, and why."""

    model_id: str
    member: str
    horizon: Horizon
    status: str
    refused: tuple[str, ...]
    historical: int
    n_rows: int
    labels_end: str
    metrics: Mapping[str, object]
    gates: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TrainReport:
    """What a training run did."""

    data_name: str
    data_version: str
    feature_spec: str
    seed: int
    seconds: float
    trained: tuple[Trained, ...]
    coverage: tuple[YearCoverage, ...] = ()

    @property
    def survivorship(self) -> str:
        """How many index members the data prices, in one line."""
        return survivorship_text(self.coverage)

    def to_dict(self) -> dict[str, object]:
        """Return the report for JSON."""
        rows = [
            {
                "modelId": t.model_id,
                "member": t.member,
                "horizon": t.horizon,
                "status": t.status,
                "refused": list(t.refused),
                "historicalVersions": t.historical,
                "trainingRows": t.n_rows,
                "labelsEnd": t.labels_end,
                "metrics": dict(t.metrics),
                "gates": dict(t.gates),
            }
            for t in self.trained
        ]
        return {
            "dataName": self.data_name,
            "dataVersion": self.data_version,
            "featureSpec": self.feature_spec,
            "seed": self.seed,
            "seconds": round(self.seconds, 1),
            "survivorship": self.survivorship,
            "membersPriced": [asdict(year) for year in self.coverage],
            "models": rows,
        }


@dataclass(frozen=True, slots=True, eq=False)
class _Run:
    snapshot: Snapshot
    store: ModelStore
    inputs: Inputs
    recipe: Recipe
    seed: int
    threads: int
    who: str
    historical: bool
    dated: bool
    override_rows: str


def train(
    snapshot: Snapshot,
    store: ModelStore,
    *,
    horizons: Sequence[Horizon] = ("1d", "7d", "30d"),
    members: Sequence[str] = ("lightgbm", "linear"),
    as_of: np.datetime64 | None = None,
    seed: int = 0,
    threads: int = 2,
    progress: Progress | None = None,
    who: str = "train",
    historical: bool = True,
    override_rows: str = "",
    recipe: Recipe = DEFAULT,
) -> TrainReport:
    """Train, judge, store and promote.

    Each version is saved whole before it is promoted in one log row: a killed run leaves the champions as they were,
    plus, at most, whole versions that are staged or answer requests about the past.

    Parameters
    ----------
    snapshot : Snapshot
    store : ModelStore
    horizons, members : sequences
        What to train; members are names of `vfr.models.learners.LEARNERS`.
    as_of : datetime64[D], optional
        Train as on that evening; the versions answer requests about the past only.
    seed, threads : int
        The same seed gives the same bytes, on any number of threads.
    progress : callable, optional
    who : str
        Named in the log row of every promotion.
    historical : bool
        Whether the yearly walk-forward refits of what passes are kept for requests about the past.
    override_rows : str
        Recorded reason for promoting on fewer than 10,000 training rows; empty refuses.

    Raises
    ------
    InvalidField
        If a member has no learner.
    TrainingFailed
        If there is too little data for a walk-forward with calibration.
    """
    from vfr.features import compute

    for member in members:
        if member not in LEARNERS:
            raise InvalidField("members", f"{member} has no learner; choose from {', '.join(LEARNERS)}")
    started = elapsed_ms()
    tell = progress or (lambda _stage, _fraction: None)
    tell("features", 0.0)
    cut = snapshot if as_of is None else snapshot.upto(as_of)
    inputs = prepare(compute(cut), cut.panel.trading())
    run = _Run(
        cut, store, inputs, recipe, seed, threads, who, historical, bool(cut.as_of < snapshot.as_of), override_rows
    )
    counts, _ = counting(cut)
    trained: list[Trained] = []
    jobs = [(horizon, member) for horizon in horizons for member in members]
    labelled = {horizon: targets(cut, horizon, counts) for horizon in horizons}
    for number, (horizon, member) in enumerate(jobs):

        def part(stage: str, fraction: float, number: int = number, job: str = f"{horizon} {member}") -> None:
            tell(f"{stage} {job}", 0.05 + 0.95 * (number + fraction) / len(jobs))

        trained.append(_train_one(run, labelled[horizon], member, part))
    tell("done", 1.0)
    seconds = elapsed_ms(started) / 1e3
    return TrainReport(cut.name, cut.version, inputs.spec, seed, seconds, tuple(trained), survivorship(cut))


def _train_one(run: _Run, labelled: Targets, member: str, tell: Progress) -> Trained:
    learner, span = LEARNERS[member], labelled.labels.span
    sessions = run.snapshot.sessions
    folds = folds_of(sessions, span, run.recipe)
    task = Task(run.inputs, labelled, learner, run.recipe, run.seed)
    done = walk(task, folds, threads=run.threads, done=lambda n: tell("fold", 0.9 * n / (len(folds) + 1)))
    served = serve(run.inputs, labelled, done, run.recipe)
    rows = matured(np.arange(sessions.size), span, sessions.size)
    calibrated = calibrate(run.inputs, labelled, done, sessions.size, run.recipe)
    if calibrated is None or not np.isfinite(served.rank).any():
        raise TrainingFailed(
            f"{labelled.labels.horizon}: {sessions.size} sessions are too few for a walk-forward with calibration; "
            "import a longer history"
        )
    last = Fold("all", rows, np.empty(0, dtype=np.int64))
    with single_threaded_algebra():
        refit = fit_refit(task, last)
    final = _member(member, refit, calibrated)
    files = final.files(run.inputs.sample)
    tell("gates", 0.95)
    card = make_card(run.snapshot, run.inputs, run.recipe, labelled, member, refit, files, seed=run.seed)
    verdict, numbers = _judge(run, labelled, served, final, card, files, refit)
    card = replace(card, metrics=finite(numbers), gates=verdict.to_dict())
    kept = _keep_refits(run, labelled, member, done, served, card) if verdict.passed and run.historical else 0
    status = _store(run, card, files, verdict)
    return Trained(
        card.model_id,
        member,
        card.horizon,
        status,
        verdict.refused,
        kept,
        refit.n_rows,
        card.labels_end,
        card.metrics,
        card.gates,
    )


def _member(name: str, refit: Refit, calibrated: Calibrated) -> Member:
    return Member(name, refit.direction, refit.excess, refit.design, calibrated)


def _judge(
    run: _Run,
    labelled: Targets,
    served: Served,
    final: Member,
    card: ModelCard,
    files: Mapping[str, bytes],
    refit: Refit,
) -> tuple[Verdict, dict[str, float]]:
    try:
        open_member(card, files)
        parity = True
    except ArtifactCorrupt:
        parity = False
    found = figures(
        run.inputs,
        labelled,
        served,
        training_rows=refit.n_rows,
        latency_ms=_latency(run, final),
        parity=parity,
    )
    return judge(found, override_rows=run.override_rows), dict(found.metrics)


def _latency(run: _Run, final: Member) -> float:
    """Return the median time of predicting one row, in milliseconds."""
    row = run.inputs.sample[:, :1]
    times = []
    for _ in range(15):
        start = elapsed_ms()
        final.predict(row)
        times.append(elapsed_ms(start))
    return float(np.median(times))


def _keep_refits(run: _Run, labelled: Targets, member: str, done: Walk, served: Served, card: ModelCard) -> int:
    """Store every calibrated refit for requests about the past; return how many."""
    kept = 0
    for refit, calibrated in zip(done.refits, served.calibrations, strict=True):
        if calibrated is None:
            continue
        files = _member(member, refit, calibrated).files(run.inputs.sample)
        # The calibration may have seen outcomes later than the last training label: both ended before the test span.
        last_row = int(refit.fold.test[0]) - 1
        own = make_card(run.snapshot, run.inputs, run.recipe, labelled, member, refit, files, seed=run.seed)
        end = str(run.snapshot.sessions[last_row])
        run.store.save(replace(own, status="historical", labels_end=end, gates={"judged_with": card.model_id}), files)
        kept += 1
    return kept


def _store(run: _Run, card: ModelCard, files: Mapping[str, bytes], verdict: Verdict) -> str:
    stored = run.store.save(card, files)
    if run.dated:
        if stored.status == "staged" and verdict.passed:
            run.store.set_status(stored.model_id, "historical", who=run.who, why="trained as of a past session")
            return "historical"
        return stored.status
    if verdict.passed and stored.status != "champion":
        run.store.set_status(stored.model_id, "champion", who=run.who, why="every gate passed")
    return "champion" if verdict.passed else stored.status
