"""The measure of learners: every one that there is takes part, beside at least one peer, and has a limit to keep."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from vfr.models.learners import LEARNERS


@pytest.fixture(scope="module")
def inference() -> ModuleType:
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    try:
        from benchmarks import inference
    finally:
        sys.path.pop(0)
    return inference


def test_every_learner_has_peers(inference):
    assert set(inference.PEERS) == set(LEARNERS)


def test_members_stand_beside_their_peers_with_one_limit_each(inference, monkeypatch):
    chosen = ("xgboost", "linear")
    monkeypatch.setattr(inference, "LEARNERS", {name: LEARNERS[name] for name in chosen})
    monkeypatch.setattr(inference, "CALLS", {1: 100, 25: 100})
    rows = {row.name: row for row in inference.measure(quick=True)}
    assert all(row.value > 0 and np.isfinite(row.value) for row in rows.values())
    assert [name for name, row in rows.items() if row.limit] == [f"{name}, 1 row, 99th percentile" for name in chosen]
    for name in chosen:
        assert any(other.startswith(f"{name} by ") for other in rows)
        assert rows[f"{name}, 25 rows, median"].value <= rows[f"{name}, 25 rows, 99th percentile"].value
    assert {"2 members, 1 row, median", "2 members by the usual wrappers, 1 row, median"} <= set(rows)


def test_peers_predict_what_the_member_scores(inference):
    """A peer that did less work than the member would be no peer."""
    learner = LEARNERS["xgboost"]
    rows = inference.made(learner, 5, 1_000)
    scorer = learner.fit(rows, target="excess", seed=1)
    for predict in inference.PEERS["xgboost"](dict(learner.params(1_000, "excess")), scorer.dump(), rows).values():
        np.testing.assert_allclose(predict(rows.X), scorer.score(rows.X), atol=1e-6)
