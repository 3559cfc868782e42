from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm

from vfr.validation.significance import newey_west, overlap_lag


@pytest.mark.parametrize("lag", [0, 2, 8, 32])
def test_equals_statsmodels_hac_regression_on_a_constant(lag):
    rng = np.random.default_rng(3)
    x = np.convolve(rng.normal(0.05, 1, 400), np.ones(5) / 5, mode="valid")
    fit = sm.OLS(x, np.ones_like(x)).fit(cov_type="HAC", cov_kwds={"maxlags": lag, "use_correction": False})
    ours = newey_west(x, lag)
    assert ours.mean == pytest.approx(fit.params[0])
    assert ours.error == pytest.approx(fit.bse[0])
    assert ours.t == pytest.approx(fit.tvalues[0])


def test_overlap_inflates_the_error():
    rng = np.random.default_rng(4)
    x = np.convolve(rng.normal(size=2000), np.ones(21), mode="valid")
    assert newey_west(x, overlap_lag(21)).error > 3 * newey_west(x, 0).error


def test_unknown_observations_are_dropped_and_too_few_are_unknown():
    assert newey_west(np.array([1.0, np.nan, 3.0]), 0).n == 2
    assert np.isnan(newey_west(np.array([1.0]), 0).t)


def test_lag_is_at_least_one_and_a_half_horizons():
    assert [overlap_lag(h) for h in (1, 5, 21)] == [2, 8, 32]
