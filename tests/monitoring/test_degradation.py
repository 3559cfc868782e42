from __future__ import annotations

import numpy as np
import pytest

from vfr.ensemble.scores import Scores
from vfr.monitoring.degradation import DegradationRule, evidence, fit_alarm, gaps

NAMES = ("lightgbm", "xgboost", "lstm", "linear", "trees")
QUICK = DegradationRule(dates_between=500, paths=50)


def record(rng, dates=1500, skill=0.03, spread=0.06, members=5, start=0):
    """Members of equal skill; dates have a common swing, which the gap must cancel."""
    common = 0.2 * rng.normal(size=(dates, 1))
    ic = skill + common + spread * rng.normal(size=(dates, members))
    loss = 0.69 - common - skill + spread * rng.normal(size=(dates, members))
    base = 0.69 - common[:, 0]
    days = np.datetime64("2010-01-04") + start + np.arange(dates)
    half = np.full((dates, members), 0.5)
    return Scores(NAMES[:members], days, np.full(dates, 400.0), loss, half, ic, half, base, np.full(dates, 0.25))


def broken(scores, m, lost):
    scores.ic[:, m] -= lost
    scores.log_loss[:, m] += lost
    return scores


def test_a_gap_is_the_figure_less_the_mean_of_the_others_and_better_is_higher():
    scores = record(np.random.default_rng(0), dates=3)
    scores.ic[1, 2] = np.nan
    found = gaps(scores, "ic")
    assert found[0, 1] == pytest.approx(scores.ic[0, 1] - scores.ic[0, [0, 2, 3, 4]].mean())
    assert found[1, 1] == pytest.approx(scores.ic[1, 1] - scores.ic[1, [0, 3, 4]].mean())
    assert np.isnan(found[1, 2])
    loss = gaps(scores, "log_loss")
    assert loss[0, 1] == pytest.approx(scores.log_loss[0, [0, 2, 3, 4]].mean() - scores.log_loss[0, 1])


def test_a_member_alone_has_nobody_to_fall_behind():
    scores = record(np.random.default_rng(0), members=1)
    assert np.isnan(gaps(scores, "ic")).all()
    assert np.isnan(fit_alarm(scores, "1d", rng=np.random.default_rng(1))[0].limit)


@pytest.mark.parametrize("quantity", ["ic", "log_loss"])
def test_a_member_that_lost_its_skill_rings_and_the_others_do_not(quantity):
    rng = np.random.default_rng(1)
    alarms = fit_alarm(record(rng), "1d", quantity, rng=rng)
    assert all(alarm.power > 0.95 for alarm in alarms)
    found = evidence(alarms, broken(record(rng, dates=252, start=1500), 3, 0.03))
    assert set(found.ringing()) == {"linear"}
    since = (found.ringing()["linear"] - found.dates[0]).astype(int)
    assert 10 <= since <= 3 * alarms[3].delay


def test_what_was_always_weak_is_not_degraded():
    rng = np.random.default_rng(2)
    weak = broken(record(rng, dates=1700), 4, 0.02)
    first, later = (
        Scores(NAMES, *(getattr(weak, n)[s] for n in Scores.__dataclass_fields__ if n != "members"))
        for s in (slice(0, 1500), slice(1500, None))
    )
    alarms = fit_alarm(first, "1d", rng=rng)
    assert alarms[4].usual == pytest.approx(-0.02, abs=0.01)
    assert evidence(alarms, later).ringing() == {}


def test_false_alarms_are_as_rare_as_stated():
    rng = np.random.default_rng(3)
    rule = DegradationRule(dates_between=1000)
    alarms = fit_alarm(record(rng, dates=3000), "1d", rng=rng, rule=rule)
    # Independent dates: a sound year rings with 1 - exp(-252 / 1000), a little less since evidence begins at none.
    assert np.mean([alarm.false_alarms for alarm in alarms]) == pytest.approx(0.2, abs=0.07)


def test_a_record_without_skill_has_no_alarm_because_there_is_nothing_to_lose():
    rng = np.random.default_rng(4)
    alarms = fit_alarm(record(rng, skill=-0.02), "1d", rng=rng)
    assert all(np.isnan(alarm.limit) and alarm.power == 0.0 for alarm in alarms)
    assert alarms[0].to_dict()["limit"] is None
    assert alarms[0].to_dict()["delay"] is None
    assert evidence(alarms, broken(record(rng, dates=252), 0, 1.0)).ringing() == {}


def test_a_short_record_has_no_alarm():
    rng = np.random.default_rng(5)
    assert np.isnan(fit_alarm(record(rng, dates=200), "1d", rng=rng)[0].limit)


def test_less_skill_is_harder_to_see_go():
    rng = np.random.default_rng(6)
    strong, weak = (fit_alarm(record(rng, skill=skill), "1d", rng=rng)[0] for skill in (0.03, 0.01))
    assert weak.power < 0.6
    assert strong.power > 0.95
    assert weak.delay > 2 * strong.delay


def test_evidence_of_a_date_is_the_same_whatever_comes_later():
    rng = np.random.default_rng(7)
    alarms = fit_alarm(record(rng), "7d", rng=rng, rule=QUICK)
    later = record(rng, dates=100)
    before = evidence(alarms, later).statistic[:60].copy()
    later.ic[60:] = 5.0
    np.testing.assert_array_equal(evidence(alarms, later).statistic[:60], before)


def test_the_same_seed_gives_the_same_alarms():
    scores = record(np.random.default_rng(8))
    first, second = (fit_alarm(scores, "1d", rng=np.random.default_rng(9), rule=QUICK) for _ in range(2))
    assert first == second
