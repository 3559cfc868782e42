"""The ensemble on real prices of 2005-2013: no worse than the leader, and a broken member found (`make verify`)."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.adapters.providers.files import FilesProvider
from vfr.workflows.evidence import evidence
from vfr.workflows.evidence_ensemble import EQUAL, LEADER, WEIGHTED
from vfr.workflows.evidence_report import EvidenceReport

pytestmark = pytest.mark.evidence

MEMBERS = ("lightgbm", "linear", "trees")


@pytest.fixture(scope="module")
def report(shared_data) -> EvidenceReport:
    snapshot = FilesProvider(shared_data).load()[0].upto(np.datetime64("2013-12-31"))
    return evidence(snapshot, horizon="7d", members=MEMBERS, start=np.datetime64("2010-01-01"), replay=True)


def rows(report: EvidenceReport, title: str) -> list[dict]:
    table = next(table for table in report.tables if table.title == title)
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_neither_learned_nor_equal_weights_are_worse_than_the_leader_so_far(report):
    found = rows(report, "Ensemble against the leader so far and equal weight")
    verdicts = {(row["model"], row["against"]): row["verdict"] for row in found}
    for pair in ((EQUAL, LEADER), (WEIGHTED, LEADER), (WEIGHTED, EQUAL)):
        assert "worse" not in verdicts[pair]


def test_every_broken_member_is_found_without_labels_and_loses_its_weight(report):
    found = rows(report, "A member breaks: label-free checks")
    assert {(row["broken member"], row["how"]) for row in found} == {
        (member, how) for member in MEMBERS for how in ("shuffled", "frozen", "inverted")
    }
    for row in found:
        assert row["usual weight"] > 0.2
        assert row["weight below 0.10"] <= 20, row
        assert row["others benched"] == 0.0, row


def test_sound_members_are_left_alone(report):
    [every] = [row for row in rows(report, "No member breaks") if row["member"] == "all"]
    assert every["months"] > 100
    assert every["share benched"] < 0.01


def test_learned_weights_move_slowly(report):
    found = rows(report, "Learned weights by year")
    assert all(0.15 < row["least"] <= row["weight"] <= row["most"] < 0.6 for row in found)
    assert all(row["most"] - row["least"] < 0.15 for row in found)
