from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.monitoring.signals import from_peers, joined, signals

DAYS = np.arange("2015-01-01", "2015-03-01", dtype="datetime64[D]")
NAMES = ("lightgbm", "xgboost", "lstm", "linear", "trees")


def scores(seed=0, members=5, sessions=12, names=60, signal=1.0):
    rng = np.random.default_rng(seed)
    return signal * rng.normal(size=(sessions, names)) + rng.normal(size=(members, sessions, names))


def of(score, **more):
    return signals(NAMES[: score.shape[0]], DAYS[: score.shape[1]], score, **more)


def test_members_that_share_a_signal_correlate_with_their_peers_as_theory_says():
    found = of(scores(sessions=40, names=400)).peers
    # Pearson's is 1 / sqrt(2 (1 + 1/4)) for unit signal and noise; Spearman's of a normal pair lies just below.
    pearson = 1 / np.sqrt(2 * 1.25)
    assert found.mean() == pytest.approx(6 / np.pi * np.arcsin(pearson / 2), abs=0.02)


def test_a_member_that_ranks_names_the_other_way_round_is_at_minus_one():
    up = scores(members=1, signal=0.0)
    found = of(np.concatenate([up, 2.0 * up, -up]))
    np.testing.assert_allclose(found.peers[:, 2], -1.0)


def test_peers_that_cancel_have_no_order_to_agree_with():
    up = scores(members=1, signal=0.0)
    assert np.isnan(of(np.concatenate([up, 3.0 * up, -up])).peers[:, :2]).all()


def test_the_same_score_for_every_name_is_no_agreement_rather_than_unknown():
    score = scores()
    score[3, 5] = 0.25
    found = of(score)
    assert found.peers[5, 3] == 0.0
    assert np.isfinite(found.peers).all()


def test_unchanged_scores_are_counted_name_by_name():
    score = scores()
    score[1, 4, :15] = score[1, 3, :15]
    score[2, 4] = score[2, 3]
    found = of(score)
    assert found.same[4].tolist() == [0.0, 0.25, 1.0, 0.0, 0.0]
    assert found.own[4, 2] == pytest.approx(1.0)
    assert np.isnan(found.same[0]).all()


def test_nobody_is_frozen_on_a_day_on_which_nothing_changed():
    score = scores()
    score[:, 4] = score[:, 3]
    found = of(score)
    assert np.isnan(found.same[4]).all()
    assert np.isnan(found.own[4]).all()


def test_a_single_member_is_frozen_only_if_its_inputs_are_known_to_move():
    score = scores(members=1)
    score[0, 4] = score[0, 3]
    assert np.isnan(of(score).same).all()
    assert of(score, changed=np.ones(12, dtype=bool)).same[4, 0] == 1.0


def test_the_share_of_names_answered_is_of_the_names_anybody_answered():
    score = scores()
    score[:, :, 50:] = np.nan
    score[2, 6, :40] = np.nan
    found = of(score)
    assert found.names.tolist() == [50.0] * 12
    assert found.answered[6].tolist() == [1.0, 1.0, 0.2, 1.0, 1.0]


def test_few_names_have_no_correlation():
    assert np.isnan(of(scores(names=9)).peers).all()


def test_a_record_is_continued_by_name_and_never_overwritten():
    first = from_peers(("linear", "trees"), DAYS[:3], np.full((3, 2), 0.5), np.full(3, 100.0))
    later = of(scores(sessions=6))
    whole = joined(first, later)
    assert whole.members == ("linear", "trees", "lightgbm", "xgboost", "lstm")
    assert whole.sessions.tolist() == DAYS[:6].tolist()
    assert whole.peers[:3, :2].tolist() == [[0.5, 0.5]] * 3
    np.testing.assert_array_equal(whole.peers[3:], later.peers[3:][:, [3, 4, 0, 1, 2]])


@settings(max_examples=25)
@given(st.permutations(range(5)), st.integers(0, 1000))
def test_permuting_members_permutes_the_figures(order, seed):
    score = scores(seed)
    score[1, 3:5, 10:] = np.nan
    plain, turned = of(score), of(score[list(order)])
    for name in ("peers", "own", "same", "answered"):
        np.testing.assert_allclose(getattr(turned, name), getattr(plain, name)[:, list(order)], atol=1e-12)


@settings(max_examples=25)
@given(st.integers(1, 11), st.integers(0, 1000))
def test_a_session_knows_nothing_of_later_ones(cut, seed):
    score = scores(seed)
    other = score.copy()
    other[:, cut:] = scores(seed + 1)[:, cut:] ** 3
    before, after = of(score), of(other)
    for name in ("peers", "own", "same", "answered", "names"):
        np.testing.assert_array_equal(getattr(before, name)[:cut], getattr(after, name)[:cut])
