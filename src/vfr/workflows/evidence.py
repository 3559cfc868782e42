"""Evidence: the whole report of how well the learners, or the classic score, did out of sample."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vfr.data.coverage import survivorship, survivorship_text
from vfr.data.snapshot import Snapshot
from vfr.errors import TrainingFailed
from vfr.typing import HORIZONS, BoolArray, Horizon
from vfr.validation.gates import GateFigures
from vfr.workflows import evidence_more as more
from vfr.workflows import evidence_tables as tables
from vfr.workflows.evidence_data import Judged, Study, average
from vfr.workflows.evidence_report import Cell, EvidenceReport
from vfr.workflows.ledger import Ledger
from vfr.workflows.train import Progress, fit_here, jobs_for
from vfr.workflows.train_data import Inputs, Targets, counting, prepare, targets
from vfr.workflows.train_jobs import Compute, Threads, run_walks
from vfr.workflows.train_judge import Served, base_rates, figures, serve
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.tuning import TuningStore

__all__ = ["DEVELOPMENT_END", "development", "evidence"]

DEVELOPMENT_END = np.datetime64("2017-12-31")
"""Development reads no outcome after this day; later ones belong to counted release runs."""


def evidence(
    snapshot: Snapshot,
    *,
    horizon: Horizon = "7d",
    members: Sequence[str] | None = None,
    classic: bool = False,
    release: bool = False,
    start: np.datetime64 | None = None,
    seed: int = 0,
    compute: Compute | None = None,
    tuning: TuningStore | None = None,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
    commit: str = "",
    recipe: Recipe = DEFAULT,
) -> EvidenceReport:
    """Walk forward, calibrate with what was known, and report out of sample.

    Parameters
    ----------
    snapshot : Snapshot
    horizon : Horizon
    members : sequence of str, optional
        Learners, by default all that can be fitted here; their equal-weight average is reported first.
    classic : bool
        Judge the classic score by the same report instead of the learners.
    release : bool
        Read outcomes after 2017 too. Every such run is counted in the ledger.
    start : datetime64[D], optional
        Leave out earlier sessions from the report (not from training).
    compute : Compute, optional
        Where folds are fitted; two threads of this process by default.
    tuning : TuningStore, optional
        Hyper-parameters found by `vfr.workflows.tune.tune` are used by every fold later than their search.
    ledger : Ledger, optional
        Where the run is recorded; `commit` names the code version in it.

    Raises
    ------
    InvalidField
        If a member has no learner.
    TrainingFailed
        If there is too little data for a walk-forward with calibration.
    NoData
        If nothing is left to judge.
    """
    cut, mode = development(snapshot, release=release)
    tell = progress or (lambda _stage, _fraction: None)
    if classic:
        from vfr.workflows.evidence_classic import classic_evidence

        report = classic_evidence(cut, horizon=horizon, start=start, mode=mode, seed=seed, tell=tell)
    else:
        report = _learned(
            cut,
            horizon=horizon,
            members=fit_here(members)[0],
            mode=mode,
            start=start,
            seed=seed,
            compute=compute or Threads(2),
            tuning=tuning,
            tell=tell,
            recipe=recipe,
        )
    report = _with_survivorship(report, cut)
    if ledger is not None:
        entry = {"kind": "evidence", "classic": classic, "commit": commit, "facts": report.to_dict()["facts"]}
        ledger.append(entry | {"rank_ic": report.table("Rank IC").to_dict()["rows"]})
    return report


def _with_survivorship(report: EvidenceReport, snapshot: Snapshot) -> EvidenceReport:
    """Add how many index members the data prices: whatever a report says, it says of those."""
    years = survivorship(snapshot)
    facts = {**report.facts, "survivorship": survivorship_text(years)}
    return EvidenceReport(facts, (*report.tables, tables.members_priced(years)) if years else report.tables)


def development(snapshot: Snapshot, *, release: bool) -> tuple[Snapshot, str]:
    """Cut a data set at the end of development, unless the run is a release run or too little lies before it."""
    if release:
        return snapshot, "release"
    before = int(np.searchsorted(snapshot.sessions, DEVELOPMENT_END, side="right"))
    if before < snapshot.sessions.size // 3:
        return snapshot, "all outcomes (most of the data lies after the development period)"
    return snapshot.upto(DEVELOPMENT_END), f"development (outcomes to {DEVELOPMENT_END})"


def _learned(
    snapshot: Snapshot,
    *,
    horizon: Horizon,
    members: tuple[str, ...],
    mode: str,
    start: np.datetime64 | None,
    seed: int,
    compute: Compute,
    tuning: TuningStore | None,
    tell: Progress,
    recipe: Recipe,
) -> EvidenceReport:
    from vfr.features import compute as features

    tell("features", 0.0)
    inputs = prepare(features(snapshot), snapshot.panel.trading())
    counts, is_membership = counting(snapshot)
    labelled = targets(snapshot, horizon, counts)
    jobs = jobs_for(snapshot, {horizon: labelled}, members, recipe=recipe, seed=seed, tuning=tuning, spec=inputs.spec)
    walks = run_walks(compute, inputs, {horizon: labelled}, jobs, lambda stage, part: tell(stage, 0.1 + 0.8 * part))
    served: dict[str, Served] = {}
    judged: dict[str, GateFigures] = {}
    for member in members:
        walk = walks[horizon, member].walk
        served[member] = serve(inputs, labelled, walk, recipe)
        rows = max((refit.n_rows for refit in walk.refits), default=0)
        judged[member] = figures(inputs, labelled, served[member], training_rows=rows)
    tell("tables", 0.9)
    study = _study(
        snapshot,
        inputs,
        labelled,
        served,
        horizon=horizon,
        start=start,
        is_membership=is_membership,
        seed=seed,
        recipe=recipe,
    )
    facts = _facts(snapshot, study, labelled, inputs, mode, is_membership, seed, members)
    report = _report(study, facts, judged)
    tell("done", 1.0)
    return report


def _study(
    snapshot: Snapshot,
    inputs: Inputs,
    labelled: Targets,
    served: dict[str, Served],
    *,
    horizon: Horizon,
    start: np.datetime64 | None,
    is_membership: bool,
    seed: int,
    recipe: Recipe,
) -> Study:
    from vfr.features.labels import make

    labels, h = labelled.labels, HORIZONS[horizon]
    models = [Judged(name, s.prediction, s.rank) for name, s in served.items()]
    if len(models) > 1:
        models.insert(0, average(served, recipe.level))
    base = base_rates(labelled)
    known = np.isfinite(labels.excess) & np.isfinite(base)
    for model in models:
        known &= np.isfinite(model.prediction.p_up) & np.isfinite(model.rank) & np.isfinite(model.prediction.low)
    if start is not None:
        known &= (snapshot.sessions >= start)[:, None]
    if not known.any():
        raise TrainingFailed(f"{snapshot.sessions.size} sessions are too few for a calibrated walk-forward")
    closes = make(snapshot.panel, horizon, basis="same_close").returns
    last = np.full(closes.shape, np.nan)
    last[h:] = np.where(np.isfinite(closes[:-h]), closes[:-h] > 0, np.nan)
    trailing = inputs.volatility[:, :, 0] / np.sqrt(252.0) if inputs.scale_features else np.full(known.shape, np.nan)
    return Study(
        horizon=horizon,
        sessions=snapshot.sessions,
        models=tuple(models),
        outcomes={f"{labels.basis} to {labels.basis}, from t+1": labels.returns, "close to close, from t": closes},
        excess=labels.excess,
        direction=labels.direction,
        base=base,
        last_sign=last,
        universes=_universes(labelled.counts, known, is_membership),
        volatility=trailing,
        rng=np.random.default_rng(seed),
    )


def _universes(counts: BoolArray, known: BoolArray, is_membership: bool) -> dict[str, BoolArray]:
    if not is_membership:
        return {"all names": known & counts}
    return {
        "members at t": known & counts,
        "all names (biased)": known,
        "non-members at t (biased)": known & ~counts,
    }


def _facts(
    snapshot: Snapshot,
    study: Study,
    labelled: Targets,
    inputs: Inputs,
    mode: str,
    is_membership: bool,
    seed: int,
    members: tuple[str, ...],
) -> dict[str, Cell]:
    rows = np.flatnonzero(study.cells.any(axis=1))
    design = inputs.design_at(int(rows[-1]))
    facts: dict[str, Cell] = {
        "data": f"{snapshot.name} ({snapshot.version[:12]})",
        "horizon": study.horizon,
        "mode": mode,
        "sessions judged": f"{snapshot.sessions[rows[0]]} to {snapshot.sessions[rows[-1]]} ({rows.size})",
        "label": f"adjusted {labelled.labels.basis} of t+1 to adjusted {labelled.labels.basis} of t+1+{study.h}",
        "features": f"{len(design.ranked)} ranked, {len(design.market)} market ({inputs.spec[:8]})",
        "members": ", ".join(members),
        "seed": seed,
        "names that count per session": float(study.cells[rows].sum(axis=1).mean()),
    }
    if is_membership and snapshot.membership is not None:
        size = snapshot.membership.index_size[rows].astype(np.float64)
        facts["coverage of true membership"] = float((study.cells[rows].sum(axis=1) / np.maximum(size, 1)).mean())
        facts["universe"] = "index members at t, as far as they are priced"
    else:
        facts["universe"] = "every priced name"
    return facts


def _report(study: Study, facts: dict[str, Cell], judged: dict[str, GateFigures]) -> EvidenceReport:
    body = [tables.rank_ic_table(study), tables.by_year(study)]
    if len(study.models) > 1:
        body.append(tables.paired(study))
    body += [
        tables.direction(study),
        tables.reliability(study),
        more.accuracy_against_coverage(study),
        more.excess(study),
        more.confidence_deciles(study),
        more.intervals(study),
        more.gates(judged),
    ]
    return EvidenceReport(facts, tuple(body))
