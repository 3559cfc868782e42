from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.monitoring.page import crossings, limit_for, page
from vfr.monitoring.usual import Usual


def by_hand(steps):
    out, s = [], 0.0
    for step in steps:
        s = max(0.0, s + (0.0 if np.isnan(step) else step))
        out.append(s)
    return out


@examples(50)
@given(st.lists(st.one_of(st.floats(-3, 3), st.just(float("nan"))), min_size=1, max_size=60))
def test_the_statistic_is_the_recursion_of_the_paper(steps):
    np.testing.assert_allclose(page(np.array(steps)), by_hand(steps), atol=1e-9)


def test_columns_are_independent():
    steps = np.random.default_rng(0).normal(size=(4, 50))
    np.testing.assert_array_equal(page(steps)[2], page(steps[2]))


def test_after_an_alarm_it_begins_again():
    assert crossings(np.ones(7), 3.0) == (2, 5)
    assert crossings(np.ones(7), float("nan")) == ()


@pytest.mark.parametrize(("drift", "limit"), [(-0.25, 8.0), (-0.5, 4.0)])
def test_limits_agree_with_siegmunds_run_length(drift, limit):
    # Siegmund (1985): ARL = (exp(2 k b) - 2 k b - 1) / (2 k^2) with b = limit + 1.166.
    k, b = -drift, limit + 1.166
    run_length = (np.exp(2 * k * b) - 2 * k * b - 1) / (2 * k * k)
    rng = np.random.default_rng(1)
    steps = rng.normal(size=20_000) + drift
    found = limit_for(steps, run_length, block=1, rng=rng, paths=800)
    assert found == pytest.approx(limit, rel=0.07)


def test_the_stated_rate_of_false_alarms_is_kept_on_fresh_data():
    rng = np.random.default_rng(2)
    limit = limit_for(rng.normal(size=4000) - 0.3, 500, block=1, rng=rng)
    fresh = rng.normal(size=200_000) - 0.3
    assert 200_000 / len(crossings(fresh, limit)) == pytest.approx(500, rel=0.3)


def test_overlapping_outcomes_need_a_higher_limit_for_the_same_rate():
    rng = np.random.default_rng(3)
    shocks = rng.normal(size=6020)
    overlapping = np.convolve(shocks, np.ones(21) / np.sqrt(21), "valid") - 0.3
    apart = shocks[:6000] - 0.3
    slow, fast = (limit_for(x, 2000, block=63, rng=np.random.default_rng(4)) for x in (overlapping, apart))
    assert slow > 3 * fast


def test_evidence_that_climbs_on_a_sound_record_has_no_limit():
    rng = np.random.default_rng(5)
    assert np.isnan(limit_for(rng.normal(size=500) + 0.2, 100, block=5, rng=rng))
    assert np.isnan(limit_for(np.full(9, -1.0), 100, block=5, rng=rng))


@examples(50)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=40), st.integers(1, 10))
def test_usual_is_the_median_of_the_last_values(values, window):
    usual = Usual(window)
    for value in values:
        usual.add(value)
    last = values[-window:]
    assert usual.count == len(last)
    assert usual.median == pytest.approx(np.median(last))


def test_nothing_is_usual_before_anything_happened():
    usual = Usual(3)
    assert np.isnan(usual.median)
    usual.add(1.0)
    usual.clear()
    assert usual.count == 0
