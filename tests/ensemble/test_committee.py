from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vfr.ensemble.committee import MemberResult, ask, combine
from vfr.errors import ArtifactCorrupt, NoModel
from vfr.models.prediction import Prediction

NAN = np.nan


def prediction(p_up, expected=None, confidence=None, width=0.02, level=0.9):
    p = np.asarray(p_up, dtype=np.float64)
    e = p - 0.5 if expected is None else np.asarray(expected, dtype=np.float64)
    c = np.where(np.isnan(p), NAN, 0.52) if confidence is None else np.asarray(confidence, dtype=np.float64)
    return Prediction(p, e, e - width, e + width, c, level)


def answered(name, *args, **kwargs):
    return MemberResult(name, f"{name}-1", prediction(*args, **kwargs), "ok", None, None, 1.0)


def failed(name):
    return MemberResult(name, f"{name}-1", None, "failed", "it raised ValueError", ValueError("x"), 1.0)


def test_equal_weights_average_everything():
    found = combine(
        [answered("linear", [0.6, 0.4]), answered("lightgbm", [0.5, 0.6], width=0.04, level=0.8)], "weighted", 2
    )
    np.testing.assert_allclose(found.prediction.p_up, [0.55, 0.5])
    np.testing.assert_allclose(found.prediction.expected_excess, [0.05, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.prediction.high, [0.08, 0.03])
    np.testing.assert_allclose(found.prediction.low, [0.02, -0.03])
    assert found.prediction.level == 0.8
    assert found.weights.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert found.method_applied == "equal_weight"
    assert "no member has earned more" in found.note


def test_a_member_that_disagrees_lowers_the_confidence():
    members = [
        answered("linear", [0.6], expected=[0.03], confidence=[0.54]),
        answered("lightgbm", [0.4], expected=[-0.01], confidence=[0.52]),
    ]
    assert combine(members, "weighted", 1).prediction.confidence == pytest.approx((0.54 + 0.48) / 2)


def test_a_failed_member_and_a_missing_row_are_left_out_and_the_rest_renormalised():
    members = [answered("linear", [0.6, NAN, NAN]), failed("lstm"), answered("lightgbm", [0.4, 0.7, NAN])]
    found = combine(members, "weighted", 3)
    np.testing.assert_allclose(found.weights, [[0.5, 0, 0], [0, 0, 0], [0.5, 1, 0]])
    np.testing.assert_allclose(found.prediction.p_up, [0.5, 0.7, NAN])
    np.testing.assert_array_equal(np.isnan(found.agreement), [False, True, True])
    for field in ("p_up", "expected_excess", "low", "high", "confidence"):
        assert np.isnan(getattr(found.prediction, field)[2])


def test_a_row_with_any_unknown_or_infinite_part_is_left_out():
    broken = Prediction(np.array([0.6]), np.array([np.inf]), np.array([0.0]), np.array([0.1]), np.array([0.5]), 0.9)
    found = combine([MemberResult("linear", "l", broken, "ok", None, None, 0.0)], "weighted", 1)
    assert np.isnan(found.prediction.p_up).all()


@pytest.mark.parametrize(
    ("votes", "p_up"),
    [
        ([0.6, 0.7, 0.1], 0.65),
        ([0.4, 0.3, 0.9], 0.35),
        ([0.6, 0.4], 0.5),
        ([0.505, 0.4, 0.5], 0.4),
        ([0.505, 0.495], 0.5),
        ([0.8], 0.8),
    ],
)
def test_voting_takes_the_mean_of_the_winning_side_and_one_half_on_a_tie(votes, p_up):
    members = [answered(f"m{n}", [vote]) for n, vote in enumerate(votes)]
    found = combine(members, "voting", 1)
    assert found.prediction.p_up[0] == pytest.approx(p_up)
    assert found.method_applied == "voting"
    assert found.note is None


def test_stacking_says_that_no_stacker_is_fitted():
    members = [answered("linear", [0.6]), answered("lightgbm", [0.5])]
    found = combine(members, "stacking", 1)
    assert found.method_applied == "equal_weight"
    assert "no stacker" in found.note
    assert found.prediction.p_up == combine(members, "weighted", 1).prediction.p_up


@pytest.mark.parametrize(("votes", "share"), [([0.6, 0.7], 1.0), ([0.7, 0.4], 0.5), ([0.9, 0.45, 0.45], 1 / 3)])
def test_agreement_is_the_weight_on_the_ensembles_side(votes, share):
    members = [answered(f"m{n}", [vote]) for n, vote in enumerate(votes)]
    assert combine(members, "weighted", 1).agreement[0] == pytest.approx(share)


def test_no_member_at_all_is_unknown():
    found = combine([failed("linear")], "weighted", 2)
    assert np.isnan(found.prediction.p_up).all()
    assert not found.weights.any()


rows = st.tuples(st.integers(1, 4), st.integers(1, 5)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(0, 1) | st.just(NAN))
)


@settings(deadline=None)
@given(rows, st.sampled_from(["weighted", "voting", "stacking"]))
def test_in_every_method_weights_are_not_negative_and_sum_to_one(p_up, method):
    members = [answered(f"m{n}", row) for n, row in enumerate(p_up)]
    found = combine(members, method, p_up.shape[1])
    known = np.isfinite(p_up).any(axis=0)
    assert (found.weights >= 0).all()
    np.testing.assert_allclose(found.weights.sum(axis=0), known, atol=1e-12)
    np.testing.assert_array_equal(np.isfinite(found.prediction.p_up), known)
    inside = found.prediction.p_up[known]
    low, high = min(np.nanmin(p_up, initial=1), 0.5), max(np.nanmax(p_up, initial=0), 0.5)
    assert ((inside >= low - 1e-12) & (inside <= high + 1e-12)).all()


def test_an_answer_is_timed_and_passed_on():
    found = ask("linear", "linear-1", lambda: prediction([0.6]), 1)
    assert (found.status, found.reason, found.error) == ("ok", None, None)
    assert found.prediction.p_up.tolist() == [0.6]
    assert found.latency_ms >= 0


def raising(error):
    raise error


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ArtifactCorrupt("linear-1: sha256 differs"), "corrupt", "linear-1: sha256 differs"),
        (NoModel("linear-1: no such model version"), "failed", "linear-1: no such model version"),
        (FileNotFoundError("/home/someone/secret"), "failed", "it raised FileNotFoundError"),
        (RecursionError(), "failed", "it raised RecursionError"),
        (MemoryError(), "failed", "it raised MemoryError"),
    ],
)
def test_whatever_a_member_raises_becomes_a_reason_without_a_path(error, status, reason):
    found = ask("linear", "linear-1", lambda: raising(error), 1)
    assert (found.prediction, found.status, found.reason, found.error) == (None, status, reason, error)


def test_an_answer_of_the_wrong_size_is_a_failure():
    found = ask("linear", "linear-1", lambda: prediction([0.6, 0.5]), 3)
    assert found.status == "failed"
    assert found.prediction is None


def test_a_user_who_interrupts_is_obeyed():
    with pytest.raises(KeyboardInterrupt):
        ask("linear", "linear-1", lambda: raising(KeyboardInterrupt()), 1)
