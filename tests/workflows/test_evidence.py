from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from vfr.adapters.store.ledger import FileLedger
from vfr.errors import InvalidField, TrainingFailed
from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.validation.correlation import rank_ic
from vfr.workflows import evidence_more, evidence_tables
from vfr.workflows.evidence import DEVELOPMENT_END, development, evidence
from vfr.workflows.evidence_data import Judged, Study
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
        "Direction",
        "Reliability",
        "Direction accuracy against coverage",
        "Excess return",
        "Confidence deciles",
        "Interval of the excess return",
        "Gates and leak alarm",
        "Index members priced",
    ]
    assert body["facts"]["survivorship"].endswith("; delisted names stay to their last bar")
    assert [row["year"] for row in body["tables"][-1]["rows"]] == ["2016", "2017", "2018"]
    assert body["facts"]["horizon"] == "7d"
    assert 0 < body["facts"]["coverage of true membership"] <= 1
    assert report.to_markdown().count("### ") == len(titles)


def test_members_of_the_index_come_first_and_both_bases_are_printed(report):
    rows = report.table("Rank IC").rows
    assert rows[0][0] == "members at t"
    assert {row[1] for row in rows} == {"open to open, from t+1", "close to close, from t"}


def test_rules_anybody_could_follow_stand_beside_the_model(report):
    rules = [row[0] for row in report.table("Direction").rows]
    assert rules == ["linear (logistic)", "ex-ante base rate", "last sign"]


def test_the_run_is_in_the_ledger(report, ledger):
    assert ledger.broken() == ()
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


def _study(skill: float, up_rate: float = 0.6) -> Study:
    """Make a study whose single model has a known correlation with the outcome and exact probabilities."""
    rng = np.random.default_rng(0)
    shape = (500, 40)
    score = rng.normal(size=shape)
    returns = 0.02 * (skill * score + np.sqrt(1 - skill**2) * rng.normal(size=shape))
    excess = returns - np.median(returns, axis=1, keepdims=True)
    direction = (rng.random(shape) < up_rate).astype(float)
    rank = session_ranks(score)
    p = np.full(shape, up_rate) + 0.01 * rank
    prediction = Prediction(p, 0.01 * rank, rank * 0.01 - 0.033, rank * 0.01 + 0.033, 0.5 + 0.1 * np.abs(rank), 0.9)
    return Study(
        horizon="1d",
        sessions=np.arange("2010-01-01", "2011-05-16", dtype="datetime64[D]"),
        models=(Judged("model", prediction, rank),),
        outcomes={"made up": returns},
        excess=excess,
        direction=direction,
        base=np.full(shape, up_rate),
        last_sign=np.ones(shape),
        universes={"all names": np.ones(shape, dtype=bool)},
        volatility=np.full(shape, 0.02),
        rng=np.random.default_rng(1),
    )


def test_planted_skill_is_measured():
    study = _study(0.2)
    (row,) = evidence_tables.rank_ic_table(study).rows
    assert row[3] == pytest.approx(float(np.nanmean(rank_ic(study.models[0].rank, study.excess))))
    assert row[3] == pytest.approx(0.19, abs=0.02)
    assert row[4] > 20
    (excess,) = evidence_more.excess(study).rows
    assert excess[1] == pytest.approx(0.5 + np.arcsin(0.2) / np.pi, abs=0.01)
    assert excess[5] == pytest.approx(2 * 1.4 * 0.2 * 0.02, rel=0.1)
    gap = evidence_more.confidence_deciles(study).rows[-1]
    assert gap[0] == "top - bottom"
    assert gap[3] > 0
    assert gap[3] < gap[2] < gap[4]


def test_no_skill_is_called_no_skill():
    study = _study(0.0)
    assert abs(evidence_tables.rank_ic_table(study).rows[0][4]) < 3
    gap = evidence_more.confidence_deciles(study).rows[-1]
    assert gap[3] < 0 < gap[4]


def test_sixty_percent_without_lift_is_printed_as_a_fail():
    table = evidence_more.accuracy_against_coverage(_study(0.0, up_rate=0.65))
    whole = table.rows[0]
    assert whole[4] >= 0.6
    assert whole[6] == 0
    assert whole[-1] == "60 % without lift: fail"


def test_no_call_is_judged_by_a_bar_set_on_its_own_year():
    study = _study(0.0)
    table = evidence_more.accuracy_against_coverage(study)
    nominal, coverage, dates, years, *_ = table.rows[0]
    assert (nominal, years, dates) == ("100%", 1, int(np.sum(study.years == 2011)))
    assert coverage == pytest.approx(np.mean(study.years == 2011), abs=0.001)
    first_year = replace(study, sessions=np.full(500, np.datetime64("2010-01-04")))
    assert evidence_more.accuracy_against_coverage(first_year).rows[0][-1] == "no rows"


def test_interval_coverage_is_what_the_normal_law_says():
    row = evidence_more.intervals(_study(0.0)).rows[0]
    assert row[1] == pytest.approx(0.9, abs=0.01)
    assert row[-1] is True


def test_turnover_of_a_fixed_and_of_a_random_order():
    cells = np.ones((50, 40), dtype=bool)
    fixed = np.tile(np.arange(40.0), (50, 1))
    assert evidence_more.turnover(fixed, cells, 1) == 0
    mixed = np.random.default_rng(0).random((50, 40))
    assert evidence_more.turnover(mixed, cells, 1) == pytest.approx(0.8, abs=0.05)


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
