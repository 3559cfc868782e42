from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.models.design import session_ranks
from vfr.monitoring.checks import HealthRule, luck
from vfr.monitoring.health import health_by_session
from vfr.monitoring.signals import Signals, from_peers, signals

NAMES = ("lightgbm", "xgboost", "lstm", "linear", "trees")
START = np.datetime64("2010-01-04")
BROKEN = 150
"""Session from which a member is broken in these tests."""


def members(rng, sessions=200, names=100, noise=(0.6, 0.7, 1.5, 1.0, 1.2), slow=0.0):
    """Five members: a shared view that moves slowly or not, and noise of their own."""
    view = rng.normal(size=(sessions, names))
    for r in range(1, sessions):
        view[r] = slow * view[r - 1] + np.sqrt(1 - slow**2) * view[r]
    return view + np.array(noise)[:, None, None] * rng.normal(size=(len(noise), sessions, names))


def days(sessions):
    return START + np.arange(sessions)


def health_of(score, **more):
    return health_by_session(signals(NAMES[: len(score)], days(score.shape[1]), score), **more)


def shuffled(score, m, rng, start=BROKEN):
    out = score.copy()
    for r in range(start, score.shape[1]):
        out[m, r] = rng.permutation(score[m, r])
    return out


def frozen(score, m, rng, start=BROKEN):
    out = score.copy()
    out[m, start:] = score[m, start - 1]
    return out


def inverted(score, m, rng, start=BROKEN):
    out = score.copy()
    out[m, start:] *= -1.0
    return out


CORRUPTIONS = (shuffled, frozen, inverted)


def test_a_sound_record_benches_nobody_and_rings_for_nobody():
    found = health_of(members(np.random.default_rng(1), sessions=1000))
    assert found.health.min() == 1.0
    assert found.events == ()


@pytest.mark.parametrize("slow", [0.0, 0.98])
@pytest.mark.parametrize("corrupt", CORRUPTIONS)
@pytest.mark.parametrize("m", range(5))
def test_a_broken_member_is_benched_within_two_weeks_and_nobody_else(m, corrupt, slow):
    rng = np.random.default_rng(m)
    found = health_of(corrupt(members(rng, slow=slow), m, rng))
    assert (found.health[BROKEN + 10 :, m] == 0.0).all()
    assert np.delete(found.health, m, axis=1).min() == 1.0
    assert [event.kind for event in found.events] == ["alarm", "benched"]


@pytest.mark.parametrize("corrupt", CORRUPTIONS)
@pytest.mark.parametrize("count", [3, 4])
def test_three_members_are_enough_to_tell_who_is_broken(count, corrupt):
    rng = np.random.default_rng(5)
    found = health_of(corrupt(members(rng)[:count], 1, rng))
    assert found.health[-1].tolist() == [0.0 if m == 1 else 1.0 for m in range(count)]


def test_two_members_that_disagree_are_both_left_alone():
    rng = np.random.default_rng(5)
    assert health_of(inverted(members(rng)[:2], 1, rng)).health.min() == 1.0


def test_two_broken_members_of_five_are_both_found():
    rng = np.random.default_rng(6)
    score = inverted(inverted(members(rng), 0, rng), 3, rng)
    assert health_of(score).health[-1].tolist() == [0.0, 1.0, 1.0, 0.0, 1.0]


def test_a_weakly_related_member_is_not_punished_for_what_it_always_was():
    rng = np.random.default_rng(7)
    score = members(rng, sessions=600, names=300, noise=(0.6, 0.7, 4.5, 1.0, 1.2))
    record = signals(NAMES, days(600), score)
    assert luck(300) < np.median(record.peers[:, 2]) < 0.2
    assert health_by_session(record).health.min() == 1.0


def test_a_broken_member_never_becomes_its_own_standard():
    rng = np.random.default_rng(8)
    found = health_of(shuffled(members(rng, sessions=600), 2, rng))
    assert (found.health[BROKEN + 10 :, 2] == 0.0).all()


def test_it_comes_back_by_itself_after_five_usual_sessions_and_grows_back():
    rng = np.random.default_rng(9)
    score = members(rng)
    broken = shuffled(score, 1, rng)
    broken[1, 180:] = score[1, 180:]
    found = health_of(broken)
    assert found.health[180:190, 1].tolist() == [0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0]
    assert [event.kind for event in found.events] == ["alarm", "benched", "over", "back"]


def test_one_odd_session_does_nothing():
    rng = np.random.default_rng(10)
    score = members(rng)
    score[1, 170] *= -1.0
    assert health_of(score).health.min() == 1.0


