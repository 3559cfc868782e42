"""The tables every score is judged by first: rank correlation with what came, whole, by year and in pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from vfr.data.coverage import YearCoverage
from vfr.validation.correlation import icir, information_coefficient, rank_ic
from vfr.validation.gates import GateFigures, judge
from vfr.workflows.evidence_data import Study, mean_test
from vfr.workflows.evidence_report import Cell, Table

__all__ = ["by_year", "gates", "members_priced", "paired", "rank_ic_table"]

_OF_STORED_VERSIONS: Final = ("parity", "latency_ms")


def rank_ic_table(study: Study) -> Table:
    """Rank IC and IC of each score on each universe and basis."""
    rows: list[tuple[Cell, ...]] = []
    for universe, cells in study.universes.items():
        for basis, outcome in study.outcomes.items():
            for model in study.ranked:
                ic = rank_ic(model.rank, outcome, cells)
                test = mean_test(study, ic)
                pearson = mean_test(study, information_coefficient(model.rank, outcome, cells))
                figures = (test.mean, test.t, icir(ic), test.n, pearson.mean, pearson.t)
                rows.append((universe, basis, model.name, *figures))
    return Table(
        "Rank IC",
        ("universe", "returns", "model", "rank IC", "t", "ICIR", "dates", "IC", "t of IC"),
        tuple(rows),
        f"t: Newey-West with lag {study.lag}. {_phases(study)} Rank IC: Spearman's correlation of score and return in "
        f"each session, their mean; IC: Pearson's, of the score's rank. {_claim(study)} A dash: unknown, or the same "
        "for every name of a session.",
    )


def _claim(study: Study) -> str:
    """Say what the universes are good for."""
    if "all names" in study.universes:
        return "Who was a member at the time is unknown: names may be here because they did well later, so no claim."
    return (
        "Only the first universe supports a claim; names that were not members at the time are in the data because "
        "they did well later."
    )


def _phases(study: Study) -> str:
    return "Every session is a starting phase." if study.stride == 1 else f"Every {study.stride}th session is judged."


def by_year(study: Study) -> Table:
    """Rank IC of every score by year, on each basis, on the cells that count."""
    found = [[rank_ic(m.rank, outcome, study.cells) for outcome in study.outcomes.values()] for m in study.ranked]
    rows: list[tuple[Cell, ...]] = []
    for year in np.unique(study.years[study.cells.any(axis=1)]):
        chosen = study.years == year
        for model, columns in zip(study.ranked, found, strict=True):
            tests = [mean_test(study, ic[chosen]) for ic in columns]
            rows.append((str(int(year)), model.name, *(figure for t in tests for figure in (t.mean, t.t))))
    heads = [f"{what} {basis}" for basis in study.outcomes for what in ("IC", "t")]
    note = (
        "Cells that count, t as above. One year says little: a true rank IC of 0.02 is negative in many a year."
        f" Overlapping outcomes of {study.h} sessions leave {252 // study.h} independent ones a year."
    )
    return Table("Rank IC by year", ("year", "model", *heads), tuple(rows), note)


def paired(study: Study) -> Table:
    """Difference of rank IC between the first model and each other on the same sessions."""
    rows: list[tuple[Cell, ...]] = []
    for basis, outcome in study.outcomes.items():
        first = rank_ic(study.models[0].rank, outcome, study.cells)
        for model in study.models[1:]:
            test = mean_test(study, first - rank_ic(model.rank, outcome, study.cells))
            rows.append((basis, f"{study.models[0].name} - {model.name}", test.mean, test.t))
    note = "Mean difference of rank IC over the same cells of the same sessions; t as above."
    return Table("Paired gain in rank IC", ("returns", "pair", "difference", "t"), tuple(rows), note)


def gates(found: Mapping[str, GateFigures]) -> Table:
    """Every gate and the leak alarm, per member."""
    rows: list[tuple[Cell, ...]] = []
    for member, figures in found.items():
        rows += [
            (member, row.gate, row.figure, row.bound, row.passed, row.note)
            for row in judge(figures).rows
            if row.gate not in _OF_STORED_VERSIONS
        ]
    heads = ("member", "gate", "figure", "bound", "passed", "note")
    note = (
        "Parity and latency are measured when a version is stored. The whole judged span, whatever `start` leaves out."
    )
    return Table("Gates and leak alarm", heads, tuple(rows), note)


def members_priced(years: Sequence[YearCoverage]) -> Table:
    """Index members with prices beside all of them, by year."""
    rows = tuple((str(year.year), year.priced, year.members, year.priced / year.members) for year in years)
    note = "Means of the sessions. Members without prices take no part in any figure above."
    return Table("Index members priced", ("year", "priced", "members", "share"), rows, note)
