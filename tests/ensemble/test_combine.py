from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vfr.ensemble.asking import MemberResult, ask
from vfr.ensemble.combine import Base, combine
from vfr.ensemble.confidence import Confidence
from vfr.ensemble.stacking import Stacker
from vfr.errors import ArtifactCorrupt, NoModel
from vfr.models.prediction import Prediction

NAN = np.nan
FIELDS = ("p_up", "expected_excess", "low", "high", "confidence")


def prediction(p_up, expected=None, confidence=None, width=0.02, level=0.9):
    p = np.asarray(p_up, dtype=np.float64)
    e = p - 0.5 if expected is None else np.asarray(expected, dtype=np.float64)
    c = np.where(np.isnan(p), NAN, 0.52) if confidence is None else np.asarray(confidence, dtype=np.float64)
    return Prediction(p, e, e - width, e + width, c, level)


def answered(name, *args, **kwargs):
    return MemberResult(name, f"{name}-1", prediction(*args, **kwargs), "ok", None, None, 1.0)


def failed(name):
    return MemberResult(name, f"{name}-1", None, "failed", "it raised ValueError", ValueError("x"), 1.0)


def equally(members, method, n, **options):
    return combine(members, method, n, Base.equal([m.member for m in members]), **options)


def test_equal_weights_average_everything():
    found = equally(
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


def test_earned_weights_are_renormalised_over_the_members_of_a_row():
    members = [answered("linear", [0.6, 0.6]), answered("trees", [0.4, NAN]), answered("lstm", [0.5, 0.5])]
    base = Base({"linear": 0.6, "trees": 0.2, "lstm": 0.2}, "earned on 900 dates", "earned_weight")
    found = combine(members, "weighted", 2, base)
    np.testing.assert_allclose(found.weights, [[0.6, 0.75], [0.2, 0.0], [0.2, 0.25]])
    np.testing.assert_allclose(found.prediction.p_up, [0.54, 0.575])
    assert (found.method_applied, found.note) == ("earned_weight", "earned on 900 dates")


def test_members_that_hold_nothing_share_equally_only_where_nobody_else_answers():
    members = [answered("linear", [0.6, NAN]), answered("trees", [0.4, 0.4]), answered("lstm", [0.7, 0.6])]
    found = combine(members, "weighted", 2, Base({"linear": 1.0}, None, "earned_weight"))
    np.testing.assert_allclose(found.weights, [[1, 0], [0, 0.5], [0, 0.5]])


@pytest.mark.parametrize("weight", [-0.1, NAN, np.inf])
def test_weights_that_are_none_are_refused(weight):
    with pytest.raises(ValueError, match="finite and not negative"):
        Base({"linear": weight}, None, "earned_weight")


def test_a_member_that_disagrees_lowers_the_confidence():
    members = [
        answered("linear", [0.6], expected=[0.03], confidence=[0.54]),
        answered("lightgbm", [0.4], expected=[-0.01], confidence=[0.52]),
    ]
    assert equally(members, "weighted", 1).prediction.confidence == pytest.approx((0.54 + 0.48) / 2)


def test_a_fitted_confidence_reads_margin_and_coverage():
    members = [
        answered("linear", [0.6, 0.5, 0.4], expected=[0.03, 0.01, -0.02]),
        answered("trees", [0.6, 0.5, NAN], expected=[0.02, -0.03, NAN]),
    ]
    base = Base({"linear": 0.75, "trees": 0.25}, None, "earned_weight", None, Confidence(slope=3.0, loss=0.4))
    found = combine(members, "weighted", 3, base)
    # Expected 0.0275, 0.0, -0.02: ranks 1/3, 0, -1/3; a mean of 0 takes the larger side.
    np.testing.assert_allclose(found.excess_agreement, [1.0, 0.75, 1.0])
    logits = np.array([1.0, 0.0, 1.0 - 0.4 * 0.25])
    np.testing.assert_allclose(found.prediction.confidence, 1 / (1 + np.exp(-logits)), rtol=1e-6)


def test_a_failed_member_and_a_missing_row_are_left_out_and_the_rest_renormalised():
    members = [answered("linear", [0.6, NAN, NAN]), failed("lstm"), answered("lightgbm", [0.4, 0.7, NAN])]
    found = equally(members, "weighted", 3)
    np.testing.assert_allclose(found.weights, [[0.5, 0, 0], [0, 0, 0], [0.5, 1, 0]])
    np.testing.assert_allclose(found.prediction.p_up, [0.5, 0.7, NAN])
    np.testing.assert_array_equal(np.isnan(found.agreement), [False, True, True])
    np.testing.assert_array_equal(np.isnan(found.excess_agreement), [False, False, True])
    for field in FIELDS:
        assert np.isnan(getattr(found.prediction, field)[2])


@pytest.mark.parametrize(
    "broken",
    [{"expected_excess": np.inf}, {"p_up": 1.5}, {"p_up": -0.1}, {"confidence": 2.0}, {"low": NAN}],
)
def test_a_row_with_any_part_that_is_no_number_or_no_chance_is_left_out(broken):
    whole = prediction([0.6])
    wrong = replace(whole, **{name: np.array([value]) for name, value in broken.items()})
    members = [MemberResult("linear", "l", wrong, "ok", None, None, 0.0), answered("trees", [0.4])]
    found = equally(members, "weighted", 1)
    assert found.weights.tolist() == [[0.0], [1.0]]
    assert found.prediction.p_up == 0.4


VOTES = [
    ([0.6, 0.7, 0.1], 0.65),
    ([0.4, 0.3, 0.9], 0.35),
    ([0.6, 0.4], 0.5),
    ([0.505, 0.4, 0.5], 0.4),
    ([0.505, 0.495], 0.5),
    ([0.8], 0.8),
]


@pytest.mark.parametrize(("votes", "p_up"), VOTES)
def test_voting_takes_the_mean_of_the_winning_side_and_one_half_on_a_tie(votes, p_up):
    members = [answered(f"m{n}", [vote]) for n, vote in enumerate(votes)]
    found = equally(members, "voting", 1)
    assert found.prediction.p_up[0] == pytest.approx(p_up)
    assert found.method_applied == "voting"
    assert found.note is None


def test_votes_weigh_what_the_base_says():
    members = [answered("linear", [0.6]), answered("trees", [0.3]), answered("lstm", [0.4])]
    base = Base({"linear": 0.6, "trees": 0.2, "lstm": 0.2}, "earned", "earned_weight")
    found = combine(members, "voting", 1, base)
    assert found.prediction.p_up[0] == pytest.approx(0.6)
    assert found.note == "earned"


def test_a_soft_vote_is_the_mean_probability():
    members = [answered("linear", [0.6, 0.9]), answered("trees", [0.505, NAN])]
    found = equally(members, "voting", 2, voting="soft")
    np.testing.assert_allclose(found.prediction.p_up, [0.5525, 0.9])
    assert found.method_applied == "soft_voting"


def stacker(**changes):
    facts = {
        "members": ("linear", "trees"),
        "intercept": 0.2,
        "direction": np.array([0.9, 0.3]),
        "excess": np.array([0.5, 0.5]),
        "beats_equal": True,
        "verdict": "it lost 0.01 less than equal weights",
    }
    return Stacker(**(facts | changes))


def stacked(made, members=None):
    members = members or [
        answered("trees", [0.55, NAN], expected=[0.01, NAN]),
        answered("linear", [0.6, 0.4], expected=[0.03, -0.02]),
        answered("lstm", [0.5, 0.7], expected=[0.05, 0.01]),
    ]
    base = replace(Base.equal([m.member for m in members]), stacker=made)
    return combine(members, "stacking", 2, base)


def test_the_stacker_answers_rows_that_all_its_members_did_and_equal_weights_the_others():
    found = stacked(stacker())
    logits = 0.2 + 0.9 * np.log(0.6 / 0.4) + 0.3 * np.log(0.55 / 0.45)
    np.testing.assert_allclose(found.prediction.p_up, [1 / (1 + np.exp(-logits)), 0.55])
    np.testing.assert_allclose(found.prediction.expected_excess, [0.02, -0.005])
    # The interval of the mean, 0.03 -+ 0.02, moves with the expected excess.
    np.testing.assert_allclose(found.prediction.low, [0.0, -0.025], atol=1e-12)
    np.testing.assert_allclose(found.prediction.high, [0.04, 0.015])
    np.testing.assert_allclose(found.weights, [[0.375, 0.0], [0.625, 0.5], [0.0, 0.5]])
    assert found.method_applied == "stacking"
    assert found.note == "it lost 0.01 less than equal weights; 1 names lack one of its members and take equal weight"


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (None, "falls back to equal weight because no stacker has been fitted"),
        (stacker(beats_equal=False, verdict="it lost 0.02 more"), "falls back to equal weight because it lost 0.02"),
        (
            stacker(members=("linear", "xgboost")),
            "falls back to equal weight because the stacker needs xgboost, which is not asked or benched",
        ),
    ],
)
def test_without_a_stacker_that_beats_them_equal_weights_answer_and_say_why(made, why):
    found = stacked(made)
    assert found.method_applied == "equal_weight"
    assert found.note.startswith(why)
    np.testing.assert_allclose(found.prediction.p_up, [0.55, 0.55])


