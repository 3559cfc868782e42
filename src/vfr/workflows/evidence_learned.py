"""Evidence on the learners: one pool of walks over every horizon, then a draft of the report of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField
from vfr.typing import BoolArray, FloatArray, Horizon
from vfr.validation.gates import GateFigures
from vfr.workflows import evidence_against as against
from vfr.workflows import evidence_direction as direction
from vfr.workflows import evidence_excess as excess
from vfr.workflows import evidence_ranks as ranks
from vfr.workflows import evidence_selection as selection
from vfr.workflows import evidence_tables as tables
from vfr.workflows import evidence_variants as variants
from vfr.workflows.compiling import features_stage
from vfr.workflows.evidence_calibrators import calibrators
from vfr.workflows.evidence_data import AVERAGE, Ranked, Study
from vfr.workflows.evidence_draft import Draft
from vfr.workflows.evidence_ensemble import ensemble
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.evidence_study import exposures_of, facts_of, study_of
from vfr.workflows.train import Progress, jobs_for
from vfr.workflows.train_data import Inputs, Targets, counting, prepare, targets
from vfr.workflows.train_jobs import Compute, run_walks
from vfr.workflows.train_judge import Served, figures, serve
from vfr.workflows.train_recipe import Recipe
from vfr.workflows.train_walk import Walk
from vfr.workflows.tuning import TuningStore

__all__ = ["Asked", "learned"]

_FITTED: Final = 0.8
"""Fraction of a run that fits take, after features and before tables."""

_ENOUGH: Final = 0.9
"""Share of the judged cells a reference must score to hold portfolios: all choose from names that every score knows."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run of evidence on learners was asked for; see `vfr.workflows.evidence.evidence_reports`."""

    horizons: tuple[Horizon, ...]
    members: tuple[str, ...]
    compute: Compute
    recipe: Recipe
    seed: int = 0
    seeds: int = 1
    ablate: tuple[str, ...] = ()
    replay: bool = False
    start: np.datetime64 | None = None
    against: against.OutsideScores | None = None
    tuning: TuningStore | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class _Prepared:
    """Inputs of a run: shared by every horizon, seed and family."""

    snapshot: Snapshot
    inputs: Inputs
    labelled: Mapping[Horizon, Targets]
    exposures: Mapping[str, FloatArray]
    mode: str


@dataclass(frozen=True, slots=True, eq=False)
class _Walked:
    """Everything that was fitted: walks, ranks of the walks of further seeds, walks without a family."""

    walks: Mapping[tuple[Horizon, str], Walk]
    seeds: Sequence[Mapping[tuple[Horizon, str], FloatArray]]
    ablated: Mapping[str, Mapping[tuple[Horizon, str], Walk]]


def learned(snapshot: Snapshot, asked: Asked, *, mode: str, tell: Progress) -> Iterator[Draft]:
    """Fit every walk that was asked for, then yield the draft of each horizon's report.

    Raises
    ------
    InvalidField
        If an outside score, or a family to leave out, cannot be used; before anything is fitted.
    TrainingFailed
        If there is too little data for a walk-forward with calibration.
    """
    from vfr.features import compute as features

    references = {h: _reference(asked, snapshot, h) for h in asked.horizons}
    tell(features_stage(), 0.0)
    matrix = features(snapshot)
    counts, _ = counting(snapshot)
    prepared = _Prepared(
        snapshot=snapshot,
        inputs=prepare(matrix, snapshot.panel.trading()),
        labelled={h: targets(snapshot, h, counts) for h in asked.horizons},
        exposures=exposures_of(matrix, counts),
        mode=mode,
    )
    del matrix
    walked = _walk(prepared, asked, tell)
    for number, horizon in enumerate(asked.horizons):
        tell(f"tables {horizon}", 0.05 + _FITTED + (0.95 - _FITTED) * number / len(asked.horizons))
        yield _draft(prepared, asked, walked, horizon, references[horizon])


