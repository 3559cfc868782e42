"""The classic score, judged by the same report: does it order names, and do its tiers mean anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import NoData
from vfr.factors.compute import score
from vfr.factors.scores import FACTOR_NAMES
from vfr.features.peers import sector_numbers
from vfr.models.design import session_ranks
from vfr.scoring.composite import Scores, combine
from vfr.scoring.table import DEFAULT
from vfr.typing import HORIZONS, BoolArray, FloatArray, Horizon
from vfr.validation.correlation import within_session_std
from vfr.workflows.evidence_data import Ranked, Study, interval, mean_test, session_mean
from vfr.workflows.evidence_direction import direction
from vfr.workflows.evidence_draft import Draft
from vfr.workflows.evidence_excess import excess
from vfr.workflows.evidence_ranks import correlations, decay, neutralised, quantile_returns
from vfr.workflows.evidence_report import Cell, Table
from vfr.workflows.evidence_study import exposures_of, facts_of, last_signs, outcomes_of, universes_of
from vfr.workflows.evidence_tables import by_year, rank_ic_table
from vfr.workflows.train import Progress
from vfr.workflows.train_data import Targets, counting, targets
from vfr.workflows.train_metrics import base_rates

__all__ = ["COMPOSITE", "Classic", "classic_drafts", "classic_study", "tiers", "variance"]

COMPOSITE: Final = "composite"

_STRIDE: Final = 5
"""Sessions between scored cross-sections: every weekday as a starting phase over the years, a fifth of the cost."""

_WARM_UP: Final = 252
_NEUTRAL: Final = 50.0


class Classic:
    """The classic score of every fifth session, on the sessions of the data.

    Parameters
    ----------
    snapshot : Snapshot
    start : datetime64[D], optional
        Earlier sessions are not scored.

    Raises
    ------
    NoData
        If no session has a year of history before it.
    """

    def __init__(self, snapshot: Snapshot, start: np.datetime64 | None) -> None:
        rows = np.arange(_WARM_UP, snapshot.sessions.size, _STRIDE)
        if start is not None:
            rows = rows[snapshot.sessions[rows] >= start]
        if rows.size == 0:
            raise NoData("the data set has no session with a year of history before it")
        found = score(snapshot, rows)
        self._rows = rows
        self._shape = snapshot.panel.shape
        self._scores: Scores = combine(found.score, found.market_cap, found.names)

    @property
    def composite(self) -> FloatArray:
        """Composite, 0-100, [T x N]; NaN on sessions that are not scored."""
        return self._grid(self._scores.composite)

    @property
    def coverage(self) -> FloatArray:
        """Share of the score's weight that is known, [T x N]."""
        return self._grid(self._scores.coverage)

    @property
    def factors(self) -> dict[str, FloatArray]:
        """Factor scores by name, [T x N]."""
        return {name: self._grid(values) for name, values in zip(FACTOR_NAMES, self._scores.factors, strict=True)}

    def carried(self) -> FloatArray:
        """Return the composite of the last scored session, [T x N]: what a reader held between two of them."""
        held = np.zeros(self._shape[0], dtype=np.int64)
        held[self._rows] = self._rows
        held = np.maximum.accumulate(held)
        out = self.composite[held]
        out[: self._rows[0]] = np.nan
        return out

    def _grid(self, values: FloatArray) -> FloatArray:
        out = np.full(self._shape, np.nan)
        out[self._rows] = values
        return out


def classic_study(
    snapshot: Snapshot,
    classic: Classic,
    labelled: Targets,
    exposures: dict[str, FloatArray],
    *,
    horizon: Horizon,
    seed: int,
) -> Study:
    """Put the composite and its factors beside what came; they say no probability.

    Raises
    ------
    NoData
        If no cell has both a score and an outcome.
    """
    labels = labelled.labels
    composite = classic.composite
    base = base_rates(labelled)
    known = np.isfinite(composite) & np.isfinite(labels.excess) & np.isfinite(base)
    universes = universes_of(snapshot, labelled.counts, known)
    if not next(iter(universes.values())).any():
        raise NoData("no session has both a classic score and an outcome")
    outcomes = outcomes_of(snapshot, labels)
    scores = {COMPOSITE: composite} | classic.factors
    return Study(
        horizon=horizon,
        sessions=snapshot.sessions,
        models=(),
        outcomes=outcomes,
        excess=labels.excess,
        direction=labels.direction,
        base=base,
        last_sign=last_signs(outcomes, HORIZONS[horizon]),
        universes=universes,
        volatility=np.full(snapshot.panel.shape, np.nan),
        rng=np.random.default_rng(seed),
        others=tuple(Ranked(name, session_ranks(value)) for name, value in scores.items()),
        exposures=exposures,
        sectors=sector_numbers(snapshot.securities.sector),
        stride=_STRIDE,
    )