def test_a_stacker_none_of_whose_rows_is_whole_gives_way():
    found = stacked(stacker(), [answered("linear", [0.6, NAN]), answered("trees", [NAN, 0.7])])
    assert (found.method_applied, found.prediction.p_up.tolist()) == ("equal_weight", [0.6, 0.7])
    assert "no name was answered by all of linear, trees" in found.note


def test_a_stacker_one_of_whose_members_is_benched_gives_way():
    members = [answered("linear", [0.6, 0.4]), answered("trees", [0.2, 0.9], expected=[-0.3, 0.3])]
    base = Base({"linear": 1.0, "trees": 0.0}, "earned on 900 dates", "learned_weights", stacker())
    found = combine(members, "stacking", 2, base)
    np.testing.assert_allclose(found.prediction.expected_excess, [0.1, -0.1])
    assert found.weights.tolist() == [[1.0, 1.0], [0.0, 0.0]]
    assert found.method_applied == "learned_weights"
    assert found.note == "falls back to learned weights because the stacker needs trees, which is not asked or benched"


def test_a_member_in_another_unit_is_left_out():
    percent = answered("lstm", [0.6, 0.4], expected=[-120.0, 150.0])
    found = equally([answered("linear", [0.6, 0.4]), percent], "weighted", 2)
    np.testing.assert_allclose(found.prediction.expected_excess, [0.1, -0.1])
    assert found.weights.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_a_stacker_without_coefficients_reports_the_base_weights():
    found = stacked(stacker(direction=np.zeros(2), excess=np.zeros(2)))
    np.testing.assert_allclose(found.weights[:, 0], 1 / 3)
    assert found.prediction.p_up[0] == pytest.approx(1 / (1 + np.exp(-0.2)))


