"""Whatever befalls members, the others answer as if these had not been asked, and later requests know nothing of it."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest
from tests.workflows.faulty import LONG, Faults, Store, ramp

from vfr import features
from vfr.typing import MEMBER_NAMES
from vfr.workflows.forecast import Forecasts
from vfr.workflows.forecaster import Forecast, MlUnavailable


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def told():
    return []


@pytest.fixture
def make(seeded_snapshot, monkeypatch, faults, told):
    """Make forecasts of five members; afterwards no thread of theirs may be left."""

    before = threads()  # Of other applications, which other tests leave to the end of the process.
    monkeypatch.setattr(features, "compute", ramp, raising=False)
    monkeypatch.setattr(features, "spec_hash", lambda: "spec", raising=False)
    monkeypatch.setattr(
        "vfr.workflows.forecast_universe._base_rates", lambda whole, horizon, basis: np.full(whole.sessions.size, 0.55)
    )
    monkeypatch.setattr("vfr.workflows.forecast.PREDICT_MS", 750.0)
    made = []

    def build(**options):
        datasets = SimpleNamespace(stamp=lambda: "a", snapshot=lambda: seeded_snapshot)
        forecasts = Forecasts(
            datasets, Store(faults), lambda: None, lambda what, why: told.append((what, type(why))), **options
        )
        made.append(forecasts)
        return forecasts

    yield build
    faults.release.set()
    for forecasts in made:
        forecasts.close()
    until = time.monotonic() + LONG / 1e3
    while threads() - before and time.monotonic() < until:
        time.sleep(0.002)
    assert threads() - before == set()


def threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("vfr-forecast")}


def at(forecasts, method="weighted", members=MEMBER_NAMES, timeout_ms=LONG):
    return forecasts.at(None, "7d", members, method, timeout_ms)


def statuses(found):
    return {m.member: m.status for m in found.members}


STATUS = {
    "raises": "failed",
    "nan": "failed",
    "shape": "failed",
    "missing": "corrupt",
    "hangs": "timeout",
    "slow": "ok",
}
CODE = {
    "raises": "ML_ERROR", "nan": "ML_ERROR", "shape": "ML_ERROR", "missing": "ARTIFACT_CORRUPT", "hangs": "TIMEOUT",
}  # fmt: skip
SOME = [
    *(pytest.param((name,), id=f"only-{name}") for name in MEMBER_NAMES),
    *(pytest.param(tuple(n for n in MEMBER_NAMES if n != name), id=f"all-but-{name}") for name in MEMBER_NAMES),
]


def ready(make, faults, fault, struck, **options):
    """Forecasts whose members have been read, but for those whose files are missing; then faults strike."""
    forecasts = make(**options)
    if fault != "missing":
        at(forecasts, "voting")
    faults.of = dict.fromkeys(struck, fault)
    faults.asked.clear()
    return forecasts


@pytest.mark.parametrize("struck", SOME)
@pytest.mark.parametrize("fault", STATUS)
def test_the_others_answer_and_the_member_is_listed_with_its_reason(make, faults, told, fault, struck):
    forecasts = ready(make, faults, fault, struck)
    found = at(forecasts)
    assert isinstance(found, Forecast)
    assert statuses(found) == {m: STATUS[fault] if m in struck else "ok" for m in MEMBER_NAMES}
    known = np.isfinite(found.p_up)
    assert known.sum() > 50
    answered = [m for m in MEMBER_NAMES if found_ok(found, m)]
    for member in found.members:
        expected = 1 / len(answered) if member.status == "ok" else 0.0
        np.testing.assert_allclose(member.weight[known], expected)
        assert (member.reason is None) == (member.status == "ok")
        assert np.isfinite(member.expected).any() == (member.status == "ok")
    alone = at(make(), members=answered)
    np.testing.assert_array_equal(found.p_up, alone.p_up)
    np.testing.assert_array_equal(found.confidence, alone.confidence)
    assert {what for what, _ in told} == ({f"{m}-1" for m in struck} if fault != "slow" else set())
    # Healed, everybody answers again.
    faults.release.set()
    settled(forecasts)
    faults.of = {}
    assert set(statuses(at(forecasts, "stacking")).values()) == {"ok"}


def found_ok(found, name):
    return next(m for m in found.members if m.member == name).status == "ok"


def settled(forecasts):
    until = time.monotonic() + LONG / 1e3
    while forecasts.answering.lanes.stuck and time.monotonic() < until:
        time.sleep(0.002)
    assert forecasts.answering.lanes.stuck == {}


@pytest.mark.parametrize("fault", CODE)
def test_with_all_members_struck_the_code_says_by_what(make, faults, fault):
    forecasts = ready(make, faults, fault, MEMBER_NAMES)
    found = at(forecasts)
    assert isinstance(found, MlUnavailable)
    assert found.code == CODE[fault]
    assert all(f"{m}-1" in found.message for m in MEMBER_NAMES)
    faults.release.set()
    settled(forecasts)
    faults.of = {}
    assert isinstance(at(forecasts), Forecast)


def test_slow_members_all_answer(make, faults):
    found = at(ready(make, faults, "slow", MEMBER_NAMES))
    assert set(statuses(found).values()) == {"ok"}


def test_what_lasts_is_said_before_what_passes(make, faults):
    forecasts = ready(make, faults, "missing", ("linear",))
    faults.of |= {"trees": "raises", "lstm": "nan"}
    assert at(forecasts, members=("linear", "trees", "lstm")).code == "ARTIFACT_CORRUPT"
    assert at(forecasts, members=("trees", "lstm")).code == "ML_ERROR"


def test_a_member_that_hangs_is_not_asked_again_and_holds_up_no_later_request(make, faults, told):
    forecasts = ready(make, faults, "hangs", ("lstm",))
    at(forecasts)
    for method in ("stacking", "voting"):
        forecasts._kept.clear()
        found = at(forecasts, method)
        assert statuses(found)["lstm"] == "timeout"
        assert "not asked again" in next(m.reason for m in found.members if m.member == "lstm")
    assert faults.asked.count("lstm") == 1
    assert faults.asked.count("linear") == 3
    assert told == [("lstm-1", TimeoutError)]
    assert sum(thread.name == "vfr-forecast-lane" for thread in threads()) <= 2


def test_a_forecast_without_a_late_member_is_kept_for_a_moment_only(make, faults, monkeypatch):
    monkeypatch.setattr("vfr.workflows.forecast.LATE_AGAIN_MS", 0.0)
    forecasts = ready(make, faults, "hangs", ("lstm",))
    assert at(forecasts).late == ("lstm",)
    faults.release.set()
    settled(forecasts)
    assert at(forecasts).late == ()
    assert at(forecasts).from_cache


def test_members_that_are_still_being_read_are_waited_for_by_the_next_request(make, faults, monkeypatch):
    gate = threading.Event()
    read = Store.load

    def load(self, model_id):
        assert model_id != "trees-1" or gate.wait(LONG / 1e3)
        return read(self, model_id)

    monkeypatch.setattr(Store, "load", load)
    monkeypatch.setattr("vfr.workflows.forecast.LATE_AGAIN_MS", 0.0)
    forecasts = make()
    assert at(forecasts, timeout_ms=600).late == ("trees",)
    threading.Timer(0.05, gate.set).start()
    assert at(forecasts).late == ()


def test_members_switched_off_are_not_asked_and_say_why(make, faults):
    off = {"linear": "drifting", "prophet": "unknown"}
    forecasts = make(disabled=lambda: dict(off))
    found = at(forecasts)
    assert statuses(found) == {m: "disabled" if m == "linear" else "ok" for m in MEMBER_NAMES}
    assert found.members[MEMBER_NAMES.index("linear")].reason == "drifting"
    assert "linear" not in faults.asked
    off.clear()
    assert set(statuses(at(forecasts)).values()) == {"ok"}
    off |= dict.fromkeys(MEMBER_NAMES, "maintenance")
    none = at(forecasts)
    assert none.code == "DISABLED"
    assert "maintenance" in none.message


def test_while_the_switches_cannot_be_read_what_they_last_said_holds(make, told):
    def switches():
        if broken:
            raise OSError
        return {"linear": "drifting"}

    broken = []
    forecasts = make(disabled=switches)
    assert statuses(at(forecasts))["linear"] == "disabled"
    broken.append(True)
    assert statuses(at(forecasts, "stacking"))["linear"] == "disabled"
    assert ("switches of members", OSError) in told


@dataclass
class Earned:
    """Weights by horizon and day; `broken` raises."""

    weights: dict
    version: str = "1"
    broken: bool = False
    asked: list = field(default_factory=list)

    def stamp(self):
        return self.version

    def at(self, data_name, horizon, members, day):
        from vfr.ensemble.combine import Base

        if self.broken:
            raise RuntimeError("the record is locked")
        self.asked.append((data_name, horizon, tuple(members), day))
        return Base(self.weights, "earned on 900 dates", "earned_weight")


def test_what_members_have_earned_weighs_them_and_a_new_record_is_a_new_forecast(make, seeded_snapshot):
    earned = Earned({"linear": 3.0, "trees": 1.0})
    forecasts = make(combining=earned)
    found = at(forecasts, members=("linear", "trees"))
    assert [m.weight[0] for m in found.members] == [0.75, 0.25]
    assert (found.method_applied, found.note) == ("earned_weight", "earned on 900 dates")
    assert earned.asked == [("synthetic", "7d", ("linear", "trees"), seeded_snapshot.as_of)]
    assert at(forecasts, members=("linear", "trees")).from_cache
    earned.version, earned.weights = "2", {"linear": 1.0, "trees": 1.0}
    assert [m.weight[0] for m in at(forecasts, members=("linear", "trees")).members] == [0.5, 0.5]


def test_in_a_vote_each_member_has_one_voice(make):
    found = at(make(combining=Earned({"linear": 1.0})), "voting")
    assert {m.weight[0] for m in found.members} == {0.2}
    assert found.method_applied == "voting"
    assert at(make(voting="soft"), "voting").method_applied == "soft_voting"


@pytest.mark.parametrize("broken", ["raises", "is none", "is negative"])
def test_without_what_was_earned_equal_weights_answer_and_say_so(make, told, monkeypatch, broken):
    earned = Earned({"linear": 1.0}, broken=broken == "raises")
    if broken == "is none":
        monkeypatch.setattr(earned, "at", lambda *asked: None)
    if broken == "is negative":
        earned.weights = {"linear": -1.0}
    monkeypatch.setattr("vfr.workflows.forecast.LOOK_AGAIN_MS", 0.0)
    forecasts = make(combining=earned)
    found = at(forecasts)
    np.testing.assert_array_equal(found.p_up, at(make()).p_up)
    assert (found.method_applied, found.note) == (
        "equal_weight",
        "equal weights: what the members have earned cannot be read",
    )
    assert [what for what, _ in told] == ["combining"]
    assert not at(forecasts).from_cache


def test_a_record_that_hangs_holds_up_the_first_request_only(make, monkeypatch):
    """A database may be away for a minute before it says so; it is asked once, and equal weights answer meanwhile."""
    monkeypatch.setattr("vfr.workflows.forecast.EARNED_MS", 50.0)
    monkeypatch.setattr("vfr.workflows.forecast.LOOK_AGAIN_MS", 0.0)
    gate, asked = threading.Event(), []

    class Away(Earned):
        def at(self, *about):
            asked.append(about)
            assert gate.wait(LONG / 1e3)
            return super().at(*about)

    forecasts = make(combining=Away({"linear": 3.0, "trees": 1.0}))
    notes = [at(forecasts, members=("linear", "trees"), timeout_ms=1_000).note for _ in range(3)]
    assert set(notes) == {"equal weights: what the members have earned cannot be read"}
    assert len(asked) == 1
    gate.set()
    assert at(forecasts, members=("linear", "trees")).method_applied == "earned_weight"


def test_in_a_vote_who_is_benched_has_no_voice(make):
    found = at(make(combining=Earned({"linear": 0.6, "trees": 0.0, "lstm": 0.4})), "voting")
    assert {m.member: m.weight[0] for m in found.members} == {
        "linear": 0.25, "lightgbm": 0.25, "lstm": 0.25, "xgboost": 0.25, "trees": 0.0,
    }  # fmt: skip
    assert (found.method_applied, found.note) == ("voting", "earned on 900 dates")


@pytest.mark.parametrize("when", ["out of threads", "closed"])
def test_a_forecaster_that_cannot_begin_is_an_ml_error(make, told, monkeypatch, when):
    forecasts = make()

    def no_thread(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as starved:
        if when == "closed":
            forecasts.close()
        else:
            starved.setattr(threading.Thread, "start", no_thread)
        found = at(forecasts)
    assert found == MlUnavailable("ML_ERROR", "the forecast failed (RuntimeError)")
    assert told == [("forecast", RuntimeError)]


def test_a_new_forecast_is_told_once_after_it_is_made_and_a_listener_that_fails_is_told_on(make, told):
    gate, heard = threading.Event(), []

    def listen(forecast):
        assert gate.wait(LONG / 1e3)
        heard.append(forecast)
        raise OSError

    forecasts = make(made=listen)
    first = at(forecasts)
    assert isinstance(first, Forecast)  # It is answered while the listener waits.
    at(forecasts)
    gate.set()
    forecasts.close()
    assert [one.computed_at for one in heard] == [first.computed_at]
    assert [m.expected.shape for m in heard[0].members] == [first.p_up.shape] * 5
    assert told == [("made", OSError)]


def test_what_members_answered_is_told_also_where_none_of_them_could(make, faults):
    heard = []
    forecasts = make(heard=heard.append, disabled=lambda: {"linear": "drifting"})
    faults.of = {"trees": "raises"}
    found = at(forecasts)
    faults.of = dict.fromkeys(MEMBER_NAMES, "raises")
    assert at(forecasts, "voting").code == "ML_ERROR"
    forecasts.close()
    first, second = ({one.member: one.status for one in results} for results in heard)
    assert first == statuses(found) == {"linear": "disabled", "trees": "failed"} | dict.fromkeys(MEMBER_NAMES[:3], "ok")
    assert second == {m: "disabled" if m == "linear" else "failed" for m in MEMBER_NAMES}


def test_a_forecast_says_what_was_asked_for_beside_what_was_done(make):
    """Nothing is fitted, so that stacking gets what the default question gets."""
    forecasts = make()
    found = [at(forecasts, method) for method in ("stacking", "weighted")]
    assert [one.method for one in found] == ["stacking", "weighted"]
    assert len({one.method_applied for one in found}) == 1


def test_a_request_with_more_time_than_the_one_it_joined_asks_again(make, faults, monkeypatch):
    monkeypatch.setattr("vfr.workflows.forecast.LATE_AGAIN_MS", 0.0)
    gate, read = threading.Event(), Store.load

    def load(self, model_id):
        assert model_id != "trees-1" or gate.wait(LONG / 1e3)
        return read(self, model_id)

    monkeypatch.setattr(Store, "load", load)
    forecasts, found = make(), []
    short = threading.Thread(target=lambda: found.append(at(forecasts, timeout_ms=500)))
    short.start()
    while not forecasts._running:
        time.sleep(0.001)
    threading.Timer(0.8, gate.set).start()
    assert at(forecasts).late == ()
    short.join()
    assert found[0].late == ("trees",)
