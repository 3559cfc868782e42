from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.ensemble.record import calendar

from vfr.ensemble.asking import MemberResult
from vfr.ensemble.combine import Base, combine
from vfr.ensemble.fit import COMBINATIONS, OutOfFold, apply_stages, fit, peer_correlation
from vfr.ensemble.fitted import Fitted
from vfr.ensemble.weights import weights_by_session
from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.typing import HORIZONS

MEMBERS = ("lightgbm", "linear", "trees")
REFITS = (100, 350, 600, 850)
NAN = np.nan


def world(seed=0, sessions=1100, names=24, skill=(0.5, 0.4, 0.3), first=100):
    """Three members that see a part of what moves returns; nothing is predicted before the first refit."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=(sessions, names))
    seen = np.stack([s * truth + rng.normal(size=truth.shape) for s in skill])
    excess = 0.02 * (0.3 * truth + rng.normal(size=truth.shape))
    excess -= np.median(excess, axis=1, keepdims=True)
    rank = np.stack([session_ranks(score) for score in seen])
    p_up, expected = 1 / (1 + np.exp(-(0.16 + 0.1 * seen))), 0.004 * rank
    for grid in (p_up, expected, rank):
        grid[:, :first] = NAN
    up = (excess + 0.002 > 0).astype(float)
    return OutOfFold(
        MEMBERS,
        calendar(sessions),
        p_up,
        expected,
        rank,
        up,
        excess,
        np.full(up.shape, 0.54),
        rng.random(up.shape) < 0.9,
    )


def fitted(o, horizon="1d"):
    return fit(horizon, "us-480", "abc", "2026-11-29T23:00:00Z", o, REFITS)


@pytest.fixture(scope="module")
def one():
    o = world()
    return o, fitted(o)


def test_there_is_a_stage_for_every_refit_and_one_for_service(one):
    o, found = one
    days = [stage.effective for stage in found.stages]
    assert days == [*o.sessions[list(REFITS)], o.sessions[-1]]
    assert [stage.stacker is not None for stage in found.stages] == [False, True, True, True, True]
    assert [stage.confidence is not None for stage in found.stages] == [False, True, True, True, True]
    assert found.scores.dates[0] == o.sessions[100]
    assert found.peers.shape == found.scores.ic.shape
    assert Fitted.from_files(found.to_files()).to_files() == found.to_files()


@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_stage_reads_no_outcome_that_had_not_matured(horizon):
    o, later = world(), world(seed=9)
    row = REFITS[2]
    known = np.arange(o.sessions.size) + HORIZONS[horizon] + 1 < row
    mixed = {name: np.where(known[:, None], getattr(o, name), getattr(later, name)) for name in ("direction", "excess")}
    cells = np.where(known[:, None], o.cells, later.cells)
    other = dataclasses.replace(o, **mixed, cells=cells)
    before, after = fitted(o, horizon), fitted(other, horizon)
    for stage, same in zip(before.stages[:3], after.stages[:3], strict=True):
        assert stage.confidence == same.confidence
        assert (stage.stacker is None) == (same.stacker is None)
        if stage.stacker is not None:
            np.testing.assert_array_equal(stage.stacker.direction, same.stacker.direction)
            np.testing.assert_array_equal(stage.stacker.excess, same.stacker.excess)
            assert stage.stacker.verdict == same.stacker.verdict
    assert before.stages[3].confidence != after.stages[3].confidence
    first, second = apply_stages(before, o, REFITS), apply_stages(after, other, REFITS)
    for way in COMBINATIONS:
        for name in ("p_up", "expected", "confidence"):
            a, b = getattr(first[way], name), getattr(second[way], name)
            np.testing.assert_array_equal(a[: row + 1], b[: row + 1])


def test_every_way_to_combine_is_what_a_request_would_have_been_answered(one):
    o, found = one
    o.p_up[1, 700:, 3] = NAN
    grids = apply_stages(found, o, REFITS)
    learned = weights_by_session(found.scores, o.sessions, "1d")
    for row in (150, 400, 700, 1099):
        stage = found.at(o.sessions[row])
        results = [
            MemberResult(
                name,
                "v",
                Prediction(p, e, np.where(np.isfinite(p), e, NAN), e, np.where(np.isfinite(p), 0.5, NAN), 0.9),
                "ok",
                None,
                None,
                0.0,
            )
            for name, p, e in zip(MEMBERS, o.p_up[:, row], o.expected[:, row], strict=True)
        ]
        by_name = dict(zip(MEMBERS, learned[row], strict=True))
        dynamic = Base(by_name, None, "dynamic", stage.stacker, stage.confidence)
        equal = dataclasses.replace(Base.equal(MEMBERS), confidence=stage.confidence)
        asked = {
            "equal": combine(results, "weighted", 24, equal),
            "dynamic": combine(results, "weighted", 24, dynamic),
            "soft_voting": combine(results, "voting", 24, equal, voting="soft"),
            "hard_voting": combine(results, "voting", 24, equal),
            "stacking": combine(results, "stacking", 24, dynamic),
        }
        for way, verdict in asked.items():
            np.testing.assert_allclose(grids[way].p_up[row], verdict.prediction.p_up, atol=1e-12, err_msg=way)
            np.testing.assert_allclose(
                grids[way].expected[row], verdict.prediction.expected_excess, atol=1e-15, err_msg=way
            )
            if stage.confidence is not None:
                np.testing.assert_allclose(grids[way].confidence[row], verdict.prediction.confidence, atol=1e-12)
    assert np.isnan(grids["dynamic"].confidence[: REFITS[1]]).all()


def test_the_leader_is_the_member_that_had_done_best_before_each_refit(one):
    o, found = one
    grids = apply_stages(found, o, REFITS)
    np.testing.assert_array_equal(grids["leader"].expected[200], grids["equal"].expected[200])
    np.testing.assert_allclose(grids["leader"].expected[900], o.expected[0, 900])
    swapped = dataclasses.replace(o, p_up=o.p_up[::-1], expected=o.expected[::-1], rank=o.rank[::-1])
    again = apply_stages(fitted(swapped), swapped, REFITS)
    np.testing.assert_allclose(again["leader"].expected[900], o.expected[0, 900])


def test_names_that_nobody_predicted_stay_unknown(one):
    o, found = one
    grids = apply_stages(found, o, REFITS)
    for way in COMBINATIONS:
        assert np.isnan(grids[way].p_up[:100]).all()
        assert np.isfinite(grids[way].p_up[100:]).all()
        assert np.isfinite(grids[way].confidence[350:]).all()


def test_peer_correlation_reads_no_outcome_and_tells_the_odd_one_out():
    o = world(skill=(2.0, 2.0, -2.0))
    found = peer_correlation(o.rank, o.cells)
    assert np.isnan(found[:100]).all()
    mean = np.nanmean(found[100:], axis=0)
    assert mean[2] < -0.5
    lone = o.rank.copy()
    lone[1:, 500] = NAN
    assert np.isnan(peer_correlation(lone, o.cells)[500]).all()


def test_few_names_and_a_member_that_never_answered_are_borne():
    o = world(names=6, sessions=500)
    for grid in (o.p_up, o.expected, o.rank):
        grid[2] = NAN
    found = fit("7d", "few", "abc", "2026-11-29T23:00:00Z", o, (100, 400))
    last = found.stages[-1]
    assert not last.stacker.beats_equal
    np.testing.assert_allclose(last.stacker.excess, 1 / 3)
    grids = apply_stages(found, o, (100, 400))
    np.testing.assert_allclose(grids["equal"].p_up[200], o.p_up[:2, 200].mean(axis=0))
    assert np.isfinite(grids["dynamic"].confidence[400:]).all()
    assert Fitted.from_files(found.to_files()).to_files() == found.to_files()


def test_without_predictions_there_is_an_empty_record_and_nothing_fitted():
    found = fitted(world(first=1100))
    assert found.scores.dates.size == 0
    assert all(stage.stacker is None and stage.confidence is None for stage in found.stages)
    assert Fitted.from_files(found.to_files()).scores.members == MEMBERS
