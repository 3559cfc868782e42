"""What an arm changes about a request, and what an experiment's report says of planted differences."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.experiments.made import experiment
from tests.journal.made import forecast

from vfr.errors import InvalidField
from vfr.experiments.experiment import StopRule
from vfr.journal.records import Outcomes
from vfr.scoring.blend import blend
from vfr.workflows.compare import ArmCount, Plan, Seen, Shown, apply, start, together
from vfr.workflows.compare_report import ExperimentReport, report
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.journalled import Matured, empty_record, matured
from vfr.workflows.query import AnalyzeQuery

ASKED = AnalyzeQuery("single", ("AAPL",), include_ml=True, ml_weight=0.4)
NAMES = tuple(f"S{n:02}" for n in range(40))
COUNTS = [ArmCount("classic", 500, 200, 900, 300), ArmCount("ml", 510, 150, 950, 280)]


def only(arm: str, **changed: Any):
    return experiment(shares={arm: 1.0}, **changed)


def test_the_arm_ml_blends_with_the_weight_of_the_experiment():
    query, arm = apply(ASKED, only("ml", weight=0.25), "u")
    assert (query, arm) == (replace(ASKED, ml_weight=0.25, experiment=("3f2a", "ml")), "ml")


@pytest.mark.parametrize("arm", ["classic", "shadow"])
def test_the_other_arms_are_answered_classic_and_told_why(arm):
    query, given_arm = apply(ASKED, only(arm), "u")
    assert given_arm == arm
    assert query.ml_refused.code == "EXPERIMENT"
    assert replace(query, ml_refused=None, experiment=None) == ASKED


def test_what_was_refused_already_keeps_its_reason():
    short = replace(ASKED, ml_refused=MlUnavailable("ML_QUOTA", "used up"))
    assert apply(short, only("classic"), "u")[0].ml_refused == short.ml_refused


@pytest.mark.parametrize(
    "query",
    [
        replace(ASKED, include_ml=False),
        replace(ASKED, ml_horizon="30d"),
        replace(ASKED, as_of=np.datetime64("2018-01-02")),
    ],
)
@pytest.mark.parametrize("arm", ["classic", "ml", "shadow"])
def test_requests_that_are_not_asked_about_stay_as_they_are(query, arm):
    same, given_arm = apply(query, only(arm), "u")
    assert same is query
    assert given_arm == arm


@given(st.text(max_size=20))
def test_a_held_out_subject_gets_what_it_asks_for(subject):
    query, arm = apply(ASKED, experiment(holdout=0.9), subject)
    assert query.experiment == ("3f2a", arm)
    if arm == "holdout":
        assert replace(query, experiment=None) == ASKED


def test_requests_of_a_subject_are_summed():
    a, b = Seen("3f", "a", "ml", 1.0, 1.0, 1, 0), Seen("3f", "b", "ml", 1.0, 1.0, 1, 1)
    assert together([a, b, replace(a, first_seen=3.0, last_seen=3.0, ml_requests=1)]) == [
        Seen("3f", "a", "ml", 1.0, 3.0, 2, 1),
        b,
    ]


def test_a_plan_that_cannot_be_reaches_no_store():
    with pytest.raises(InvalidField, match="arms"):
        start(None, Plan("x", {"classic": 0.4}, "7d", "why"), salt="0" * 32, first="2019-06-28", at=0.0, who="me")


def grown(gain: float, sessions: int = 300, seed: int = 0) -> Matured:
    """A journal of daily forecasts over a week, whose ML score knows `gain` of what comes."""
    rng = np.random.default_rng(seed)
    days = np.busday_offset(np.datetime64("2019-06-28"), np.arange(sessions))
    made, came = [], []
    for day in days:
        excess = rng.normal(0.0, 0.03, len(NAMES))
        known = gain * excess / 0.03 + rng.normal(size=excess.size)
        one = forecast(str(day), NAMES, seed=int(rng.integers(1 << 30)), horizon="7d")
        score = 100.0 * (known.argsort().argsort() + 0.5) / excess.size
        made.append(replace(one, ml_score=score, confidence=np.full(excess.size, 0.6), expected=known / 100.0))
        counts = np.ones(excess.size, dtype=bool)
        came.append(
            Outcomes("7d", day, "open", NAMES, excess, (excess > 0).astype(float), excess, counts, (None,) * len(NAMES))
        )
    return matured("7d", made, came)


def judged(record: Matured, shown: list[Shown] | None = None, **changed: Any) -> ExperimentReport:
    one = experiment(**{"weight": 0.5, **changed})
    rng = np.random.default_rng(0)
    return report(one, record, COUNTS, shown or [], data_name="live", rng=rng)


def test_a_better_blend_is_found_and_the_date_is_told():
    record = grown(0.8)
    found = judged(record)
    assert found.decision.verdict == "ml"
    assert found.decided_on in record.sessions.astype(str).tolist()
    assert found.ordering.difference.low > 0
    assert "better than the classic one" in found.verdict
    assert found.power.required <= 60


def test_without_a_difference_nothing_is_claimed():
    found = judged(grown(0.0))
    assert found.decision.verdict == "open"
    assert found.verdict.startswith("nothing yet")


def test_only_sessions_of_the_experiment_are_judged():
    record = grown(0.5, sessions=60)
    first, last = (str(record.sessions[r]) for r in (10, 39))
    ended = {"last": last, "stopped_at": 2e9, "stopped_by": "me", "stopped_why": "enough"}
    found = judged(record, first=first, **ended)
    assert (str(found.sessions[0]), str(found.sessions[-1]), found.ordering.dates) == (first, last, 30)
    assert judged(record, first="2030-01-01").ordering.dates == 0


def test_the_blend_is_that_of_the_experiments_weight():
    record = grown(0.5, sessions=30)
    heavy, light = (judged(record, weight=weight) for weight in (1.0, 0.05))
    assert heavy.ordering.blended > light.ordering.blended > heavy.ordering.classic


def test_what_was_shown_is_held_to_what_should_have_been():
    record = grown(0.5, sessions=60)
    mixed = np.round(blend(record.classic, record.ml_score, record.confidence, 0.5, 0.5).composite, 1)
    days = record.sessions.astype(str).tolist()
    cells = [(r, n) for r in range(60) for n in range(0, 40, 2)]
    shown = [Shown("live", "ml", days[r], NAMES[n], float(mixed[r, n])) for r, n in cells]
    shown += [Shown("live", "classic", days[r], NAMES[n], float(mixed[r, n])) for r, n in cells]  # the wrong score
    shown.append(Shown("other", "ml", days[0], NAMES[0], 0.0))
    arms = {one.arm: one for one in judged(record, shown).arms}
    assert arms["ml"].as_planned > 0.99
    assert arms["classic"].as_planned < 0.5
    assert arms["ml"].accuracy.rows == len(cells)
    assert arms["ml"].ordering.dates == 60
    assert (arms["ml"].shown, arms["classic"].shown) == ("blended", "classic")


def test_subjects_that_were_not_dealt_as_planned_silence_the_verdict():
    rng = np.random.default_rng(0)
    lost = [ArmCount("classic", 500, 200, 900, 300), ArmCount("ml", 300, 150, 950, 280)]
    found = report(experiment(weight=0.5), grown(0.8), lost, [], data_name="live", rng=rng)
    assert found.sample_ratio.mismatch
    assert found.verdict.startswith("nothing: subjects were not dealt as planned")


def test_who_opts_in_is_counted_by_subject_and_by_request():
    arms = {one.arm: one for one in judged(grown(0.0, sessions=30)).arms}
    assert arms["classic"].opt_in.share == pytest.approx(0.4)
    assert arms["ml"].ml_requests.share == pytest.approx(280 / 950)


def test_a_report_is_plain_and_complete():
    record = grown(0.5, sessions=200)
    body = judged(record, rule=StopRule(margin=0.5)).to_dict()
    assert body["experiment"]["id"] == "3f2a"
    assert body["decision"]["verdict"] == "ml" or body["decision"]["verdict"] == "equal"
    assert body["sessionsPerValue"] == 5
    assert body["power"]["requiredSessions"] == 5 * body["power"]["required"]
    assert body["rankIc"]["difference"]["estimate"] == pytest.approx(
        body["rankIc"]["blended"] - body["rankIc"]["classic"], abs=2e-6
    )
    assert "byDate" not in body["rankIc"]
    assert len(body["calibration"]) == 10
    frame = judged(record).to_frame()
    assert frame.columns == ["date", "rank_ic_difference"]
    assert frame.height == 200


def test_an_empty_journal_says_so():
    body = judged(empty_record("7d")).to_dict()
    assert (body["dates"], body["first"], body["power"], body["accuracy"]["classic"]) == (0, None, None, None)
    assert body["verdict"].startswith("nothing yet: 0 values are known, 30 more")