def test_reasons_are_words_with_figures():
    rng = np.random.default_rng(11)
    score = members(rng)
    reasons = [health_of(corrupt(score, 0, rng)).events[0].reason for corrupt in CORRUPTIONS]
    assert reasons[0].startswith("rank correlation with the other members ")
    assert ", usual 0." in reasons[0]
    assert reasons[1] == "100% of its scores are those of the session before, while other members' moved"
    assert reasons[2].startswith("its order is turned round: rank correlation with the other members -0.")
    assert health_of(inverted(score, 0, rng)).events[0].to_dict()["member"] == "lightgbm"


def test_scores_that_move_without_a_change_of_order_are_frozen():
    rng = np.random.default_rng(19)
    score = frozen(members(rng), 0, rng)
    score[0, BROKEN:] += 0.001 * np.arange(1, 51)[:, None]
    found = health_of(score)
    assert found.health[-1, 0] == 0.0
    assert found.events[0].reason == "the order of its scores is that of the session before, while other members' moved"


def test_a_standing_alarm_keeps_the_reason_it_rang_for():
    rng = np.random.default_rng(20)
    score = members(rng)
    score[0, BROKEN, :60] = score[0, BROKEN - 1, :60]
    reasons = [event.reason for event in health_of(score).events if event.member == "lightgbm"]
    assert "of its scores are those of the session before" in reasons[0]
    assert not any("the order of its scores" in reason for reason in reasons)


def test_a_member_that_stops_answering_is_benched_and_one_that_never_did_is_not():
    rng = np.random.default_rng(12)
    score = members(rng)
    score[1, BROKEN:, 20:] = np.nan
    score[4] = np.nan
    found = health_of(score)
    assert found.health[-1].tolist() == [1.0, 0.0, 1.0, 1.0, 1.0]
    assert found.events[0].reason == "it answers for 20% of the names, usual 100%"


def test_other_features_than_those_of_training_bench_at_once():
    rng = np.random.default_rng(13)
    score = members(rng)
    alike = np.ones((200, 5))
    alike[BROKEN:, 3] = 0.0
    found = health_by_session(signals(NAMES, days(200), score, alike=alike))
    assert found.health[BROKEN - 1 : BROKEN + 1, 3].tolist() == [1.0, 0.0]
    assert "features" in found.events[0].reason


def test_missing_inputs_bench():
    rng = np.random.default_rng(14)
    known = np.ones((200, 5))
    known[BROKEN:, 2] = 0.4
    found = health_by_session(signals(NAMES, days(200), members(rng), known=known))
    assert found.health[BROKEN + 10, 2] == 0.0
    assert found.events[0].reason == "40% of the inputs known in training are known"


def test_an_alarm_from_elsewhere_counts_when_it_is_passed():
    also = np.zeros((200, 5), dtype=bool)
    also[BROKEN : BROKEN + 2, 4] = True
    found = health_of(members(np.random.default_rng(15)), also=also)
    assert found.health[BROKEN - 1 : BROKEN + 4, 4].tolist() == [1.0, 0.5, 0.25, 0.5, 1.0]


def test_a_refit_moves_what_is_usual():
    rng = np.random.default_rng(16)
    before = members(rng, names=400)
    after = members(rng, names=400, noise=(0.6, 0.7, 4.5, 1.0, 1.2))
    score = np.concatenate([before[:, :BROKEN], after[:, BROKEN:]], axis=1)
    refits = np.zeros((200, 5), dtype=bool)
    refits[BROKEN, 2] = True
    assert health_of(score).health[-1, 2] == 0.0
    assert health_of(score, refits=refits).health.min() == 1.0


@pytest.mark.parametrize("corrupt", [shuffled, inverted])
def test_a_new_version_that_is_broken_from_its_first_session_is_found(corrupt):
    rng = np.random.default_rng(17)
    refits = np.zeros((200, 5), dtype=bool)
    refits[BROKEN, 2] = True
    found = health_of(corrupt(members(rng, names=400), 2, rng), refits=refits)
    assert found.health[BROKEN + 12, 2] == 0.0
    assert "no better than luck" in found.events[0].reason


def test_a_record_without_figures_leaves_everybody_well():
    unknown = from_peers(NAMES, days(5), np.full((5, 5), np.nan), np.zeros(5))
    found = health_by_session(unknown)
    assert found.latest() == dict.fromkeys(NAMES, 1.0)
    empty = from_peers(NAMES, days(0), np.empty((0, 5)), np.empty(0))
    assert health_by_session(empty).latest() == dict.fromkeys(NAMES, 1.0)


