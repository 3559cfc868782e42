from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from vfr.adapters.store.ledger import FileLedger
from vfr.dashboard.evidence_verdict import verdict
from vfr.errors import InvalidField, TrainingFailed
from vfr.workflows.development import DEVELOPMENT_END, development
from vfr.workflows.evidence import evidence
from vfr.workflows.evidence_report import EvidenceReport, Table
from vfr.workflows.train_recipe import Recipe

SMALL = Recipe(min_train=250, refit_months=6, conformal=80)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory) -> FileLedger:
    return FileLedger(tmp_path_factory.mktemp("evidence") / "ledger.jsonl")


@pytest.fixture(scope="module")
def report(seeded_snapshot, ledger) -> EvidenceReport:
    return evidence(
        seeded_snapshot,
        horizon="7d",
        members=("linear",),
        release=True,
        recipe=SMALL,
        ledger=ledger,
        commit="abc",
    )


def test_the_report_prints_every_table_and_survives_json(report):
    body = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    titles = [table["title"].split(" (")[0] for table in body["tables"]]
    assert titles == [
        "Rank IC",
        "Rank IC by year",
        "Neutralised rank IC",
        "Decay of rank IC",
        "Quantile returns",
        "Direction",
        "Reliability",
        "Direction accuracy against coverage",
        "Excess return",
        "Probability of an excess return above 0",
        "Confidence deciles",
        "Interval of the excess return",
        "Superior predictive ability",
        "Calibrators out of fold",
        "Portfolio",
        "Portfolio against equal weight",
        "Portfolio long-short",
        "Portfolio one session later",
        "Portfolio by year",
        "Portfolio selection",
        "Portfolio overfitting",
        "Gates and leak alarm",
        "Index members priced",
    ]
    assert body["facts"]["survivorship"].endswith("; delisted names stay to their last bar")
    assert [row["year"] for row in body["tables"][-1]["rows"]] == ["2016", "2017", "2018"]
    assert body["facts"]["horizon"] == "7d"
    assert 0 < body["facts"]["coverage of true membership"] <= 1
    assert report.to_markdown().count("### ") == len(titles)
    for table in report.tables:
        assert len(set(table.columns)) == len(table.columns), table.title
        assert table.note, table.title


def test_members_of_the_index_come_first_and_both_bases_are_printed(report):
    rows = report.table("Rank IC").rows
    assert rows[0][0] == "members at t"
    assert {row[1] for row in rows} == {"open to open, from t+1", "close to close, from t"}


def test_rules_anybody_could_follow_stand_beside_the_model(report):
    rules = [row[0] for row in report.table("Direction").rows]
    assert rules == ["linear (logistic)", "ex-ante base rate", "last sign"]


def test_the_run_is_in_the_ledger(report, ledger):
    assert ledger.problems() == ()
    assert report.facts["mode"] == "release"


def test_the_classic_score_is_judged_by_the_same_report(seeded_snapshot):
    report = evidence(seeded_snapshot, horizon="7d", classic=True, release=True)
    assert {row[2] for row in report.table("Rank IC").rows} >= {"composite", "technical", "fundamental"}
    assert report.table("Index members priced").rows[0][2] == 50.0
    tiers = report.table("Forward excess").rows
    assert sum(row[1] for row in tiers) == pytest.approx(1.0)
    shares = [row[4] for row in report.table("Machine learning").rows]
    assert shares == sorted(shares)
    json.dumps(report.to_dict(), allow_nan=False)


def test_without_membership_survivorship_is_said_to_be_unknown(seeded_snapshot):
    report = evidence(replace(seeded_snapshot, membership=None), horizon="7d", classic=True, release=True)
    assert report.facts["survivorship"] == "index membership unknown: survivorship cannot be measured"
    assert not any(table.title.startswith("Index members") for table in report.tables)


def test_sessions_whose_members_are_not_known_support_no_claim_about_members(seeded_snapshot):
    """As where the prices go on after the membership table ends."""
    table = seeded_snapshot.membership
    late = np.arange(seeded_snapshot.sessions.size) >= 500
    member, size = np.where(late[:, None], False, table.member), np.where(late, 0, table.index_size)
    ended = replace(seeded_snapshot, membership=replace(table, member=member, index_size=size))
    report = evidence(ended, horizon="7d", classic=True, release=True)
    assert 0.9 < report.facts["coverage of true membership"] <= 1
    assert "every priced name in 39 of 89 sessions, whose members are not known" in report.facts["universe"]
    assert report.table("Rank IC").rows[0][0] == "all names where members are unknown, else members at t"
    assert "Index membership is not known" in verdict(report).caution
    assert "(all names where those are not known)" in report.table("Portfolio").note
    assert verdict(evidence(seeded_snapshot, horizon="7d", classic=True, release=True)).caution == ""


def test_development_does_not_read_later_outcomes(seeded_snapshot):
    cut, mode = development(seeded_snapshot, release=False)
    assert cut.sessions[-1] <= DEVELOPMENT_END
    assert mode.startswith("development")
    whole, _ = development(seeded_snapshot, release=True)
    assert whole.sessions.size == seeded_snapshot.sessions.size


def test_too_little_data_and_unknown_members_say_so(seeded_snapshot):
    with pytest.raises(InvalidField, match="oracle"):
        evidence(seeded_snapshot, members=("oracle",))
    short = seeded_snapshot.upto(seeded_snapshot.sessions[150])
    with pytest.raises(TrainingFailed, match="too few"):
        evidence(short, members=("linear",), release=True)


def test_tables_render_what_is_unknown_as_a_dash():
    table = Table("T", ("a", "b"), (("x", float("nan")), ("y", 0.12345)), "note")
    assert "| x | - |" in table.to_markdown()
    assert table.to_dict()["rows"][0]["b"] is None


@pytest.mark.evidence
@pytest.mark.parametrize(("horizon", "least"), [("1d", 0.018), ("7d", 0.010), ("30d", -0.010)])
def test_real_data_reach_the_reference(shared_data, horizon, least):
    """Members at t, 2010-2017, close to close: the reference is .022 / .014 / .005; bounds leave room for noise."""
    from vfr.adapters.providers.files import FilesProvider

    snapshot, _ = FilesProvider(shared_data).load()
    report = evidence(snapshot, horizon=horizon, start=np.datetime64("2010-01-01"))
    found = {(row[0], row[1], row[2]): row[3] for row in report.table("Rank IC").rows}
    assert found["members at t", "close to close, from t", "average"] > least
    direction = {row[0]: row[-1] for row in report.table("Direction").rows}
    assert direction["average"] <= direction["ex-ante base rate"] + 0.01
    assert all(row[4] for row in report.table("Gates").rows)
