"""One run of evidence that asks for everything: several horizons, seeds, a family left out, an outside score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tests.workflows.test_evidence_tables import only, rows

from vfr.errors import InvalidField
from vfr.workflows.evidence import evidence, evidence_reports
from vfr.workflows.evidence_against import OutsideScores
from vfr.workflows.evidence_filing import About
from vfr.workflows.evidence_portfolio import LEDGER_KEY
from vfr.workflows.evidence_report import EvidenceReport
from vfr.workflows.train_recipe import Recipe

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)


@dataclass
class Book:
    """A ledger in memory that can be told that a row was changed, and a store of reports."""

    rows: list[Mapping[str, Any]] = field(default_factory=list)
    wrong: tuple[str, ...] = ()
    kept: dict[str, tuple[EvidenceReport, About]] = field(default_factory=dict)

    def append(self, entry: Mapping[str, Any]) -> str:
        self.rows.append(json.loads(json.dumps(entry, allow_nan=False)))
        return str(len(self.rows))

    def entries(self) -> list[Mapping[str, Any]]:
        return self.rows

    def problems(self) -> tuple[str, ...]:
        return self.wrong

    def name(self, report: EvidenceReport, about: About) -> str:
        return f"{about.horizon}-{about.judged}"

    def save(self, report_id: str, report: EvidenceReport, about: About) -> None:
        assert self.rows[-1]["report"] == report_id
        self.kept[report_id] = (report, about)

    def listed(self) -> list:
        return []


def prophet(snapshot) -> OutsideScores:
    """Scores that know the coming week, for nine names of ten."""
    opened = snapshot.panel.open * snapshot.panel.adj_close / snapshot.panel.close
    future = np.full(opened.shape, np.nan)
    future[:-6] = opened[6:] / opened[1:-5] - 1
    future[:, ::10] = np.nan
    r, n = np.nonzero(np.isfinite(future))
    return OutsideScores("prophet", snapshot.sessions[r], np.array(snapshot.symbols)[n], future[r, n])


@pytest.fixture(scope="module")
def book() -> Book:
    return Book()


@pytest.fixture(scope="module")
def reports(few_names, book) -> dict[str, EvidenceReport]:
    told = []
    made = evidence_reports(
        few_names,
        horizons=("7d", "1d", "7d"),
        members=("linear",),
        release=True,
        seed=3,
        seeds=2,
        ablate=("trading",),
        against=prophet(few_names),
        ledger=book,
        reports=book,
        commit="abc",
        recipe=SMALL,
        progress=lambda stage, part: told.append((part, stage)),
    )
    parts = [part for part, _ in told]
    assert parts == sorted(parts)
    assert (parts[0], parts[-1]) == (0.0, 1.0)
    assert any("seed 4" in stage for _, stage in told)
    assert any("without trading" in stage for _, stage in told)
    return {str(report.facts["horizon"]): report for report in made}


def test_each_horizon_has_a_report_of_its_own(reports):
    assert list(reports) == ["7d", "1d"]
    for horizon, report in reports.items():
        json.dumps(report.to_dict(), allow_nan=False)
        assert report.facts["horizon"] == horizon
        assert report.facts["seeds"] == 2


def test_an_outside_score_is_judged_beside_the_models(reports):
    report = reports["7d"]
    assert report.facts["against"] == "prophet"
    assert report.facts["coverage of the reference"] == pytest.approx(0.9, abs=0.02)
    ic = only(report.table("Rank IC"), universe="members at t", returns="open to open, from t+1", model="prophet")
    assert ic["rank IC"] == pytest.approx(1.0)
    for title in ("Rank IC by year", "Neutralised", "Decay", "Quantile", "Excess return"):
        assert {row["model"] for row in rows(report.table(title))} == {"linear", "prophet"}
    gain = rows(report.table("Gain over the reference (prophet)"))
    assert all(row["t"] < -10 for row in gain)
    assert {row["verdict"] for row in rows(report.table("Diebold-Mariano"))} == {"prophet is better"}
    assert report.table("Rank correlation of forecasts").columns == ("model", "linear", "prophet")
    assert only(report.table("Superior"), benchmark="prophet")["verdict"] == "not distinguishable"


def test_seeds_and_families_were_fitted_again(reports):
    for report in reports.values():
        spread = rows(report.table("Seeds"))
        # Fewer rows than a sample is drawn from: the plane draws nothing.
        assert {(row["model"], row["seeds"], row["sd"]) for row in spread} == {("linear", 2, 0.0)}
        first = rows(report.table("Rank IC"))[0]
        assert spread[0]["mean"] == pytest.approx(first["rank IC"])
        [without] = rows(report.table("Ablation"))
        assert (without["member"], without["left out"]) == ("linear", "trading")
        assert without["change"] == pytest.approx(without["rank IC without"] - first["rank IC"])
        assert without["change"] != 0


def test_choosing_among_everything_that_was_tried_is_reported_once_for_all(reports):
    tables = [report.table("Overfitting over models, horizons and seeds") for report in reports.values()]
    assert tables[0] == tables[1]
    # Two horizons of two seeds; the outside score is not ours to choose.
    assert rows(tables[0])[0]["configurations"] == 4
    # They are the trials of each of its reports, whichever horizon was judged first.
    for report in reports.values():
        assert only(report.table("Portfolio selection"), model="linear")["trials"] == 4


def test_every_report_is_a_row_of_the_ledger_and_is_named_in_it(reports, book):
    assert [row["report"] for row in book.rows] == list(book.kept) == ["7d-learners", "1d-learners"]
    for row, (report, about) in zip(book.rows, book.kept.values(), strict=True):
        assert row["facts"] == report.to_dict()["facts"]
        assert (row["kind"], row["commit"], about.mode) == ("evidence", "abc", "release")
        assert row["configuration"]["recipe"]["min_train"] == 250
        assert (row["configuration"]["seeds"], row["configuration"]["against"]) == (2, "prophet")
        # An outside score is nobody's trial; another seed is.
        horizon = about.horizon
        assert list(row[LEDGER_KEY]) == ["linear", f"linear, {horizon} seed 4"]
        assert all(np.isfinite(list(ratios.values())).all() for ratios in row[LEDGER_KEY].values())


def test_trials_are_counted_over_all_runs_of_a_whole_ledger(few_names, book, reports):
    given = {"horizon": "1d", "members": ("linear",), "release": True, "recipe": SMALL}
    trained = {"kind": "train", "models": [{}, {}, {}]}
    ledger = Book(rows=[*book.rows, trained])
    selection = evidence(few_names, ledger=ledger, **given).table("Portfolio selection")
    # Two horizons of two seeds each, three trained models, and this run's one.
    assert only(selection, model="linear")["trials"] == 8
    assert 0 <= only(selection, model="linear")["deflated Sharpe over equal weight"] <= 1
    changed = Book(rows=list(book.rows), wrong=("row 1 was changed",))
    selection = evidence(few_names, ledger=changed, **given).table("Portfolio selection")
    assert only(selection, model="linear")["trials"] is None
    assert "not available without a whole ledger" in selection.note
    old = Book(rows=[{"kind": "evidence"}])
    selection = evidence(few_names, ledger=old, **given).table("Portfolio selection")
    assert "1 of 2 runs of the ledger say no Sharpe ratio" in selection.note


def test_the_report_begins_where_it_is_told(few_names):
    start = np.datetime64("2018-03-01")
    report = evidence(few_names, horizon="1d", members=("linear",), release=True, recipe=SMALL, start=start)
    assert str(report.facts["sessions judged"]).startswith("2018-03-01 to ")
    assert {row["year"] for row in rows(report.table("Rank IC by year"))} == {"2018"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"classic": True, "seeds": 2}, "^seeds: does not go with the classic score"),
        ({"classic": True, "ablate": ("family",)}, "^ablate: does not go"),
        ({"seeds": 0}, "^seeds: must be 1 to 50"),
        ({"seed": 2**31}, "^seed: must be 0 to 2,147,483,597"),
        ({"seed": -1}, "^seed: must be 0"),
        ({"start": np.datetime64("2100-01-01")}, "^start: 2100-01-01 is after the last session that is judged"),
        ({"ablate": ("colour",)}, "^ablate: 'colour' is no family"),
        ({"members": ("trees",), "ablate": ("family",)}, "^ablate: fits linear and lightgbm again"),
    ],
)
def test_what_does_not_go_together_is_refused(few_names, options, said):
    with pytest.raises(InvalidField, match=said):
        evidence(few_names, release=True, recipe=SMALL, **({"members": ("linear",)} | options))


def test_a_run_needs_a_horizon(few_names):
    with pytest.raises(InvalidField, match="horizon: name at least one of 1d, 7d, 30d"):
        evidence_reports(few_names, horizons=(), members=("linear",), release=True)
