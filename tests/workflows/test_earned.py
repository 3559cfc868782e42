"""Weights that answer: of training, then of service, less what health takes; nothing from later."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace

import numpy as np
import pytest
from tests.workflows.service import MEMBERS, SESSIONS, TRAINED, Diary, Kept, fitted, served

from vfr.ensemble.asking import MemberResult
from vfr.ensemble.combine import EQUAL, combine
from vfr.ensemble.weights import weights_by_session
from vfr.models.prediction import Prediction
from vfr.monitoring.health import health_by_session
from vfr.monitoring.signals import from_peers
from vfr.typing import HORIZONS
from vfr.workflows import evenings
from vfr.workflows.earned import APPLIED, Earned, standing
from vfr.workflows.evenings import Evenings
from vfr.workflows.service import Service


def earned(ensemble, diary=None, sessions=SESSIONS):
    return Earned(Kept(ensemble), lambda: sessions, lambda: diary)


def test_without_a_record_weights_are_equal_and_say_why():
    base = earned(None).at("live", "1d", MEMBERS, SESSIONS[-1])
    assert base.applied == EQUAL
    assert base.weights == pytest.approx(dict.fromkeys(MEMBERS, 1 / 3))
    assert "training run" in base.note
    early = earned(fitted()).at("live", "1d", MEMBERS, SESSIONS[0])
    assert (early.applied, "no outcome" in early.note) == (EQUAL, True)


def test_the_better_member_holds_more_and_the_newest_stage_answers():
    base = earned(fitted(better=0.05)).at("live", "1d", MEMBERS, SESSIONS[TRAINED + 3])
    assert base.applied == APPLIED
    assert base.weights["lightgbm"] > 1.2 * base.weights["linear"]
    assert sum(base.weights.values()) == pytest.approx(1.0)
    assert base.confidence is not None
    assert base.note == f"weights learned from {TRAINED} sessions whose outcomes are known, to {SESSIONS[TRAINED - 1]}"
    assert earned(fitted(better=0.05)).at("live", "1d", MEMBERS, SESSIONS[260]).confidence is None


def test_members_asked_for_share_what_they_hold_and_a_new_one_holds_the_mean():
    base = earned(fitted()).at("live", "1d", ("linear", "lstm"), SESSIONS[TRAINED])
    assert base.weights["lstm"] == pytest.approx(1 / 3)
    assert base.weights["linear"] == earned(fitted()).at("live", "1d", MEMBERS, SESSIONS[TRAINED]).weights["linear"]


def test_one_member_asked_alone_is_less_sure_than_all_of_them():
    expected = np.array([0.01, 0.0, -0.01])
    said = Prediction(np.full(3, 0.5), expected, expected - 0.1, expected + 0.1, np.full(3, 0.52), 0.9)
    answers = [MemberResult(name, f"{name}-1", said, "ok", None, None, 1.0) for name in MEMBERS]
    sure = {}
    for asked in (1, 3):
        base = earned(fitted()).at("live", "1d", MEMBERS[:asked], SESSIONS[TRAINED + 3])
        sure[asked] = combine(answers[:asked], "weighted", 3, base).prediction.confidence
    assert 0.5 < sure[1][0] < sure[3][0]


@pytest.mark.parametrize("horizon", ["1d", "30d"])
def test_of_the_past_only_outcomes_that_had_come_are_told(horizon):
    found = standing(fitted(horizon), None, SESSIONS, SESSIONS[300])
    last = 300 - HORIZONS[horizon] - 1
    assert found.scores.dates[-1] == SESSIONS[last]
    assert found.note == f"weights learned from {last + 1} sessions whose outcomes are known, to {SESSIONS[last]}"


def test_what_was_served_counts_once_it_has_matured():
    made, came = served(60)
    alone = standing(fitted(), None, SESSIONS, SESSIONS[TRAINED + 61])
    after = standing(fitted(), Diary(made, came), SESSIONS, SESSIONS[TRAINED + 61])
    assert after.scores.dates.size == TRAINED + 60
    assert after.weights != alone.weights
    assert min(after.health.latest().values()) == 1.0


@pytest.mark.parametrize("horizon", ["1d", "7d", "30d"])
def test_the_future_changes_nothing(horizon):
    """Outcomes that had not matured, and evenings that had not come, may be anything."""
    made, came = served(60, horizon=horizon)
    day = 30
    matured = day - HORIZONS[horizon] - 2
    rng = np.random.default_rng(9)
    other = [
        one if k <= matured else replace(one, direction=1 - one.direction, excess=rng.permutation(one.excess))
        for k, one in enumerate(came)
    ]
    later = [one if k < day else replace(one, member_expected=-one.member_expected) for k, one in enumerate(made)]
    at = SESSIONS[TRAINED + day]
    whole = standing(fitted(horizon), Diary(made, came), SESSIONS, at)
    assert standing(fitted(horizon), Diary(later, other), SESSIONS, at).weights == whole.weights
    known = Diary(made[:day], came[: max(matured + 1, 0)])
    assert standing(fitted(horizon), known, SESSIONS[: TRAINED + day + 1], at).weights == whole.weights


def test_a_member_that_breaks_in_service_loses_its_weight_and_the_note_says_why():
    made, came = served(60, broken_from=30)
    found = {k: standing(fitted(), Diary(made, came), SESSIONS, SESSIONS[TRAINED + k]) for k in (30, 50)}
    assert found[30].weights["lightgbm"] > 0.2
    assert found[50].weights["lightgbm"] < 0.10
    assert "lightgbm is benched: " in found[50].note
    assert "rank correlation with the other members" in found[50].note
    base = earned(fitted(), Diary(made, came)).at("live", "1d", ("lightgbm",), SESSIONS[TRAINED + 50])
    assert (base.applied, base.weights) == (EQUAL, {"lightgbm": 1.0})
    assert "benched" in base.note


def test_a_restart_changes_nothing():
    made, came = served(40)
    at = SESSIONS[TRAINED + 40]
    first = standing(fitted(), Diary(made, came), SESSIONS, at)
    again = standing(fitted(), Diary(list(made), list(came)), SESSIONS.copy(), at)
    assert first.weights == again.weights


def test_the_record_is_read_again_when_an_outcome_is_settled_and_only_then():
    made, came = served(60)
    diary, at = Diary(made, came[:30]), SESSIONS[TRAINED + 61]
    asked = earned(fitted(), diary)
    before = asked.known("live", "1d", at)
    assert asked.known("live", "1d", at) is before
    diary.came = came
    after = asked.known("live", "1d", at)
    assert [found.scores.dates.size for _, found in (before, after)] == [TRAINED + 30, TRAINED + 60]
    assert asked.known("live", "1d", SESSIONS[TRAINED + 59])[1].sessions[-1] == SESSIONS[TRAINED + 59]


@pytest.fixture
def looked(monkeypatch):
    """Return what was computed: healths and weights of a whole record."""
    calls = []

    def counted(name, compute):
        return lambda *asked, **more: calls.append(name) or compute(*asked, **more)

    monkeypatch.setattr(evenings, "health_by_session", counted("health", evenings.health_by_session))
    monkeypatch.setattr(evenings, "weights_by_session", counted("weights", evenings.weights_by_session))
    return calls


def test_where_members_stand_on_past_days_is_the_same_whoever_was_asked_before(looked):
    """One that has computed the latest day cuts what it computed; one that has not computes it."""
    made, came = served(60, broken_from=30)
    days = [*SESSIONS[TRAINED + np.arange(59, 0, -7)], *SESSIONS[[499, 400, 252, 30]], SESSIONS[TRAINED + 45]]
    one, calls = earned(fitted(), Diary(made, came)), []
    for day in days:
        found, alone = one.known("live", "1d", day)[1], standing(fitted(), Diary(made, came), SESSIONS, day)
        assert found.weights == alone.weights
        assert found.note == alone.note
        assert found.health.events == alone.health.events
        np.testing.assert_array_equal(found.health.health, alone.health.health)
        np.testing.assert_array_equal(found.health.alarms, alone.health.alarms)
        np.testing.assert_array_equal(found.learned, alone.learned)
        calls.append((looked.count("health"), looked.count("weights")))
        looked.clear()
    # What was served before that day begins as it goes on, and what was trained as what was served.
    assert calls == [(2, 2)] + [(1, 1)] * (len(days) - 1)


def test_until_the_first_outcome_of_service_members_hold_what_training_gave_them():
    made, _ = served(5)
    asked = earned(fitted(), Diary(made, []))
    base = asked.at("live", "1d", MEMBERS, SESSIONS[TRAINED + 3])
    before = earned(fitted()).at("live", "1d", MEMBERS, SESSIONS[TRAINED + 3])
    assert (base.weights, base.applied) == (before.weights, APPLIED)
    assert len(set(base.weights.values())) == len(MEMBERS)


def test_the_journal_is_read_once_for_all_days_of_a_state_and_not_at_all_for_days_of_training():
    made, came = served(60)
    diary = Diary(made, came)
    asked = earned(fitted(), diary)
    for day in (TRAINED - 1, 300):
        asked.known("live", "1d", SESSIONS[day])
    assert (diary.read, diary.looks) == ([], 0)
    for day in (TRAINED + 50, TRAINED + 20, TRAINED + 59):
        found = asked.known("live", "1d", SESSIONS[day])[1]
        alone = standing(fitted(), Diary(made, came), SESSIONS, SESSIONS[day])
        assert found.weights == alone.weights
    assert diary.read == ["forecasts", "outcomes"]
    diary.came = came[:40]
    asked.known("live", "1d", SESSIONS[TRAINED + 50])
    assert diary.read == ["forecasts", "outcomes"] * 2


def test_who_asks_for_a_day_of_training_waits_for_nobody_who_reads_the_journal():
    made, came = served(60)
    diary = Diary(made, came)
    diary.go = threading.Event()
    asked = earned(fitted(), diary)
    with ThreadPoolExecutor(1) as one:
        reading = one.submit(asked.known, "live", "1d", SESSIONS[TRAINED + 50])
        try:
            assert asked.known("live", "1d", SESSIONS[300])[1] is not None
            assert not reading.done()
        finally:
            diary.go.set()
        assert reading.result(20)[1].scores.dates.size == TRAINED + 49


@pytest.mark.parametrize("joining", [(), (7,), (7, 31)])
def test_what_was_served_before_a_day_is_what_those_sessions_alone_give(joining):
    """Names that come later would move sums in their last bits: they are left out, not summed as nothing."""
    made, came = served(60)
    for k in joining:
        made = [one if j >= k else without(one, k) for j, one in enumerate(made)]
    came = [one for k, one in enumerate(came) if k != 12]
    whole = Service()
    rng = np.random.default_rng(5)
    for k in [*rng.integers(1, 60, 12).tolist(), 1, 7, 8, 31, 32, 60]:
        day = SESSIONS[TRAINED + k]
        alone = Diary(made[:k], [one for one in came if one.as_of < day])
        found = whole.before(day, Diary(made, came), fitted(), "one")
        expected = Service().before(day, alone, fitted(), "one")
        for part in ("scores", "signals"):
            one, other = getattr(found, part), getattr(expected, part)
            for field in fields(one):
                got, wanted = getattr(one, field.name), getattr(other, field.name)
                assert np.asarray(got).tobytes() == np.asarray(wanted).tobytes(), (k, field.name)
        np.testing.assert_array_equal(found.refits, expected.refits)
    assert whole.before(SESSIONS[TRAINED], Diary(made, came), fitted(), "one") is None


def without(one, k):
    """Return a forecast without the name of a place, and without the last member where the place is a later one."""
    kept, members = np.arange(len(one.symbols)) != k, len(one.members) - (k > 7)
    return replace(
        one,
        symbols=tuple(np.array(one.symbols)[kept].tolist()),
        members=one.members[:members],
        model_ids=one.model_ids[:members],
        member_p_up=one.member_p_up[:members, kept],
        member_expected=one.member_expected[:members, kept],
    )


def test_signals_that_differ_in_a_bit_are_looked_at_anew(looked):
    made, came = served(60)
    kept, at = Evenings(), SESSIONS[TRAINED + 50]
    standing(fitted(), Diary(made, came), SESSIONS, SESSIONS[TRAINED + 59], kept)
    other = [
        replace(one, member_expected=one.member_expected[:, ::-1]) if k == 3 else one for k, one in enumerate(made)
    ]
    found = standing(fitted(), Diary(other, came), SESSIONS, at, kept)
    assert looked == ["weights", "health"] * 2
    assert found.weights == standing(fitted(), Diary(other, came), SESSIONS, at).weights


@pytest.mark.parametrize("horizon", ["1d", "7d", "30d"])
def test_weights_of_random_days_are_those_learned_from_what_had_matured_alone(horizon):
    kept, trained = Evenings(), fitted(horizon, better=0.05)
    for row in np.random.default_rng(4).integers(100, TRAINED + 20, 24).tolist():
        found = standing(trained, None, SESSIONS, SESSIONS[row], kept)
        expected = weights_by_session(found.scores, found.sessions, horizon)
        np.testing.assert_array_equal(found.learned, expected)
        assert found.sessions[-1] == SESSIONS[row]
        before = trained.scores.dates < SESSIONS[row]
        assert found.evenings.tolist() == trained.scores.dates[before].tolist()
        signals = from_peers(MEMBERS, found.evenings, trained.peers[before], trained.scores.cells[before])
        refits = np.isin(found.evenings, [stage.effective for stage in trained.stages])
        alone = health_by_session(signals, refits=np.repeat(refits[:, None], len(MEMBERS), axis=1))
        np.testing.assert_array_equal(found.health.health, alone.health)
        assert found.health.events == alone.events
