from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as oracle

from vfr.validation import metrics


@pytest.fixture(scope="module")
def forecast():
    rng = np.random.default_rng(5)
    p = np.round(rng.uniform(0.05, 0.95, 1000), 2)
    return p, (rng.random(1000) < p).astype(float)


def test_scores_equal_scikit_learn(forecast):
    p, y = forecast
    call = (p > 0.5).astype(float)
    assert metrics.brier(p, y) == pytest.approx(oracle.brier_score_loss(y, p))
    assert metrics.log_loss(p, y) == pytest.approx(oracle.log_loss(y, p))
    assert metrics.accuracy(call, y) == pytest.approx(oracle.accuracy_score(y, call))
    assert metrics.balanced_accuracy(call, y) == pytest.approx(oracle.balanced_accuracy_score(y, call))
    assert metrics.matthews(call, y) == pytest.approx(oracle.matthews_corrcoef(y, call))
    assert metrics.area_under_curve(p, y) == pytest.approx(oracle.roc_auc_score(y, p))


def test_one_class_has_no_balanced_accuracy_and_no_correlation():
    ones = np.ones(5)
    assert np.isnan(metrics.balanced_accuracy(ones, ones))
    assert metrics.matthews(ones, ones) == 0
    assert np.isnan(metrics.area_under_curve(ones, ones))


def test_calibration_error_of_a_calibrated_forecast_is_small_and_of_a_shifted_one_is_the_shift():
    rng = np.random.default_rng(6)
    p = rng.uniform(0.3, 0.6, 100_000)
    y = (rng.random(p.size) < p).astype(float)
    assert metrics.expected_calibration_error(p, y) < 0.01
    assert metrics.expected_calibration_error(p + 0.1, y) == pytest.approx(0.1, abs=0.01)


def test_reliability_bins_hold_equal_counts():
    p = np.linspace(0, 1, 103)
    bins = metrics.reliability(p, (p > 0.5).astype(float))
    assert sum(b.count for b in bins) == 103
    assert {b.count for b in bins} <= {10, 11}
    assert [b.forecast for b in bins] == sorted(b.forecast for b in bins)


def test_skill_is_zero_against_itself(forecast):
    p, y = forecast
    assert metrics.brier_skill(p, p, y) == 0
    assert metrics.brier_skill(p, np.full_like(p, 0.5), y) > 0
