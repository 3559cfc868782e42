from __future__ import annotations

import json
from threading import Thread

import numpy as np
import pytest

from vfr.ensemble.scores import Scores
from vfr.monitoring.calls import CallRecord, CallRecorder
from vfr.monitoring.performance import performance, rolling
from vfr.validation.significance import newey_west

DATES = 300


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    grid = lambda mean: mean + 0.05 * rng.normal(size=(DATES, 2))  # noqa: E731
    days = np.datetime64("2015-01-01") + np.arange(DATES)
    ic = grid(0.02)
    ic[:100, 1] = np.nan
    brier = grid(0.24)
    brier[:100, 1] = np.nan
    return Scores(
        ("linear", "trees"),
        days,
        np.full(DATES, 400.0),
        log_loss=grid(0.68),
        brier=brier,
        ic=ic,
        accuracy=grid(0.51),
        base_log_loss=0.69 + 0.01 * rng.normal(size=DATES),
        base_brier=0.25 + 0.01 * rng.normal(size=DATES),
    )


def test_every_figure_stands_beside_its_reference_on_the_same_dates(scores):
    found = {(p.member, p.window): p for p in performance(scores, "7d")}
    assert list(found) == [(m, w) for m in ("linear", "trees") for w in (60, 252, None)]
    year = found["linear", 252]
    assert (year.dates, year.first, year.last) == (252, "2015-02-18", "2015-10-27")
    assert year.ic.value == pytest.approx(scores.ic[-252:, 0].mean())
    test = newey_west(scores.ic[-252:, 0], 8)
    assert (year.ic.gain, year.ic.gain_t) == (test.mean, test.t)
    assert year.accuracy.gain == pytest.approx(scores.accuracy[-252:, 0].mean() - 0.5)
    assert year.brier.gain == pytest.approx((scores.base_brier - scores.brier[:, 0])[-252:].mean())
    assert year.brier_skill == pytest.approx(1 - scores.brier[-252:, 0].mean() / scores.base_brier[-252:].mean())
    assert year.log_loss.gain > 0


def test_dates_without_a_prediction_are_dropped_for_that_member_and_its_reference(scores):
    trees = performance(scores, "1d", windows=(None,))[1]
    assert trees.dates == 200
    assert trees.first == "2015-04-11"
    assert trees.brier.reference == pytest.approx(scores.base_brier[100:].mean())


def test_a_window_without_dates_is_unknown_rather_than_zero(scores):
    early = Scores(scores.members, *(getattr(scores, n)[:50] for n in Scores.__dataclass_fields__ if n != "members"))
    found = performance(early, "1d", windows=(60,))[1].to_dict()
    assert found["dates"] == 0
    assert found["first"] is None
    assert found["ic"] == {"value": None, "reference": None, "gain": None, "gain_t": None}
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_rolling_means_are_those_of_each_window_alone(scores):
    found = rolling(scores.ic, 60)
    for d in (29, 60, 150, 299):
        np.testing.assert_allclose(found[d, 0], scores.ic[max(0, d - 59) : d + 1, 0].mean())
    assert np.isnan(found[28, 0])
    assert np.isnan(found[128, 1])
    np.testing.assert_allclose(found[130, 1], scores.ic[100:131, 1].mean())


def test_calls_are_counted_by_status_and_latency_is_of_answers_only():
    recorder = CallRecorder()
    for k in range(100):
        recorder.record(CallRecord("trees", "ok", float(k + 1)))
    recorder.record(CallRecord("trees", "timeout", 1000.0))
    recorder.record(CallRecord("trees", "disabled", 0.0))
    recorder.record(CallRecord("lstm", "failed", 2.0))
    trees, lstm = recorder.calls()
    assert (trees.calls, trees.failures) == (101, 1)
    assert trees.failure_rate == pytest.approx(1 / 101)
    assert (trees.p50_ms, trees.p99_ms) == (pytest.approx(50.5), pytest.approx(99.01))
    assert trees.by_status == {"ok": 100, "timeout": 1, "disabled": 1}
    assert lstm.to_dict()["p50_ms"] is None
    assert lstm.failure_rate == 1.0


def test_only_the_last_calls_are_kept_and_threads_lose_none():
    recorder = CallRecorder(size=1000)

    def ask(member):
        for _ in range(400):
            recorder.record(CallRecord(member, "ok", 1.0))

    threads = [Thread(target=ask, args=(f"m{k % 2}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted((c.member, c.calls) for c in recorder.calls()) == [("m0", 800), ("m1", 800)]
    ask("m0")
    assert {c.member: c.calls for c in recorder.calls()}["m0"] == 1000
