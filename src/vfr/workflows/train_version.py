"""From a walk to a stored version: calibrate, judge, write down, settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TypedDict

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import TrainingFailed
from vfr.models.calibrated import Calibrated
from vfr.models.learner import Params
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.models.prediction import ModelCard, ModelStore
from vfr.typing import TARGETS, Horizon, Target
from vfr.validation.gates import Verdict, judge
from vfr.workflows.promotion import StopAt, settle
from vfr.workflows.train_calibrate import calibrate
from vfr.workflows.train_card import finite, make_card
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_jobs import Walked
from vfr.workflows.train_judge import Served, figures, serve
from vfr.workflows.train_parity import Section, check
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_record import FILE, record
from vfr.workflows.train_report import Trained
from vfr.workflows.train_walk import Refit, Task
from vfr.workflows.tuning import Tuned

__all__ = ["Made", "Run", "make_version"]


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """What all versions of a training run share.

    `sections` are raw cross-sections of the history, in which stored artifacts are held to what was trained; `stop_at`
    is where a version that passes every gate ends; `evidence` returns the id of a report on a data version and horizon.
    """

    snapshot: Snapshot
    store: ModelStore
    inputs: Inputs
    recipe: Recipe
    seed: int
    who: str
    historical: bool
    stop_at: StopAt
    override_rows: str
    evidence: Callable[[str, Horizon], str | None]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A version that was stored, and its out-of-fold predictions."""

    trained: Trained
    served: Served


def make_version(run: Run, labelled: Targets, member: str, walked: Walked, tuned: Tuned | None) -> Made:
    """Make, judge and store the version of a member at a horizon.

    Raises
    ------
    TrainingFailed
        If there is too little data for a walk-forward with calibration.
    """
    refit, sessions = walked.whole, run.snapshot.sessions
    served = serve(run.inputs, labelled, walked.walk, run.recipe)
    calibrated = calibrate(run.inputs, labelled, walked.walk, sessions.size, run.recipe)
    if refit is None or calibrated is None or not np.isfinite(served.rank).any():
        raise TrainingFailed(
            f"{labelled.labels.horizon}: {sessions.size} sessions are too few for a walk-forward with calibration; "
            "import a longer history"
        )
    final = _member(member, refit, calibrated)
    files = final.files(run.inputs.sample)
    files[FILE] = record(labelled, served.prediction, served.rank, sessions).to_bytes()
    card = make_card(
        run.snapshot,
        run.inputs,
        run.recipe,
        labelled,
        member,
        refit,
        files,
        seed=run.seed,
        folds=walked.walk.refits,
        training_seconds=walked.seconds,
        evidence=run.evidence(run.snapshot.version, labelled.labels.horizon),
        **_learned_with(run, labelled, member, refit, tuned),
    )
    verdict = _judge(run, labelled, served, final, card, files, walked)
    card = replace(card, metrics=finite(verdict[1]), gates=verdict[0].to_dict())
    kept = (
        _keep_refits(run, labelled, member, walked, served, card, tuned) if verdict[0].passed and run.historical else 0
    )
    status = settle(run.store, run.store.save(card, files), verdict[0], who=run.who, stop_at=run.stop_at)
    trained = Trained(
        model_id=card.model_id,
        member=member,
        horizon=card.horizon,
        status=status,
        refused=verdict[0].refused,
        historical=kept,
        n_rows=refit.n_rows,
        labels_end=card.labels_end,
        metrics=card.metrics,
        gates=card.gates,
        seconds=walked.seconds,
    )
    return Made(trained, served)


def _member(name: str, refit: Refit, calibrated: Calibrated) -> Member:
    return Member(name, refit.direction, refit.excess, refit.design, calibrated)


class _LearnedWith(TypedDict):
    used: Mapping[Target, Params]
    tuning: Mapping[str, object] | None


def _learned_with(run: Run, labelled: Targets, member: str, refit: Refit, tuned: Tuned | None) -> _LearnedWith:
    """Return the hyper-parameters of a refit and where they come from; a fold before a search does without it."""
    learner = LEARNERS[member]
    task = Task(run.inputs, labelled, learner, run.recipe, run.seed, tuned)
    found = {target: task.params(target, refit.fold) for target in TARGETS}
    used = {target: {**learner.params(refit.n_rows, target), **(found[target] or {})} for target in TARGETS}
    if tuned is None:
        return {"used": used, "tuning": None}
    source = f"vfr tune, labels until {tuned.until}" if any(found.values()) else "defaults"
    return {"used": used, "tuning": {"trials": tuned.trials, "source": source}}


def _judge(
    run: Run,
    labelled: Targets,
    served: Served,
    final: Member,
    card: ModelCard,
    files: Mapping[str, bytes],
    walked: Walked,
) -> tuple[Verdict, dict[str, float]]:
    found = figures(run.inputs, labelled, served, training_rows=card.n_rows)
    checked = check(run.inputs, final, card, files, run.sections, walked.walk)
    return judge(replace(found, **asdict(checked)), override_rows=run.override_rows), dict(found.metrics)


def _keep_refits(
    run: Run,
    labelled: Targets,
    member: str,
    walked: Walked,
    served: Served,
    card: ModelCard,
    tuned: Tuned | None,
) -> int:
    """Store every calibrated refit for requests about the past; return how many."""
    kept = 0
    for refit, calibrated in zip(walked.walk.refits, served.calibrations, strict=True):
        if calibrated is None:
            continue
        files = _member(member, refit, calibrated).files(run.inputs.sample)
        # The calibration may have seen outcomes later than the last training label: both ended before the test span.
        end = str(run.snapshot.sessions[int(refit.fold.test[0]) - 1])
        about = _learned_with(run, labelled, member, refit, tuned)
        own = make_card(run.snapshot, run.inputs, run.recipe, labelled, member, refit, files, seed=run.seed, **about)
        run.store.save(replace(own, status="historical", labels_end=end, gates={"judged_with": card.model_id}), files)
        kept += 1
    return kept
