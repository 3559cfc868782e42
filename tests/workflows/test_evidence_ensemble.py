"""What the tables of the ensemble say of ways to combine members, where it is known which is better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.workflows.planted import SHAPE, study

from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.workflows.evidence_data import Judged
from vfr.workflows.evidence_ensemble import EQUAL, LEADER, combinations


def rows(table) -> list[dict]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


@pytest.fixture(scope="module")
def judged():
    """Two members of equal skill whose errors are their own, their mean, and a leader that is one of them."""
    planted = study(0.15, more={"other": 0.15}, certain=0.2)
    first, second = planted.models
    rank = session_ranks(first.rank + second.rank)
    noisy = np.clip(first.prediction.p_up + np.random.default_rng(5).normal(0, 0.1, SHAPE), 0.01, 0.99)
    equal = Judged(EQUAL, first.prediction, rank)
    leader = Judged(LEADER, replace_p(first, noisy), first.rank)
    idle = Judged("idle", replace_p(first, planted.base), np.random.default_rng(6).permuted(rank, axis=1))
    return planted, (first, second, idle, equal, leader)


def replace_p(model: Judged, p_up: np.ndarray) -> Prediction:
    return replace(model.prediction, p_up=p_up)


def test_every_model_has_a_line_beside_the_base_rate(judged):
    planted, models = judged
    table, _, _ = combinations(planted, models)
    found = {row["model"]: row for row in rows(table)}
    assert list(found) == ["skilled", "other", "idle", EQUAL, LEADER, "ex-ante base rate"]
    assert found[EQUAL]["rank IC"] > found["skilled"]["rank IC"] + 0.03
    assert found[EQUAL]["skill low"] > 0
    assert found["ex-ante base rate"]["skill"] == 0.0
    assert found["idle"]["skill"] == pytest.approx(0.0, abs=1e-9)
    assert found["idle"]["sign right"] == pytest.approx(0.5, abs=0.02)


def test_the_mean_of_independent_errors_beats_the_leader_and_says_so(judged):
    planted, models = judged
    _, tests, _ = combinations(planted, models)
    found = {(row["model"], row["against"]): row for row in rows(tests)}
    assert len(found) == 8
    gain = found[EQUAL, LEADER]
    assert gain["verdict"] == "log loss better, rank IC better"
    assert gain["log loss"] < 0 < gain["rank IC"]
    mirrored = found[LEADER, EQUAL]
    assert mirrored["verdict"] == "log loss worse, rank IC worse"
    assert mirrored["DM"] == pytest.approx(-gain["DM"])
    assert mirrored["t"] == pytest.approx(-gain["t"])


def test_two_that_say_the_same_are_not_told_apart(judged):
    planted, models = judged
    twin = Judged("twin", models[3].prediction, models[3].rank)
    _, tests, _ = combinations(planted, [*models, twin])
    [row] = [row for row in rows(tests) if (row["model"], row["against"]) == ("twin", EQUAL)]
    assert row["verdict"] == "not distinguishable"
    assert row["log loss"] == row["rank IC"] == 0.0


def test_coverages_are_those_of_the_sixty_percent_question(judged):
    planted, models = judged
    _, _, coverages = combinations(planted, models)
    found = [row for row in rows(coverages) if row["model"] == EQUAL]
    assert [row["coverage"] for row in found] == ["100%", "50%", "20%", "10%", "5%"]
    assert found[0]["accuracy"] == pytest.approx(found[0]["base-rate rule"] + found[0]["lift"])
    assert found[-1]["accuracy"] > found[0]["accuracy"]
