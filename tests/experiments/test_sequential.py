from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.experiments.experiment import StopRule
from vfr.experiments.sequential import confidence_sequence, decide, first_stop, independent

RULE = StopRule()


def ever_wrong(values: np.ndarray, rule: StopRule = RULE) -> float:
    return float((first_stop(confidence_sequence(values, rule), rule)[1] != 0).mean())


def test_the_interval_is_the_published_boundary():
    values = np.random.default_rng(0).normal(size=80)
    found = confidence_sequence(values, StopRule(error=0.1, tight_at=60, first=20))
    t, s = 80, values.std(ddof=1)
    rho2 = (-2 * np.log(0.1) + np.log(-2 * np.log(0.1) + 1)) / 60
    width = s * np.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * np.log(np.sqrt(t * rho2 + 1) / 0.1))
    assert found.low[-1] == pytest.approx(values.mean() - width)
    assert found.high[-1] == pytest.approx(values.mean() + width)


@pytest.mark.parametrize("error", [0.05, 0.2])
def test_looking_at_every_value_errs_no_more_often_than_was_said(error):
    values = np.random.default_rng(1).normal(size=(4_000, 600))
    assert ever_wrong(values, StopRule(error=error)) <= error


def test_the_earliest_first_look_that_may_be_asked_for_errs_no_more_often():
    values = np.random.default_rng(3).normal(size=(4_000, 600))
    assert ever_wrong(values, StopRule(first=20)) <= 0.05


def test_heavy_tails_do_no_harm_and_strong_skewness_some():
    rng = np.random.default_rng(6)
    assert ever_wrong(rng.standard_t(4, size=(3_000, 400))) <= 0.05
    assert 0.05 < ever_wrong(rng.exponential(size=(3_000, 400)) - 1.0) < 0.1


def test_a_fixed_sample_interval_read_every_week_errs_far_more_often():
    values = np.random.default_rng(1).normal(size=(1_000, 600))
    t = np.arange(1, 601)
    z = values.cumsum(axis=1) / np.sqrt(t)
    assert (np.abs(z[:, 29:]) > 1.96).any(axis=1).mean() > 0.2


def test_overlapping_outcomes_read_as_if_they_were_independent_err_far_more_often():
    shocks = np.random.default_rng(2).normal(size=(400, 1_024))
    daily = np.lib.stride_tricks.sliding_window_view(shocks, 21, axis=1).mean(axis=2)
    assert ever_wrong(daily) > 0.5
    monthly = np.stack([independent(one, 21)[0] for one in daily])
    assert ever_wrong(monthly) <= 0.05


def test_no_decision_before_the_first_look():
    values = np.full(40, 0.5) + np.random.default_rng(0).normal(0, 1e-3, size=40)
    assert decide(values[:29], RULE).verdict == "open"
    assert (decide(values[:30], RULE).verdict, decide(values, RULE).at) == ("ml", 30)


def test_a_stop_stands_whatever_comes_later():
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.normal(1.0, 1.0, 60), rng.normal(-1.0, 1.0, 400)])
    assert decide(values, RULE).verdict == "ml"
    assert decide(values, RULE).mean < 0
    assert decide(-values, RULE).verdict == "classic"


def test_a_margin_ends_what_is_too_small_to_matter():
    values = np.random.default_rng(4).normal(0.0, 0.01, size=300)
    assert decide(values, RULE).verdict == "open"
    assert decide(values, StopRule(margin=0.005)).verdict == "equal"


@given(st.lists(st.one_of(st.just(np.nan), st.floats(-1, 1)), max_size=80), st.sampled_from([1, 5, 21]))
def test_values_share_no_session_of_their_outcomes(differences, span):
    _, rows = independent(np.array(differences, dtype=np.float64), span)
    assert (np.diff(rows) >= max(span, 5)).all()


def test_a_day_ahead_a_week_is_averaged_and_a_month_ahead_one_session_is_taken():
    differences = np.arange(50.0)
    assert independent(differences, 1)[0][:2].tolist() == [2.0, 7.0]
    assert independent(differences, 21)[0].tolist() == [0.0, 21.0, 42.0]
