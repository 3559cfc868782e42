"""The classic score, judged by the same report: does it order names, and do its tiers mean anything."""

from __future__ import annotations

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import NoData
from vfr.factors.compute import score
from vfr.factors.scores import FACTOR_NAMES
from vfr.features.labels import make
from vfr.scoring.composite import Scores, combine
from vfr.scoring.table import DEFAULT
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon, IntArray
from vfr.validation.correlation import icir, rank_ic, within_session_std
from vfr.validation.significance import newey_west, overlap_lag
from vfr.workflows.evidence_report import Cell, EvidenceReport, Table
from vfr.workflows.train import Progress
from vfr.workflows.train_data import counting

__all__ = ["classic_evidence"]

_STRIDE = 5
"""Sessions between scored cross-sections: every weekday as a starting phase over the years, a fifth of the cost."""

_WARM_UP = 252


def classic_evidence(
    snapshot: Snapshot, *, horizon: Horizon, start: np.datetime64 | None, mode: str, seed: int, tell: Progress
) -> EvidenceReport:
    """Score every fifth session as it would have been scored that evening and compare with what came.

    Raises
    ------
    NoData
        If no session has both a score and an outcome.
    """
    rows = np.arange(_WARM_UP, snapshot.sessions.size, _STRIDE)
    if start is not None:
        rows = rows[snapshot.sessions[rows] >= start]
    if rows.size == 0:
        raise NoData("the data set has no session with a year of history before it")
    tell("scoring", 0.05)
    found = score(snapshot, rows)
    scores = combine(found.score, found.market_cap, found.names)
    tell("tables", 0.8)
    counts, is_membership = counting(snapshot)
    labels = make(snapshot.panel, horizon, universe=counts)
    h = HORIZONS[horizon]
    outcomes = {
        f"{labels.basis} to {labels.basis}, from t+1": labels.returns[rows],
        "close to close, from t": make(snapshot.panel, horizon, basis="same_close").returns[rows],
    }
    excess = labels.excess[rows]
    known = np.isfinite(scores.composite) & np.isfinite(excess)
    universes = {"members at t" if is_membership else "all names": known & counts[rows]}
    if is_membership:
        universes |= {"all names (biased)": known, "non-members at t (biased)": known & ~counts[rows]}
    cells = next(iter(universes.values()))
    if not cells.any():
        raise NoData("no session has both a classic score and an outcome")
    lag = -(-overlap_lag(h) // _STRIDE)
    facts: dict[str, Cell] = {
        "data": f"{snapshot.name} ({snapshot.version[:12]})",
        "judged": "the classic score",
        "horizon": horizon,
        "mode": mode,
        "sessions judged": f"{snapshot.sessions[rows[0]]} to {snapshot.sessions[rows[-1]]}, every fifth ({rows.size})",
        "names that count per session": float(cells.sum(axis=1).mean()),
        "mean coverage of the score": float(scores.coverage[cells].mean()),
        "seed": seed,
    }
    return EvidenceReport(
        facts,
        (
            _ic_table(scores, outcomes, universes, lag),
            _by_year(scores, outcomes, cells, snapshot, rows, lag),
            _tiers(scores, excess, cells),
            _variance(scores, cells),
        ),
    )


def _ic_table(scores: Scores, outcomes: dict[str, FloatArray], universes: dict[str, BoolArray], lag: int) -> Table:
    judged = {"composite": scores.composite} | dict(zip(FACTOR_NAMES, scores.factors, strict=True))
    rows: list[tuple[Cell, ...]] = []
    for universe, cells in universes.items():
        for basis, outcome in outcomes.items():
            for name, value in judged.items():
                ic = rank_ic(value, outcome, cells)
                test = newey_west(ic, lag)
                rows.append((universe, basis, name, test.mean, test.t, icir(ic), test.n))
    note = f"t: Newey-West with lag {lag} scored sessions. A dash: unknown, or the same for every name of a session."
    return Table("Rank IC", ("universe", "returns", "score", "rank IC", "t", "ICIR", "dates"), tuple(rows), note)


def _by_year(
    scores: Scores, outcomes: dict[str, FloatArray], cells: BoolArray, snapshot: Snapshot, rows: IntArray, lag: int
) -> Table:
    years = snapshot.sessions[rows].astype("datetime64[Y]").astype(np.int64) + 1970
    columns = [rank_ic(scores.composite, outcome, cells) for outcome in outcomes.values()]
    body: list[tuple[Cell, ...]] = []
    for year in np.unique(years):
        tests = [newey_west(ic[years == year], lag) for ic in columns]
        body.append((str(int(year)), *(figure for t in tests for figure in (t.mean, t.t))))
    heads = [f"{what} {basis}" for basis in outcomes for what in ("IC", "t")]
    return Table("Rank IC by year (composite)", ("year", *heads), tuple(body))


def _tiers(scores: Scores, excess: FloatArray, cells: BoolArray) -> Table:
    value, outcome = scores.composite[cells], excess[cells]
    body: list[tuple[Cell, ...]] = []
    ceiling = np.inf
    for tier in DEFAULT.tiers:
        inside = (value >= tier.floor) & (value < ceiling)
        ceiling = tier.floor
        mean = float(outcome[inside].mean()) if inside.any() else float("nan")
        right = float((outcome[inside] > 0).mean()) if inside.any() else float("nan")
        body.append((tier.recommendation, float(inside.mean()), int(inside.sum()), mean, right))
    heads = ("tier", "frequency", "rows", "mean excess", "above the median name")
    return Table("Forward excess return by tier", heads, tuple(body), "Excess over the median name of the session.")


def _variance(scores: Scores, cells: BoolArray) -> Table:
    """How much of a blended score's spread within a session machine learning can account for at most."""
    classic = float(np.nanmean(within_session_std(scores.composite, cells)))
    learned = 100.0 / np.sqrt(12.0)
    body: list[tuple[Cell, ...]] = []
    for confidence in (0.50, 0.52, 0.56):
        w = 0.15 * confidence
        share = (w * learned) ** 2 / ((w * learned) ** 2 + ((1 - w) * classic) ** 2)
        body.append((confidence, w, classic, learned, share))
    heads = ("confidence", "ML weight", "classic std", "ML std", "ML share of variance")
    note = "Within a session, default weight 0.15, the two scores taken as uncorrelated; the ML score is uniform."
    return Table("Machine learning's share of the blend", heads, tuple(body), note)
