"""A report in the making: its tables, and the scores whose portfolios are still to be held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.errors import NoData
from vfr.typing import FloatArray
from vfr.workflows.evidence_data import Study
from vfr.workflows.evidence_report import Cell, Table

if TYPE_CHECKING:
    from vfr.workflows.evidence_backtest import Portfolios

__all__ = ["Draft", "Held", "hold", "tables_of"]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """Everything of one horizon's report but its portfolios.

    Parameters
    ----------
    study : Study
    snapshot : Snapshot
        What the study was made of.
    facts : mapping
    tables, last : tuple of Table
        Those before the portfolios, and those after.
    scores : mapping of str to float64 array, shape (T, N)
        By model: what portfolios are chosen by.
    seeds : mapping
        Scores by model of further seeds, by what tells the seed apart.
    outside : frozenset of str
        Names among `scores` that are nobody's trial: an outside reference.
    """

    study: Study
    snapshot: Snapshot
    facts: Mapping[str, Cell]
    tables: tuple[Table, ...]
    scores: Mapping[str, FloatArray]
    last: tuple[Table, ...] = ()
    seeds: Mapping[str, Mapping[str, FloatArray]] = field(default_factory=dict)
    outside: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Portfolios of one draft.

    Parameters
    ----------
    portfolios : mapping of str to Portfolios
        By horizon, and horizon and seed; empty where the span is too short.
    sharpes : mapping
        What the ledger keeps: Sharpe ratios per session by model, those of further seeds among them.
    why_not : str
        Why there are none; empty where there are.
    """

    portfolios: Mapping[str, Portfolios]
    sharpes: Mapping[str, Mapping[str, float | None]]
    why_not: str = ""


def hold(draft: Draft) -> Held:
    """Hold the portfolios of a draft."""
    from vfr.workflows.evidence_backtest import backtest, trial_sharpes

    study = draft.study
    first = int(np.argmax(study.cells.any(axis=1)))
    by_seed = {study.horizon: draft.scores, **draft.seeds}
    try:
        held = {
            name: backtest(scores, draft.snapshot, horizon=study.horizon, first=first)
            for name, scores in by_seed.items()
        }
    except NoData as error:
        return Held({}, {}, f"{error}.")
    sharpes = {
        model if name == study.horizon else f"{model}, {name}": ratios
        for name, found in held.items()
        for model, ratios in trial_sharpes(found).items()
        if model not in draft.outside
    }
    return Held(held, sharpes)


def tables_of(
    draft: Draft, held: Held, rng: np.random.Generator, entries: Sequence[Mapping[str, Any]] | None
) -> tuple[Table, ...]:
    """Return the tables of the portfolios of a draft.

    Parameters
    ----------
    draft : Draft
    held : Held
    rng : numpy.random.Generator
        For the intervals.
    entries : sequence of mapping, optional
        Of the ledger: every run, this one, whose `Held.sharpes` are, among them; None where the ledger is not whole.
    """
    from vfr.workflows.evidence_portfolio import not_available, portfolio_tables

    if held.why_not:
        return (not_available(held.why_not),)
    return portfolio_tables(held.portfolios[draft.study.horizon], draft.snapshot, rng=rng, entries=entries)