def _reference(asked: Asked, snapshot: Snapshot, horizon: Horizon) -> Ranked | None:
    if asked.against is None:
        return None
    found = against.placed(asked.against, snapshot, horizon)
    taken = found.name in {AVERAGE, "model", *asked.members}  # "model" heads a column
    return Ranked(f"outside {found.name}", found.rank) if taken else found


def _walk(prepared: _Prepared, asked: Asked, tell: Progress) -> _Walked:
    """Fit the walks of the report, of further seeds, and without each family that is to be left out."""
    families, cheap = _to_ablate(asked, prepared.inputs)
    seeds = range(asked.seed + 1, asked.seed + asked.seeds)
    fits = asked.seeds * len(asked.members) + len(families) * len(cheap)
    done = 0

    def run(inputs: Inputs, members: tuple[str, ...], seed: int, what: str) -> Mapping[tuple[Horizon, str], Walk]:
        nonlocal done
        found = _run(prepared, asked, inputs, members, seed, _part(tell, what, done / fits, len(members) / fits))
        done += len(members)
        return found

    walks = run(prepared.inputs, asked.members, asked.seed, "")
    again = [run(prepared.inputs, asked.members, seed, f", seed {seed}") for seed in seeds]
    ablated = {
        family: run(variants.without(prepared.inputs, family), cheap, asked.seed, f", without {family}")
        for family in families
    }
    return _Walked(walks, [{key: walk.rank for key, walk in found.items()} for found in again], ablated)


def _run(
    prepared: _Prepared, asked: Asked, inputs: Inputs, members: tuple[str, ...], seed: int, heard: Progress
) -> dict[tuple[Horizon, str], Walk]:
    jobs = jobs_for(
        prepared.snapshot,
        prepared.labelled,
        members,
        recipe=asked.recipe,
        seed=seed,
        tuning=asked.tuning,
        spec=inputs.spec,
    )
    found = run_walks(asked.compute, inputs, prepared.labelled, jobs, heard)
    return {key: walked.walk for key, walked in found.items()}


def _part(tell: Progress, what: str, begun: float, share: float) -> Progress:
    """Hear a part of all fits as its share of the run, in which fits take from 5 % to 85 %."""

    def heard(stage: str, fraction: float) -> None:
        tell(f"{stage}{what}", 0.05 + _FITTED * min(begun + share * fraction, 1.0))

    return heard