def above_neutral(classic: Classic) -> FloatArray:
    """Return the call a composite above 50 makes: 1 up, 0 not, NaN where there is no score, [T x N]."""
    composite = classic.composite
    return np.where(np.isfinite(composite), composite > _NEUTRAL, np.nan)


def classic_drafts(
    snapshot: Snapshot,
    *,
    horizons: Sequence[Horizon],
    start: np.datetime64 | None,
    mode: str,
    seed: int,
    tell: Progress,
) -> Iterator[Draft]:
    """Score every fifth session as it would have been scored that evening, then draft the report of each horizon.

    Raises
    ------
    NoData
        If no session has both a score and an outcome.
    """
    from vfr.features import compute as features

    tell("scoring", 0.05)
    classic = Classic(snapshot, start)
    tell("exposures", 0.6)
    counts, _ = counting(snapshot)
    exposures = exposures_of(features(snapshot), counts)
    for number, horizon in enumerate(horizons):
        tell(f"tables {horizon}", 0.8 + 0.2 * number / len(horizons))
        labelled = targets(snapshot, horizon, counts)
        study = classic_study(snapshot, classic, labelled, exposures, horizon=horizon, seed=seed)
        facts = facts_of(snapshot, study, labelled.labels, mode=mode, seed=seed)
        facts["judged"] = "the classic score"
        facts["mean coverage of the score"] = float(classic.coverage[study.cells].mean())
        yield Draft(
            study=study,
            snapshot=snapshot,
            facts=facts,
            tables=_tables(study, classic),
            last=(variance(study, classic.composite),),
            scores={COMPOSITE: classic.carried()},
        )


def _tables(study: Study, classic: Classic) -> tuple[Table, ...]:
    return (
        rank_ic_table(study),
        by_year(study),
        neutralised(study),
        decay(study),
        quantile_returns(study),
        *correlations(study),
        direction(study, {"composite above 50": above_neutral(classic)}),
        excess(study),
        tiers(study, classic.composite),
    )


def tiers(study: Study, composite: FloatArray) -> Table:
    """Return how often each tier is given, and what came of it."""
    cells, value = study.cells, composite
    body: list[tuple[Cell, ...]] = []
    ceiling = np.inf
    for tier in DEFAULT.tiers:
        inside = cells & (value >= tier.floor) & (value < ceiling)
        ceiling = tier.floor
        body.append((tier.recommendation, float(inside.sum() / cells.sum()), *_tier_row(study, inside)))
    heads = ("tier", "frequency", "rows", "dates", "mean excess", "low", "high", "t", "above the median name")
    note = (
        "Excess over the median name of the session, mean of the rows with its 95 % date-block interval; t: Newey-West "
        "of the sessions' means. A tier of few dates says nothing, whatever its mean."
    )
    return Table("Forward excess return by tier", heads, tuple(body), note)


def _tier_row(study: Study, inside: BoolArray) -> tuple[Cell, ...]:
    dates = int(inside.any(axis=1).sum())
    if not dates:
        return (0, 0, None, None, None, None, None)
    got = interval(study, study.excess, inside)
    test = mean_test(study, session_mean(study.excess, inside))
    above = float((study.excess[inside] > 0).mean())
    return (int(inside.sum()), dates, got.estimate, got.low, got.high, test.t, above)


def variance(study: Study, composite: FloatArray) -> Table:
    """Return how much of a blended score's spread within a session machine learning can account for at most."""
    classic = float(np.nanmean(within_session_std(composite, study.cells)))
    learned = 100.0 / np.sqrt(12.0)
    body: list[tuple[Cell, ...]] = []
    for confidence in (0.50, 0.52, 0.56):
        w = 0.15 * confidence
        share = (w * learned) ** 2 / ((w * learned) ** 2 + ((1 - w) * classic) ** 2)
        body.append((confidence, w, classic, learned, share))
    heads = ("confidence", "ML weight", "classic std", "ML std", "ML share of variance")
    note = "Within a session, default weight 0.15, the two scores taken as uncorrelated; the ML score is uniform."
    return Table("Machine learning's share of the blend", heads, tuple(body), note)
