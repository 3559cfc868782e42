"""Markets and labels that hold nothing to find, and the product's own evidence run on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np
import pytest

from vfr.data.panel import Panel
from vfr.data.snapshot import Snapshot
from vfr.features.labels import make
from vfr.features.matrix import Labels
from vfr.typing import FloatArray
from vfr.validation.bootstrap import Interval, ratio_interval
from vfr.validation.correlation import rank_ic
from vfr.workflows import evidence_tables
from vfr.workflows.evidence import evidence
from vfr.workflows.evidence_data import Study
from vfr.workflows.evidence_report import EvidenceReport
from vfr.workflows.train_recipe import Recipe

Run: TypeAlias = Callable[..., tuple[Study, EvidenceReport]]


@pytest.fixture
def run(monkeypatch) -> Run:
    """Run `evidence` on a snapshot; return what it judged, and its report."""
    table, seen = evidence_tables.rank_ic_table, []
    monkeypatch.setattr(evidence_tables, "rank_ic_table", lambda study: seen.append(study) or table(study))

    def one(snapshot: Snapshot, member: str, **options: object) -> tuple[Study, EvidenceReport]:
        report = evidence(snapshot, members=(member,), **options)
        return seen[-1], report

    return one


@pytest.fixture(scope="session")
def small() -> Recipe:
    """Refits and calibration for a few hundred sessions."""
    return Recipe(min_train=250, refit_months=6, conformal=80)


@pytest.fixture
def shuffled(monkeypatch) -> Callable[[int], None]:
    """Hand every session the outcomes of another one, in blocks of a given length and of other names.

    A name that rose all along rises on any date. With names kept, what lasts outlives the shuffle: on real prices the
    interval of the IC was nearly twice as wide.
    """

    def labels(panel: Panel, *arguments: object, length: int, **options: object) -> Labels:
        made = make(panel, *arguments, **options)
        rng = np.random.default_rng(13)
        rows = np.arange(panel.shape[0] - made.span)
        blocks = [rows[start : start + length] for start in range(0, rows.size, length)]
        order = [blocks[b] for b in rng.permutation(len(blocks))]
        names = [np.broadcast_to(rng.permutation(panel.shape[1]), (block.size, panel.shape[1])) for block in order]
        source = np.ix_(np.concatenate(order))

        def mixed(values: FloatArray) -> FloatArray:
            out = values.copy()
            out[rows] = np.take_along_axis(values[source], np.concatenate(names), axis=1)
            return out

        return replace(made, returns=mixed(made.returns), direction=mixed(made.direction), excess=mixed(made.excess))

    def install(length: int) -> None:
        monkeypatch.setattr("vfr.features.labels.make", lambda *a, **k: labels(*a, length=length, **k))

    return install


@pytest.fixture(scope="session")
def walks() -> Callable[[Panel, np.random.Generator], Panel]:
    """Replace the prices of a panel by geometric walks with its volatilities, listings and common moves.

    They drift nowhere in logarithms, so that each is as likely to rise as to fall. Without drift in simple returns a
    median would be half a variance below 0, and ranks of volatility would foretell ranks of returns: IC .003 a day.
    """

    def made(panel: Panel, rng: np.random.Generator) -> Panel:
        past = np.diff(np.log(panel.adj_close), axis=0)
        risk, common = np.nanstd(past, axis=0), float(np.nanstd(np.nanmean(past, axis=1)))
        shared = common * rng.normal(size=(panel.shape[0], 1))
        own = np.sqrt(np.maximum(risk**2 - common**2, (risk / 2) ** 2))
        moves = shared + own * rng.normal(size=panel.shape)
        walk = np.exp(np.cumsum(moves, axis=0)) * np.where(np.isfinite(panel.adj_close), 50.0, np.nan)
        opened = walk * np.exp(-moves * rng.uniform(0.2, 0.9, panel.shape))
        width = np.exp(own * rng.exponential(0.3, panel.shape))
        high, low = np.maximum(walk, opened) * width, np.minimum(walk, opened) / width
        volume = np.where(np.isfinite(walk), 1e6 * rng.lognormal(0.0, 0.4, panel.shape), np.nan)
        prices = {"open": opened, "high": high, "low": low, "close": walk, "adj_close": walk.copy()}
        return replace(panel, volume=volume, **prices)

    return made


@pytest.fixture(scope="session")
def over_dates() -> Callable[[FloatArray, int], Interval]:
    """Return the mean over dates with a date-block interval of 99.9 %: there is a learner for every test."""

    def found(values: FloatArray, h: int) -> Interval:
        known = values[np.isfinite(values)]
        rng = np.random.default_rng(17)
        return ratio_interval(known, np.ones(known.size), block=max(2 * h, 5), rng=rng, draws=4000, level=0.999)

    return found


@pytest.fixture(scope="session")
def ic(over_dates) -> Callable[[Study], Interval]:
    """Return the mean rank IC of the study's model, on the label's own basis."""
    return lambda study: over_dates(rank_ic(study.models[0].rank, study.excess, study.cells), study.h)


@pytest.fixture(scope="session")
def lift(over_dates) -> Callable[[Study], Interval]:
    """Return how much more often the direction call is right than the base rate that was known on the day."""

    def found(study: Study) -> Interval:
        call, rule = study.models[0].prediction.p_up > 0.5, study.base > 0.5
        up, cells = study.direction > 0.5, study.cells
        gain = np.where(cells, (call == up).astype(np.float64) - (rule == up), 0.0).sum(axis=1)
        count = cells.sum(axis=1)
        return over_dates(np.where(count > 0, gain / np.maximum(count, 1), np.nan), study.h)

    return found


@pytest.fixture(scope="session")
def failed() -> Callable[[EvidenceReport], dict[str, str]]:
    """Return the gates a report's only member fails, each with its note."""
    return lambda report: {row[1]: row[-1] for row in report.table("Gates").rows if not row[4]}