def _to_ablate(asked: Asked, inputs: Inputs) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the families to leave out and the members to fit without them."""
    if not asked.ablate:
        return (), ()
    cheap = tuple(member for member in variants.ABLATED if member in asked.members)
    if not cheap:
        raise InvalidField("ablate", f"fits {' and '.join(variants.ABLATED)} again; name one of them as a member")
    return variants.ablated_families(asked.ablate, inputs), cheap


def _draft(prepared: _Prepared, asked: Asked, walked: _Walked, horizon: Horizon, reference: Ranked | None) -> Draft:
    labelled = prepared.labelled[horizon]
    walks = {member: walked.walks[horizon, member] for member in asked.members}
    served = {member: serve(prepared.inputs, labelled, walk, asked.recipe) for member, walk in walks.items()}
    study = study_of(
        prepared.snapshot,
        prepared.inputs,
        labelled,
        served,
        prepared.exposures,
        horizon=horizon,
        start=asked.start,
        reference=reference,
        seed=asked.seed,
        recipe=asked.recipe,
    )
    body = [*_tables(study, reference), calibrators(study, labelled, walks, served, asked.recipe)]
    starts = walks[asked.members[0]].starts
    body += ensemble(study, prepared.snapshot, labelled, served, starts, broken=asked.replay)
    seeds = [_of_horizon(found, horizon) for found in walked.seeds]
    if seeds:
        base = {member: walk.rank for member, walk in walks.items()}
        body.append(variants.seed_spread(study, [variants.with_average(found) for found in (base, *seeds)]))
    if walked.ablated:
        body.append(_ablation(prepared, asked, walked, study))
    return Draft(
        study=study,
        snapshot=prepared.snapshot,
        facts=_facts(prepared, asked, study, labelled, reference),
        tables=tuple(body),
        last=(tables.gates(_judged(prepared, labelled, walks, served)),),
        scores=_scores(study, reference),
        seeds={
            f"{horizon} seed {asked.seed + number}": variants.with_average(found)
            for number, found in enumerate(seeds, start=1)
        },
        outside=frozenset() if reference is None else frozenset({reference.name}),
    )


def _of_horizon(found: Mapping[tuple[Horizon, str], FloatArray], horizon: Horizon) -> dict[str, FloatArray]:
    return {member: rank for (of, member), rank in found.items() if of == horizon}


def _tables(study: Study, reference: Ranked | None) -> list[Table]:
    body = [tables.rank_ic_table(study), tables.by_year(study)]
    if len(study.models) > 1:
        body.append(tables.paired(study))
    if reference is not None:
        body += against.gains(study, reference)
    body += [ranks.neutralised(study), ranks.decay(study), ranks.quantile_returns(study), *ranks.correlations(study)]
    body += [
        direction.direction(study),
        direction.reliability(study),
        direction.accuracy_against_coverage(study),
        excess.excess(study),
        *excess.excess_probability(study),
        excess.confidence_deciles(study),
        excess.intervals(study),
        selection.superior_ability(study, reference),
    ]
    return body


def _ablation(prepared: _Prepared, asked: Asked, walked: _Walked, study: Study) -> Table:
    labelled = prepared.labelled[study.horizon]
    found = {
        (member, family): serve(prepared.inputs, labelled, walk, asked.recipe)
        for family, walks in walked.ablated.items()
        for (horizon, member), walk in walks.items()
        if horizon == study.horizon
    }
    order = sorted(found, key=lambda key: variants.ABLATED.index(key[0]))
    return variants.ablation(study, {key: found[key] for key in order}, prepared.inputs)


def _judged(
    prepared: _Prepared, labelled: Targets, walks: Mapping[str, Walk], served: Mapping[str, Served]
) -> dict[str, GateFigures]:
    rows = {member: max((refit.n_rows for refit in walk.refits), default=0) for member, walk in walks.items()}
    return {member: figures(prepared.inputs, labelled, served[member], training_rows=rows[member]) for member in walks}


def _facts(
    prepared: _Prepared, asked: Asked, study: Study, labelled: Targets, reference: Ranked | None
) -> dict[str, Cell]:
    last = int(np.flatnonzero(study.cells.any(axis=1))[-1])
    design = prepared.inputs.design_at(last)
    facts = facts_of(
        prepared.snapshot,
        study,
        labelled.labels,
        mode=prepared.mode,
        seed=asked.seed,
    )
    facts |= {
        "features": f"{len(design.ranked)} ranked, {len(design.market)} market ({prepared.inputs.spec[:8]})",
        "members": ", ".join(asked.members),
    }
    if asked.left_out:
        facts["left out"] = "; ".join(f"{member}: {reason}" for member, reason in asked.left_out.items())
    if asked.seeds > 1:
        facts["seeds"] = asked.seeds
    if reference is not None:
        facts["against"] = reference.name
        facts["coverage of the reference"] = _covered(study.cells, reference)
    return facts


def _covered(cells: BoolArray, reference: Ranked) -> float:
    return float(np.isfinite(reference.rank)[cells].mean())


def _scores(study: Study, reference: Ranked | None) -> dict[str, FloatArray]:
    scores = {model.name: model.rank for model in study.models}
    if reference is not None and _covered(study.cells, reference) >= _ENOUGH:
        scores[reference.name] = reference.rank
    return scores
