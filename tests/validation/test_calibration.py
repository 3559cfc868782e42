from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from vfr.validation.calibration import Platt, expit, fit_platt, logit, positive_mean, shrunk_slope


def test_expit_and_logit_are_inverse_and_do_not_overflow():
    assert expit(np.array([logit(0.3)]))[0] == pytest.approx(0.3)
    assert expit(np.array([-1e6, 1e6])).tolist() == [0.0, 1.0]


def test_without_shrinkage_it_is_logistic_regression():
    rng = np.random.default_rng(0)
    score = rng.normal(2.0, 3.0, 5000)
    y = (rng.random(5000) < expit(0.3 * (score - 2) + 0.2)).astype(float)
    ours = fit_platt([score], y, prior=0.5, weight=1.0, shift_sd=1e6, slope_sd=1e6)
    theirs = LogisticRegression(C=np.inf, tol=1e-10).fit(score[:, None], y)
    assert np.allclose(ours(score), theirs.predict_proba(score[:, None])[:, 1], atol=1e-6)


def test_without_evidence_it_is_the_base_rate():
    rng = np.random.default_rng(1)
    score, y = rng.normal(size=2000), rng.integers(0, 2, 2000).astype(float)
    weak = fit_platt([score], y, prior=0.58, weight=1e-6, slope_sd=1e-3)
    assert np.allclose(weak(score), 0.58, atol=1e-3)
    believed = fit_platt([score], y, prior=0.58, weight=1e-6, slope_mean=0.02, slope_sd=1e-3)
    assert believed.slopes[0] * score.std() == pytest.approx(0.02, abs=1e-3)
    assert fit_platt([np.empty(0)], np.empty(0), prior=0.58, weight=1.0)(score)[0] == pytest.approx(0.58)


def test_a_score_that_orders_the_wrong_way_is_ignored_not_inverted():
    rng = np.random.default_rng(2)
    score = rng.normal(size=3000)
    y = (rng.random(3000) < expit(-score)).astype(float)
    assert 0 < fit_platt([score], y, prior=0.5, weight=1.0).slopes[0] < 0.01


def test_survives_json_and_keeps_unknown_unknown():
    fitted = fit_platt([np.arange(10.0)], (np.arange(10) > 4).astype(float), prior=0.5, weight=1.0)
    again = Platt.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert again == fitted
    assert np.isnan(again(np.array([np.nan]))[0])


def test_each_score_has_a_slope_of_its_own():
    rng = np.random.default_rng(4)
    one, two, still = rng.normal(size=8000), rng.normal(size=8000), np.ones(8000)
    y = (rng.random(8000) < expit(0.5 * one - 0.5 * two)).astype(float)
    fitted = fit_platt([one, two, still], y, prior=0.5, weight=1.0, slope_sd=1.0)
    assert fitted.slopes[0] == pytest.approx(0.5, abs=0.1)
    assert 0 < fitted.slopes[1] < 0.01
    assert fitted.slopes[2] == 0


def test_slope_moves_from_the_prior_to_the_data_as_evidence_grows():
    slopes = np.random.default_rng(3).normal(0.05, 0.2, 4000)
    few = shrunk_slope(slopes, prior=0.01, prior_sd=0.01, effective=20)
    many = shrunk_slope(slopes, prior=0.01, prior_sd=0.01, effective=4000)
    assert 0.01 < few < many
    assert 0 < shrunk_slope(-slopes, prior=0.01, prior_sd=0.01, effective=4000) < 0.002


def test_mean_given_positive_is_that_of_the_truncated_normal():
    from scipy.stats import truncnorm

    for mean, sd in ((0.02, 0.01), (-0.03, 0.01), (-0.3, 0.01)):
        oracle = truncnorm(-mean / sd, np.inf, loc=mean, scale=sd).mean()
        assert positive_mean(mean, sd) == pytest.approx(oracle, rel=1e-6)