def test_the_rule_sets_the_pace():
    rng = np.random.default_rng(18)
    rule = HealthRule(limit=6.0, shrink=0.7)
    found = health_of(shuffled(members(rng), 0, rng), rule=rule)
    first = int(np.flatnonzero(found.health[:, 0] < 1.0)[0])
    assert first >= BROKEN + 5
    assert found.health[first : first + 3, 0].round(3).tolist() == [0.7, 0.49, 0.343]


def test_luck_is_two_standard_errors():
    assert luck(101) == 0.2
    assert luck(1) == 1.0


@settings(max_examples=15)
@given(st.permutations(range(5)), st.integers(0, 4), st.sampled_from(CORRUPTIONS))
def test_permuting_members_permutes_their_health(order, m, corrupt):
    rng = np.random.default_rng(m)
    score = corrupt(members(rng, sessions=120, names=60), m, rng, start=80)
    plain = health_by_session(signals(NAMES, days(120), score))
    turned = health_by_session(signals([NAMES[k] for k in order], days(120), score[list(order)]))
    np.testing.assert_array_equal(turned.health, plain.health[:, list(order)])


@settings(max_examples=15)
@given(st.integers(60, 115), st.integers(0, 4))
def test_health_of_a_session_is_the_same_whatever_comes_later(cut, m):
    rng = np.random.default_rng(m)
    score = shuffled(members(rng, sessions=120, names=60), m, rng, start=70)
    other = score.copy()
    other[:, cut:] = rng.normal(size=other[:, cut:].shape)
    whole, changed = (signals(NAMES, days(120), s) for s in (score, other))
    start = Signals(
        whole.members,
        *(getattr(whole, f.name)[:cut] for f in dataclasses.fields(Signals)[1:]),
    )
    expected = health_by_session(whole).health[:cut]
    np.testing.assert_array_equal(health_by_session(changed).health[:cut], expected)
    np.testing.assert_array_equal(health_by_session(start).health, expected)


def test_among_twenty_names_those_that_keep_their_rank_overnight_are_not_frozen():
    """Scores follow the rank, so that of few names many repeat; in the bundled data a member was benched for it."""
    rng = np.random.default_rng(6)
    lasting = rng.normal(size=(500, 20))
    for t in range(1, 500):
        lasting[t] = 0.999 * lasting[t - 1] + (1 - 0.999**2) ** 0.5 * lasting[t]
    score = np.stack([session_ranks(lasting + 0.02 * rng.normal(size=lasting.shape)) for _ in range(5)])
    days = np.datetime64("2018-01-01") + np.arange(500)
    sound = signals(["a", "b", "c", "d", "e"], days, score)
    assert (sound.same >= 0.5).any()
    assert (sound.own >= 1.0 - 1e-6).any()
    assert health_by_session(sound).events == ()
    score[1, 300:] = score[1, 299]
    stuck = health_by_session(signals(["a", "b", "c", "d", "e"], days, score))
    assert stuck.events[0].member == "b"
    assert stuck.events[0].session in days[300:303]


def test_among_twenty_names_whose_order_lasts_peers_accuse_nobody():
    """Weekly forecasts of few names agree or not for months by luck; that is no fault, and no bench lasts for ever."""
    rng = np.random.default_rng(4)
    lasting = rng.normal(size=(5, 40, 20)).repeat(21, axis=1)
    score = 0.7 * rng.normal(size=(40, 20)).repeat(21, axis=0) + lasting
    days = np.datetime64("2018-01-01") + np.arange(840)
    refits = np.zeros((840, 5), dtype=bool)
    refits[::252] = True
    found = health_by_session(signals(["a", "b", "c", "d", "e"], days, score), refits=refits)
    assert found.health.min() == 1.0
    assert found.events == ()


def test_a_fault_that_cannot_be_judged_any_more_does_not_stand():
    """A market that shrinks to a few names leaves no judge of who broke before."""
    rng = np.random.default_rng(5)
    score = rng.normal(size=(200, 400)) + 0.8 * rng.normal(size=(5, 200, 400))
    score[2, 100:120] = rng.normal(size=(20, 400))
    score[:, 120:, 20:] = np.nan
    days = np.datetime64("2018-01-01") + np.arange(200)
    found = health_by_session(signals(["a", "b", "c", "d", "e"], days, score))
    assert found.health[119, 2] == 0.0
    assert found.health[150, 2] == 1.0
