"""Put together what is judged: predictions and outcomes on the cells that count, exposures, and the facts of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import TrainingFailed
from vfr.factors.universe import FEW_MEMBERS
from vfr.features.labels import make
from vfr.features.matrix import FeatureMatrix, Labels
from vfr.features.peers import sector_numbers
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon
from vfr.workflows.evidence_data import Judged, Ranked, Study, average
from vfr.workflows.evidence_report import Cell
from vfr.workflows.train_data import Inputs, Targets
from vfr.workflows.train_judge import Served, base_rates
from vfr.workflows.train_metrics import excess_base_rates
from vfr.workflows.train_recipe import Recipe

__all__ = ["exposures_of", "facts_of", "last_signs", "members_known", "outcomes_of", "study_of", "universes_of"]

_SIZES: Final = ("log_market_cap", "dollar_volume_63")
"""Proxies of size, the better one first; used where known in half of the cells that count."""

_MIN_KNOWN: Final = 0.5


def study_of(
    snapshot: Snapshot,
    inputs: Inputs,
    labelled: Targets,
    served: Mapping[str, Served],
    exposures: Mapping[str, FloatArray],
    *,
    horizon: Horizon,
    start: np.datetime64 | None,
    reference: Ranked | None,
    seed: int,
    recipe: Recipe,
) -> Study:
    """Put the predictions of every member, and of their average, beside what came.

    Raises
    ------
    TrainingFailed
        If no cell has a calibrated prediction of every member and an outcome.
    """
    labels = labelled.labels
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
    daily = inputs.volatility[:, :, 0] / np.sqrt(252.0) if inputs.scale_features else np.full(known.shape, np.nan)
    outcomes = outcomes_of(snapshot, labels)
    return Study(
        horizon=horizon,
        sessions=snapshot.sessions,
        models=tuple(models),
        outcomes=outcomes,
        excess=labels.excess,
        direction=labels.direction,
        base=base,
        last_sign=last_signs(outcomes, HORIZONS[horizon]),
        universes=universes_of(snapshot, labelled.counts, known),
        volatility=daily,
        rng=np.random.default_rng(seed),
        excess_base=excess_base_rates(labelled),
        others=() if reference is None else (reference,),
        exposures=exposures,
        sectors=sector_numbers(snapshot.securities.sector),
    )


def outcomes_of(snapshot: Snapshot, labels: Labels) -> dict[str, FloatArray]:
    """Return returns [T x N] by basis: what a reader could earn first, then close to close from the same evening."""
    closes = make(snapshot.panel, labels.horizon, basis="same_close").returns
    return {f"{labels.basis} to {labels.basis}, from t+1": labels.returns, "close to close, from t": closes}


def last_signs(outcomes: Mapping[str, FloatArray], h: int) -> FloatArray:
    """Return [T x N]: 1 where the last return over h sessions was above 0, else 0, NaN where unknown."""
    closes = outcomes["close to close, from t"]
    last = np.full(closes.shape, np.nan)
    last[h:] = np.where(np.isfinite(closes[:-h]), closes[:-h] > 0, np.nan)
    return last


def members_known(snapshot: Snapshot) -> BoolArray:
    """Return the sessions, shape (T,), whose index members are known: those that `counting` counts members in."""
    if snapshot.membership is None:
        return np.zeros(snapshot.sessions.size, dtype=bool)
    priced = np.isfinite(snapshot.panel.adj_close)
    return np.asarray((snapshot.membership.member & priced).sum(axis=1) >= FEW_MEMBERS)


def universes_of(snapshot: Snapshot, counts: BoolArray, known: BoolArray) -> dict[str, BoolArray]:
    """Return cells [T x N] by name of the universe, the one that supports a claim first.

    Its name begins with members only where the members of every judged session are known.
    """
    with_members = members_known(snapshot)
    judged = (known & counts).any(axis=1)
    if not (with_members & judged).any():
        return {"all names": known & counts}
    silent = bool((judged & ~with_members).any())
    return {
        "all names where members are unknown, else members at t" if silent else "members at t": known & counts,
        "all names (biased)": known,
        "non-members at t (biased)": known & ~counts,
    }


def exposures_of(matrix: FeatureMatrix, counts: BoolArray) -> dict[str, FloatArray]:
    """Return beta, size and momentum [T x N] by name and proxy, known at each close, without those known too rarely.

    Parameters
    ----------
    matrix : FeatureMatrix
        Features of every session of the data.
    counts : bool array, shape (T, N)
        Cells that count.
    """

    def known(name: str) -> bool:
        return bool(np.isfinite(matrix.values[matrix.names.index(name)])[counts].mean() >= _MIN_KNOWN)

    size = next((name for name in _SIZES if known(name)), None)
    proxies = {"beta": "beta_252", "size": size, "momentum": "momentum_12_1"}
    return {
        f"{what} ({name})": matrix.values[matrix.names.index(name)].astype(np.float64)
        for what, name in proxies.items()
        if name is not None and known(name)
    }


def facts_of(snapshot: Snapshot, study: Study, labels: Labels, *, mode: str, seed: int) -> dict[str, Cell]:
    """Return what was judged: data, horizon, span, label and universe."""
    rows = np.flatnonzero(study.cells.any(axis=1))
    every = "" if study.stride == 1 else f", every {study.stride}th"
    facts: dict[str, Cell] = {
        "data": f"{snapshot.name} ({snapshot.version[:12]})",
        "horizon": study.horizon,
        "mode": mode,
        "sessions judged": f"{snapshot.sessions[rows[0]]} to {snapshot.sessions[rows[-1]]}{every} ({rows.size})",
        "label": f"adjusted {labels.basis} of t+1 to adjusted {labels.basis} of t+1+{study.h}",
        "seed": seed,
        "names that count per session": float(study.cells[rows].sum(axis=1).mean()),
    }
    told = rows[members_known(snapshot)[rows]]
    universe = "every priced name"
    if told.size and snapshot.membership is not None:
        size = snapshot.membership.index_size[told].astype(np.float64)
        facts["coverage of true membership"] = float((study.cells[told].sum(axis=1) / np.maximum(size, 1)).mean())
        universe = "index members at t, as far as they are priced"
        if told.size < rows.size:
            silent = f"{rows.size - told.size} of {rows.size} sessions"
            universe += f"; every priced name in {silent}, whose members are not known"
    facts["universe"] = universe
    return facts
