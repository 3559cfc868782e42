"""What is shown of members: what was stored, told apart as training and service, and the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.workflows.service import MEMBERS, SESSIONS, TRAINED, Diary, fitted, served

from vfr.errors import ArtifactCorrupt
from vfr.monitoring.calls import CallRecord, CallRecorder
from vfr.typing import MEMBER_NAMES
from vfr.workflows.availability import health, members_health
from vfr.workflows.earned import standing
from vfr.workflows.forecaster import MemberForecast
from vfr.workflows.tracking import record_of_members, tried

SERVED = 60
AT = SESSIONS[TRAINED + SERVED + 1]


def stood(broken_from=None, ensemble=None, day=AT):
    made, came = served(SERVED, broken_from=broken_from)
    return standing(ensemble or fitted(), Diary(made, came), SESSIONS, day)


def recorded(broken_from=None, ensemble=None):
    ensemble = ensemble or fitted()
    return record_of_members(ensemble, stood(broken_from, ensemble), rng=np.random.default_rng(0))


def test_training_and_service_are_told_apart():
    found = recorded()
    assert (found.trained, found.served, found.last) == (TRAINED, SERVED, str(SESSIONS[TRAINED + SERVED - 1]))
    assert [(one.member, one.trained, one.served) for one in found.members] == [(m, TRAINED, SERVED) for m in MEMBERS]
    windows = [(one.window, one.dates) for one in found.members[0].figures]
    assert windows == [(60, 60), (252, 252), (None, TRAINED + SERVED)]
    assert {one.watch.dates for one in found.members} == {SERVED}
    assert sum(one.weight for one in found.members) == pytest.approx(1.0)


def test_a_member_that_breaks_is_benched_with_its_reason():
    broken, *others = recorded(broken_from=30).members
    assert (broken.member, broken.health, broken.weight) == ("lightgbm", 0.0, 0.0)
    assert broken.event.kind == "benched"
    assert broken.event.session > SESSIONS[TRAINED + 30]
    assert "rank correlation with the other members" in broken.reason
    assert [(one.health, one.reason, one.event) for one in others] == [(1.0, None, None)] * 2


def test_weights_of_the_past_are_those_that_answered():
    """At the last session of each month, as the forecast of that session had them."""
    made, came = served(SERVED, broken_from=30)
    found = record_of_members(fitted(), stood(30), rng=np.random.default_rng(0))
    months = [then.session[:7] for then in found.weights]
    assert months == sorted(set(months))
    assert (found.weights[0].session, found.weights[-1].session) == ("2010-01-29", str(AT))
    lightest = set()
    for then in found.weights[-3:]:
        day = np.datetime64(then.session)
        at_the_time = standing(fitted(), Diary(made, came), SESSIONS[day >= SESSIONS], day)
        assert then.weights == pytest.approx(dict(at_the_time.weights))
        lightest.add(then.weights["lightgbm"] == 0.0)
    assert lightest == {False, True}
    assert found.weights[-1].weights == pytest.approx({one.member: one.weight for one in found.members})


def test_the_alarm_by_outcomes_learns_from_training_and_rings_on_service():
    """A member that was much better than the others, and is turned round in service."""
    ensemble = fitted(better=0.1)
    made, came = served(SERVED)
    turned = [replace(one, member_expected=one.member_expected * np.array([[-1.0], [1.0], [1.0]])) for one in made]
    rings, quiet = (
        record_of_members(ensemble, standing(ensemble, Diary(one, came), SESSIONS, AT), rng=np.random.default_rng(0))
        for one in (turned, made)
    )
    watch = rings.members[0].watch
    assert watch.since is not None
    assert watch.statistic >= watch.alarm.limit
    assert watch.alarm.dates == TRAINED
    assert 0.0 < watch.alarm.power <= 1.0
    told = watch.to_dict()
    assert (told["rings"], told["datesWatched"], told["datesLearned"]) == (True, SERVED, TRAINED)
    assert set(told) >= {"power", "delay", "falseAlarms", "limit", "evidence", "since"}
    assert quiet.members[1].watch.since is None


def test_without_service_nothing_is_watched_yet():
    ensemble = fitted()
    found = record_of_members(ensemble, standing(ensemble, None, SESSIONS, AT), rng=np.random.default_rng(0))
    assert (found.trained, found.served) == (TRAINED, 0)
    assert {(one.served, one.watch.dates, one.watch.statistic, one.watch.since) for one in found.members} == {
        (0, 0, 0.0, None)
    }


def test_a_member_that_was_not_trained_with_the_others_has_no_alarm():
    ensemble = fitted()
    made, came = served(SERVED)
    made = [replace(one, members=("lightgbm", "linear", "lstm")) for one in made]
    found = record_of_members(
        ensemble, standing(ensemble, Diary(made, came), SESSIONS, AT), rng=np.random.default_rng(0)
    )
    new = next(one for one in found.members if one.member == "lstm")
    assert (new.trained, new.served, new.watch) == (0, SERVED, None)
    assert {one.member for one in found.members} == {*MEMBERS, "lstm"}


def test_a_restart_changes_nothing():
    assert recorded(30).to_dict() == recorded(30).to_dict()


@pytest.mark.parametrize("error", [ArtifactCorrupt("1d.vfe is truncated"), OSError("1d.vfe is truncated")])
def test_what_cannot_be_read_is_said_and_costs_no_other_horizon(error):
    def make():
        raise error

    found = tried("1d", make)
    assert (found.problem, found.members) == ("1d.vfe is truncated", ())
    assert found.note.startswith("equal weights: ")


def test_members_health_joins_calls_and_standings():
    recorder = CallRecorder()
    for status, latency in (("ok", 1.0), ("ok", 3.0), ("timeout", 90.0), ("spare", 5.0), ("disabled", 0.0)):
        recorder.record(CallRecord("lightgbm", status, latency))
    recorder.record(CallRecord("lstm", "failed", 2.0))
    found = members_health(recorder.calls(), {"1d": stood(broken_from=30)})
    broken, lstm, idle = found["lightgbm"], found["lstm"], found["trees"]
    assert (broken["calls"], broken["failures"], broken["failureRate"], broken["p50Ms"]) == (4, 2, 0.5, 2.0)
    assert broken["byStatus"] == {"ok": 2, "timeout": 1, "spare": 1, "disabled": 1}
    assert (broken["horizons"]["1d"]["weight"], broken["horizons"]["1d"]["health"]) == (0.0, 0.0)
    assert "rank correlation" in broken["horizons"]["1d"]["reason"]
    assert (lstm["failureRate"], lstm["p50Ms"], lstm["horizons"]) == (1.0, None, {})
    assert (idle["calls"], idle["failureRate"], idle["horizons"]["1d"]["reason"]) == (0, None, None)


@pytest.mark.parametrize(("status", "whole"), [("disabled", "healthy"), ("failed", "degraded")])
def test_a_member_that_was_switched_off_on_purpose_is_no_fault(status, whole):
    nothing = np.full(3, np.nan)
    states = dict.fromkeys(MEMBER_NAMES, "ok") | {"trees": status}
    members = [MemberForecast(m, f"{m}-1", s, s, nothing, nothing, nothing, 1.0) for m, s in states.items()]
    found = SimpleNamespace(members=members, warnings=(), versions=("linear-1",))
    assert health(SimpleNamespace(at=lambda *asked: found))["status"] == whole
