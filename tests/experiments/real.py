"""Both scores of real stocks, out of sample, with what came: members fitted walk-forward, blended as served."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vfr.adapters.providers.files import FilesProvider
from vfr.ensemble.fit import apply_stages
from vfr.experiments.analysis import Paired
from vfr.factors.compute import score
from vfr.factors.transforms import percentile
from vfr.features import compute as features
from vfr.scoring.blend import blend
from vfr.scoring.composite import combine
from vfr.typing import Horizon
from vfr.workflows.train import jobs_for
from vfr.workflows.train_data import counting, prepare, targets
from vfr.workflows.train_ensemble import fit_ensemble, out_of_fold
from vfr.workflows.train_jobs import Compute, run_walks
from vfr.workflows.train_judge import serve
from vfr.workflows.train_recipe import STARTER


def paired_scores(
    folder: Path, horizons: Sequence[Horizon], members: Sequence[str], compute: Compute, weight: float
) -> dict[Horizon, Paired]:
    """Return the classic score and its blend with the members' learned weights, by horizon, on index members."""
    snapshot = FilesProvider(folder).load()[0]
    inputs = prepare(features(snapshot), snapshot.panel.trading())
    counts, _ = counting(snapshot)
    labelled = {h: targets(snapshot, h, counts) for h in horizons}
    jobs = jobs_for(snapshot, labelled, members, recipe=STARTER, seed=0, tuning=None, spec=inputs.spec)
    walks = run_walks(compute, inputs, labelled, jobs)
    rows = np.arange(min(int(walked.walk.starts[0]) for walked in walks.values()), snapshot.sessions.size)
    scored = score(snapshot, rows)
    classic = combine(scored.score, scored.market_cap, scored.names).composite
    made: dict[Horizon, Paired] = {}
    for horizon, labels in labelled.items():
        served = {m: serve(inputs, labels, walks[horizon, m].walk, STARTER) for m in members}
        record = out_of_fold(snapshot, labels, served)
        starts = walks[horizon, members[0]].walk.starts
        answer = apply_stages(fit_ensemble(snapshot, labels, served, starts), record, starts)["dynamic"]
        known = np.isfinite(answer.confidence[rows]) & record.cells[rows]
        ml = percentile(answer.expected[rows], None, min_group=1)
        mixed = blend(classic, ml, answer.confidence[rows], weight, 0.5).composite
        made[horizon] = Paired(horizon, snapshot.sessions[rows], classic, mixed, labels.labels.excess[rows], known)
    return made
