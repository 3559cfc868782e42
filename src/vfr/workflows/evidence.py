"""Evidence: the whole report of how well the learners, or the classic score, did out of sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from typing import Any, TypedDict, Unpack

import numpy as np

from vfr.data.coverage import survivorship, survivorship_text
from vfr.data.snapshot import Snapshot
from vfr.errors import InvalidField
from vfr.models.learner import MOST_SEED
from vfr.typing import HORIZONS, Horizon
from vfr.workflows import evidence_tables as tables
from vfr.workflows.development import development
from vfr.workflows.evidence_against import OutsideScores
from vfr.workflows.evidence_draft import Draft, Held, hold, tables_of
from vfr.workflows.evidence_filing import About, ReportStore
from vfr.workflows.evidence_report import EvidenceReport, Table
from vfr.workflows.ledger import Ledger
from vfr.workflows.train import Progress, fit_here
from vfr.workflows.train_jobs import Compute, Threads
from vfr.workflows.train_recipe import DEFAULT, Recipe
from vfr.workflows.tuning import TuningStore

__all__ = ["Options", "evidence", "evidence_reports"]

_MOST_SEEDS = 50


class Options(TypedDict, total=False):
    """What `evidence_reports` takes beside data and horizons."""

    members: Sequence[str] | None
    classic: bool
    release: bool
    start: np.datetime64 | None
    seed: int
    seeds: int
    ablate: Sequence[str]
    replay: bool
    against: OutsideScores | None
    compute: Compute | None
    tuning: TuningStore | None
    progress: Progress | None
    ledger: Ledger | None
    reports: ReportStore | None
    commit: str
    recipe: Recipe


def evidence(snapshot: Snapshot, *, horizon: Horizon = "7d", **options: Unpack[Options]) -> EvidenceReport:
    """Return the report of one horizon; see `evidence_reports`, which also says what `options` there are."""
    [report] = evidence_reports(snapshot, horizons=(horizon,), **options)
    return report


def evidence_reports(
    snapshot: Snapshot,
    *,
    horizons: Sequence[Horizon] = ("7d",),
    members: Sequence[str] | None = None,
    classic: bool = False,
    release: bool = False,
    start: np.datetime64 | None = None,
    seed: int = 0,
    seeds: int = 1,
    ablate: Sequence[str] = (),
    replay: bool = False,
    against: OutsideScores | None = None,
    compute: Compute | None = None,
    tuning: TuningStore | None = None,
    progress: Progress | None = None,
    ledger: Ledger | None = None,
    reports: ReportStore | None = None,
    commit: str = "",
    recipe: Recipe = DEFAULT,
) -> tuple[EvidenceReport, ...]:
    """Walk forward, calibrate with what was known, and report out of sample, one report for each horizon.

    Parameters
    ----------
    snapshot : Snapshot
    horizons : sequence of Horizon
        Their walks are fitted as one pool of jobs.
    members : sequence of str, optional
        Learners, by default all that can be fitted here; their equal-weight average is reported first.
    classic : bool
        Judge the classic score by the same report instead of the learners.
    release : bool
        Read outcomes after 2017 too. Every such run is counted in the ledger.
    start : datetime64[D], optional
        Leave out earlier sessions from the report (not from training).
    seed : int
    seeds : int
        Fit everything this many times, from `seed` on, and report the spread; it multiplies the cost.
    ablate : sequence of str
        Families of features, or "family" for each of them: fit the cheap members again without one at a time.
    replay : bool
        Break each member half-way, and report how soon it is found and loses its weight.
    against : OutsideScores, optional
        Somebody else's scores, judged beside the models on the same rows.
    compute : Compute, optional
        Where folds are fitted; two threads of this process by default.
    tuning : TuningStore, optional
        Hyper-parameters found by `vfr.workflows.tune.tune` are used by every fold later than their search.
    progress : callable, optional
    ledger : Ledger, optional
        Where the run is recorded, one row for each report; `commit` names the code version in it.
    reports : ReportStore, optional
        Where finished reports are kept; the row of the ledger names each.

    Raises
    ------
    InvalidField
        If there is no horizon, a member has no learner, a family is unknown, an outside score cannot be used, `start`
        is after all that is judged, a seed is none, or an option does not go with `classic`.
    TrainingFailed
        If there is too little data for a walk-forward with calibration.
    NoData
        If nothing is left to judge.
    """
    cut, mode = development(snapshot, release=release)
    tell = progress or (lambda _stage, _fraction: None)
    horizons = tuple(dict.fromkeys(horizons))
    _check(classic=classic, seed=seed, seeds=seeds, ablate=ablate, replay=replay, against=against)
    if not horizons:
        raise InvalidField("horizon", f"name at least one of {', '.join(HORIZONS)}")
    if start is not None and start > cut.sessions[-1]:
        raise InvalidField("start", f"{start} is after the last session that is judged, {cut.sessions[-1]}")
    configuration: dict[str, Any] = {
        "seed": seed,
        "seeds": seeds,
        "ablate": list(ablate),
        "replay": replay,
        "start": None if start is None else str(start),
        "against": None if against is None else against.name,
        "recipe": asdict(recipe),
    }
    drafts: Iterator[Draft]
    if classic:
        from vfr.workflows.evidence_classic import classic_drafts

        drafts = classic_drafts(cut, horizons=horizons, start=start, mode=mode, seed=seed, tell=tell)
    else:
        from vfr.workflows.evidence_learned import Asked, learned

        chosen, left_out = fit_here(members)
        asked = Asked(
            horizons=horizons,
            members=chosen,
            compute=compute or Threads(2),
            recipe=recipe,
            seed=seed,
            seeds=seeds,
            ablate=tuple(ablate),
            replay=replay,
            start=start,
            against=against,
            tuning=tuning,
            left_out=left_out,
        )
        configuration["members"] = list(chosen)
        drafts = learned(cut, asked, mode=mode, tell=tell)
    entry = {"kind": "evidence", "classic": classic, "commit": commit, "version": metadata.version("vfr")}
    found = _finish(cut, drafts, entry | {"configuration": configuration}, ledger, reports, seed)
    tell("done", 1.0)
    return found


def _check(
    *, classic: bool, seed: int, seeds: int, ablate: Sequence[str], replay: bool, against: OutsideScores | None
) -> None:
    if not 1 <= seeds <= _MOST_SEEDS:
        raise InvalidField("seeds", f"must be 1 to {_MOST_SEEDS}, got {seeds}")
    if not 0 <= seed <= MOST_SEED - _MOST_SEEDS:
        raise InvalidField("seed", f"must be 0 to {MOST_SEED - _MOST_SEEDS:,}, got {seed}")
    for field, given in {
        "seeds": seeds > 1,
        "ablate": bool(ablate),
        "replay": replay,
        "against": against is not None,
    }.items():
        if classic and given:
            raise InvalidField(field, "does not go with the classic score, which is not fitted; leave one of them out")


def _finish(
    snapshot: Snapshot,
    drafts: Iterator[Draft],
    entry: Mapping[str, Any],
    ledger: Ledger | None,
    reports: ReportStore | None,
    seed: int,
) -> tuple[EvidenceReport, ...]:
    """Hold portfolios, add what concerns all horizons, and record and keep every report."""
    from vfr.workflows.evidence_portfolio import LEDGER_KEY

    made = [(draft, hold(draft)) for draft in drafts]
    entries = _whole(ledger, [{LEDGER_KEY: held.sharpes} for _, held in made])
    shared = _shared(made)
    found = []
    for draft, held in made:
        report = _report(snapshot, draft, (*tables_of(draft, held, np.random.default_rng(seed), entries), *shared))
        about = _about(snapshot, draft, judged="classic" if entry["classic"] else "learners")
        report_id = None if reports is None else reports.name(report, about)
        if ledger is not None:
            figures = {"facts": report.to_dict()["facts"], "rank_ic": report.table("Rank IC").to_dict()["rows"]}
            ledger.append({**entry, "report": report_id, LEDGER_KEY: held.sharpes, **figures})
        if reports is not None and report_id is not None:
            reports.save(report_id, report, about)
        found.append(report)
    return tuple(found)


def _whole(ledger: Ledger | None, own: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]] | None:
    """Return the entries of every run, this one's with them; None where there is no ledger or it is not whole."""
    if ledger is None or ledger.problems():
        return None
    return [*ledger.entries(), *own]


def _shared(made: Sequence[tuple[Draft, Held]]) -> tuple[Table, ...]:
    from vfr.workflows.evidence_selection import overfitting_of_all

    portfolios = {name: found for _, held in made for name, found in held.portfolios.items()}
    outside = {name for draft, _ in made for name in draft.outside}
    return (overfitting_of_all(portfolios, outside),) if len(portfolios) > 1 else ()


def _report(snapshot: Snapshot, draft: Draft, more: Sequence[Table]) -> EvidenceReport:
    """Add portfolios, and how many index members the data prices: whatever a report says, it says of those."""
    years = survivorship(snapshot)
    facts = {**draft.facts, "survivorship": survivorship_text(years)}
    priced = (tables.members_priced(years),) if years else ()
    return EvidenceReport(facts, (*draft.tables, *more, *draft.last, *priced))


def _about(snapshot: Snapshot, draft: Draft, judged: str) -> About:
    return About(snapshot.name, snapshot.version, draft.study.horizon, judged, str(draft.facts["mode"]))
