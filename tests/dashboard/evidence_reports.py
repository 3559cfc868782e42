"""Reports of evidence for tests: small tables written by hand, and the real ones of a study with planted skill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from tests.workflows import planted

from vfr.models.design import session_ranks
from vfr.validation.gates import GateFigures
from vfr.workflows import evidence_direction, evidence_excess, evidence_ranks, evidence_tables
from vfr.workflows.evidence_against import gains
from vfr.workflows.evidence_data import Ranked, Study
from vfr.workflows.evidence_report import Cell, EvidenceReport, Table
from vfr.workflows.evidence_variants import seed_spread


def study(skill: float) -> Study:
    """Make a study whose scores have a known correlation with the return, beside an outside score that has less."""
    judged = planted.study(skill, more={"linear": skill / 2})
    rng = np.random.default_rng(2)
    shape = judged.excess.shape
    return replace(
        judged,
        universes={"members at t": judged.cells},
        others=(Ranked("theirs", session_ranks(judged.models[0].rank + 2 * rng.normal(size=shape))),),
        exposures={"beta (beta_252)": rng.normal(size=shape), "size (log_size)": rng.normal(size=shape)},
    )


def real_tables(judged: Study) -> tuple[Table, ...]:
    """Return the tables that a run of evidence makes of a study, but for portfolios."""
    seeds = [
        {m.name: session_ranks(m.rank + 0.01 * n * np.arange(m.rank.shape[1])) for m in judged.models} for n in range(3)
    ]
    figures = GateFigures({}, 500, 0.02, 0.51, 0.52, "beta_252", 0.02, 0.0, 0.01, 0.02, 0.02, 20_000, 1.0, True)
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


def weights(*rows: tuple[str, str, float]) -> Table:
    """Make a table of learned weights from year, member and weight."""
    body = tuple((*row, row[-1] - 0.01, row[-1] + 0.01) for row in rows)
    return Table("Learned weights by year", ("year", "model", "weight", "least", "most"), body)
