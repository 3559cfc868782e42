"""Reports of evidence for tests: small tables written by hand, and the real ones of a study with planted skill."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.validation.gates import GateFigures
from vfr.workflows import evidence_direction, evidence_excess, evidence_ranks, evidence_selection, evidence_tables
from vfr.workflows.evidence_against import gains
from vfr.workflows.evidence_data import Judged, Ranked, Study
from vfr.workflows.evidence_report import Cell, EvidenceReport, Table
from vfr.workflows.evidence_variants import seed_spread


def study(skill: float, *, names: tuple[str, ...] = ("average", "linear")) -> Study:
    """Make a study of 600 sessions and 40 names whose scores have a known correlation with the excess return."""
    rng = np.random.default_rng(0)
    sessions = np.busday_offset("2010-01-04", np.arange(600))
    shape = (sessions.size, 40)
    signal = rng.normal(size=shape)
    returns = 0.02 * (skill * signal + np.sqrt(1 - skill**2) * rng.normal(size=shape))
    direction = (rng.random(shape) < 0.6).astype(float)
    models = []
    for n, name in enumerate(names):
        rank = session_ranks(signal + 0.3 * n * rng.normal(size=shape))
        p = 0.6 + 0.01 * rank
        spread = 0.01 * rank
        models.append(
            Judged(name, Prediction(p, spread, spread - 0.033, spread + 0.033, 0.5 + 0.1 * abs(rank), 0.9), rank)
        )
    outside = Ranked("theirs", session_ranks(signal + 3 * rng.normal(size=shape)))
    return Study(
        horizon="1d",
        sessions=sessions,
        models=tuple(models),
        outcomes={"open to open, from t+1": returns, "close to close, from t": returns + 0.004 * skill * signal},
        excess=returns - np.median(returns, axis=1, keepdims=True),
        direction=direction,
        base=np.full(shape, 0.6),
        last_sign=np.ones(shape),
        universes={"members at t": np.ones(shape, dtype=bool)},
        volatility=0.02 + 0.001 * rng.random(shape),
        rng=np.random.default_rng(1),
        excess_base=np.full(shape, 0.5),
        others=(outside,),
        exposures={"beta (beta_252)": rng.normal(size=shape), "size (log_size)": rng.normal(size=shape)},
    )


def real_tables(judged: Study, *, leak_ic: float = 0.02) -> tuple[Table, ...]:
    """Return the tables that a run of evidence makes of a study, but for portfolios."""
    seeds = [{m.name: session_ranks(m.rank + 0.01 * n * np.arange(40)) for m in judged.models} for n in range(3)]
    figures = GateFigures({}, 600, leak_ic, 0.51, 0.52, "beta_252", 0.02, 0.0, 0.01, 0.02, 0.02, 20_000, 1.0, True)
    return (
        evidence_tables.rank_ic_table(judged),
        evidence_tables.by_year(judged),
        *gains(judged, judged.others[0]),
        evidence_ranks.neutralised(judged),
        evidence_ranks.decay(judged),
        evidence_ranks.quantile_returns(judged),
        evidence_direction.direction(judged),
        evidence_direction.reliability(judged),
        evidence_direction.accuracy_against_coverage(judged),
        *evidence_excess.excess_probability(judged),
        evidence_excess.confidence_deciles(judged),
        evidence_excess.intervals(judged),
        evidence_selection.superior_ability(judged, judged.others[0]),
        seed_spread(judged, seeds),
        evidence_tables.gates({"linear": figures}),
    )


def report(*tables: Table, facts: Mapping[str, Cell] | None = None) -> EvidenceReport:
    """Make a report of some tables."""
    return EvidenceReport({"data": "invented (0123)", "horizon": "1d"} | dict(facts or {}), tables)


def ranks(*rows: tuple[str, float, float]) -> Table:
    """Make a table of rank ICs of models on members, from name, rank IC and t."""
    body = [("members at t", "open to open, from t+1", *row) for row in rows]
    body += [("all names (biased)", "open to open, from t+1", name, 9.0, 99.0) for name, _, _ in rows]
    return Table("Rank IC", ("universe", "returns", "model", "rank IC", "t"), tuple(body), "A note.")


def coverage(*rows: tuple[float, float, float, float, float]) -> Table:
    """Make a table of accuracy against coverage from coverage, accuracy, rule, low and high of the lift."""
    heads = ("nominal", "coverage", "dates", "years", "accuracy", "base-rate rule", "lift", "low", "high", "verdict")
    body = tuple((f"{c:.0%}", c, 500, 5, a, rule, a - rule, low, high, "made up") for c, a, rule, low, high in rows)
    return Table("Direction accuracy against coverage (average)", heads, body)


def by_year(*rows: tuple[str, str, float, float]) -> Table:
    """Make a table of years from year, model, rank IC and t."""
    heads = ("year", "model", "IC open to open, from t+1", "t open to open, from t+1")
    return Table("Rank IC by year", heads, rows)


def held(*rows: tuple[str, str, float]) -> Table:
    """Make a table of portfolios by year from year, portfolio and return."""
    return Table("Portfolio by year", ("year", "portfolio", "return"), rows)