@pytest.mark.parametrize(("votes", "share"), [([0.6, 0.7], 1.0), ([0.7, 0.4], 0.5), ([0.9, 0.45, 0.45], 1 / 3)])
def test_agreement_is_the_weight_on_the_ensembles_side(votes, share):
    members = [answered(f"m{n}", [vote]) for n, vote in enumerate(votes)]
    found = equally(members, "weighted", 1)
    assert found.agreement[0] == pytest.approx(share)
    assert found.excess_agreement[0] == pytest.approx(share)


@pytest.mark.parametrize("method", ["weighted", "voting", "stacking"])
@pytest.mark.parametrize("members", [[], [failed("linear")], [failed("linear"), failed("trees")]])
def test_no_member_at_all_is_unknown(members, method):
    base = replace(Base.equal(["linear", "trees"]), stacker=stacker(), confidence=Confidence(slope=1.0, loss=0.5))
    found = combine(members, method, 2, base)
    for field in FIELDS:
        assert np.isnan(getattr(found.prediction, field)).all()
    assert not found.weights.any()


METHODS = [("weighted", "hard"), ("voting", "hard"), ("voting", "soft"), ("stacking", "hard")]
shapes = st.tuples(st.integers(1, 5), st.integers(1, 5))
cells = st.floats(0, 1) | st.just(NAN) | st.sampled_from([0.49, 0.5, 0.51])
boards = shapes.flatmap(lambda shape: hnp.arrays(np.float64, shape, elements=cells))
held = st.lists(st.floats(0, 1), min_size=5, max_size=5)


def committee(p_up, weights):
    """Members m0, m1, ... and a base of these weights whose stacker is of them all."""
    members = [answered(f"m{n}", row) for n, row in enumerate(p_up)]
    names = tuple(m.member for m in members)
    size = len(names)
    fitted = stacker(members=names, direction=np.arange(1.0, size + 1), excess=np.arange(size, 0.0, -1.0))
    map_of = Confidence(slope=0.3, loss=0.2)
    return members, Base(dict(zip(names, weights, strict=False)), None, "earned_weight", fitted, map_of)


