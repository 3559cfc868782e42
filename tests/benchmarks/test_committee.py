"""The measure of the whole answer: it measures the committee, and the usual way beside it does the same work."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vfr.models.learners import LEARNERS


@pytest.fixture(scope="module")
def committee() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from benchmarks import committee
    finally:
        sys.path.pop(0)
    return committee


def test_every_way_answers_and_only_the_committee_has_limits(committee, monkeypatch):
    monkeypatch.setattr(committee, "LEARNERS", {name: LEARNERS[name] for name in ("linear", "xgboost")})
    monkeypatch.setattr(committee, "CALLS", {1: 100, 500: 100})
    rows = {row.name: row for row in committee.measure(quick=True)}
    assert all(row.value > 0 and np.isfinite(row.value) for row in rows.values())
    assert {name for name, row in rows.items() if row.limit} == {
        "committee, 1 name, median",
        "committee, 1 name, 99th percentile",
        "committee, 500 names, median",
    }
    for way in ("committee, one lane", "members one by one", "usual wrappers one by one"):
        assert f"{way}, 500 names, median" in rows


def test_the_committee_says_what_its_members_say_one_by_one(committee, monkeypatch):
    monkeypatch.setattr(committee, "LEARNERS", {name: LEARNERS[name] for name in ("linear", "xgboost")})
    group, X = committee.five(quick=True), committee.universe(200, seed=3)
    lanes = committee.Lanes()
    found = group.committee(lanes, 2).verdict(X)
    lanes.close()
    np.testing.assert_array_equal(found.prediction.p_up, committee.one_by_one(group.members)(X).prediction.p_up)
    assert [result.status for result in found.results] == ["ok", "ok"]