@given(boards, held, st.sampled_from(METHODS))
def test_in_every_method_weights_are_on_the_simplex_and_a_row_is_known_where_any_member_is(p_up, weights, way):
    members, base = committee(p_up, weights)
    found = combine(members, way[0], p_up.shape[1], base, voting=way[1])
    known = np.isfinite(p_up).any(axis=0)
    assert (found.weights >= 0).all()
    np.testing.assert_allclose(found.weights.sum(axis=0), known, atol=1e-9)
    for field in FIELDS:
        np.testing.assert_array_equal(np.isfinite(getattr(found.prediction, field)), known)
    assert not found.weights[~np.isfinite(p_up)].any()
    inside = found.prediction.p_up[known]
    assert ((inside >= 0) & (inside <= 1)).all()
    if way[0] != "stacking":
        low, high = min(np.nanmin(p_up, initial=1), 0.5), max(np.nanmax(p_up, initial=0), 0.5)
        assert ((inside >= low - 1e-9) & (inside <= high + 1e-9)).all()


def same(one, other):
    for field in FIELDS:
        np.testing.assert_allclose(getattr(one.prediction, field), getattr(other.prediction, field), atol=1e-9)
    np.testing.assert_allclose(one.agreement, other.agreement, atol=1e-9)
    np.testing.assert_allclose(one.excess_agreement, other.excess_agreement, atol=1e-9)


@given(boards, held, st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_members_does_not_matter(p_up, weights, way, random):
    # Grains of 1/64 add up exactly in any order: what is on the edge of a sign or a tie stays there.
    p_up, weights = np.round(p_up * 64) / 64, [round(w * 64) / 64 for w in weights]
    members, base = committee(p_up, weights)
    shuffled = random.sample(range(len(members)), len(members))
    one = combine(members, way[0], p_up.shape[1], base, voting=way[1])
    other = combine([members[m] for m in shuffled], way[0], p_up.shape[1], base, voting=way[1])
    np.testing.assert_allclose(one.weights[shuffled], other.weights, atol=1e-9)
    if way[0] != "stacking":
        same(one, other)
    np.testing.assert_allclose(one.prediction.p_up, other.prediction.p_up, atol=1e-9)


@given(boards, held, st.sampled_from(METHODS[:3]))
def test_a_duplicate_that_shares_its_twins_weight_changes_nothing(p_up, weights, way):
    p_up, weights = np.round(p_up * 64) / 64, [round(w * 64) / 64 + 1 / 64 for w in weights]
    members, base = committee(p_up, weights)
    twin = replace(members[0], member="twin")
    half = base.weights["m0"] / 2
    doubled = replace(base, weights={**base.weights, "m0": half, "twin": half})
    n = p_up.shape[1]
    one, other = (
        combine(members, way[0], n, base, voting=way[1]),
        combine([*members, twin], way[0], n, doubled, voting=way[1]),
    )
    for field in FIELDS:
        np.testing.assert_allclose(getattr(one.prediction, field), getattr(other.prediction, field), atol=1e-9)


@given(boards, held, st.sampled_from(METHODS))
def test_rows_that_are_unknown_change_no_weight_of_the_others(p_up, weights, way):
    members, base = committee(p_up, weights)
    blind = replace(base, stacker=None)
    wider = np.concatenate([p_up, np.full((p_up.shape[0], 1), NAN)], axis=1)
    more, _ = committee(wider, weights)
    one = combine(members, way[0], p_up.shape[1], blind, voting=way[1])
    other = combine(more, way[0], wider.shape[1], blind, voting=way[1])
    np.testing.assert_array_equal(one.weights, other.weights[:, :-1])
    np.testing.assert_array_equal(one.prediction.p_up, other.prediction.p_up[:-1])
    np.testing.assert_array_equal(one.prediction.confidence, other.prediction.confidence[:-1])


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


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (prediction([0.6, 0.5]), "its p_up has shape (2,) for 3 rows"),
        (prediction([[0.6, 0.5, 0.4]]), "its p_up has shape (1, 3) for 3 rows"),
        (replace(prediction([0.6, 0.5, 0.4]), high=np.array(0.1)), "its high has shape () for 3 rows"),
        (None, "it raised AttributeError"),
        (replace(prediction([0.6, 0.5, 0.4]), low=np.array(["a", "b", "c"])), "it raised ValueError"),
    ],
)
def test_an_answer_that_is_no_prediction_of_the_rows_is_a_failure(answer, reason):
    found = ask("linear", "linear-1", lambda: answer, 3)
    assert (found.status, found.prediction, found.reason) == ("failed", None, reason)


def test_a_user_who_interrupts_is_obeyed():
    with pytest.raises(KeyboardInterrupt):
        ask("linear", "linear-1", lambda: raising(KeyboardInterrupt()), 1)
