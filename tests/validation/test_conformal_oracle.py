"""Our conformal step beside two libraries at equal settings; they share nothing with it but the definition."""

from __future__ import annotations

import numpy as np
import pytest
from crepes import ConformalRegressor
from mapie.regression import SplitConformalRegressor
from sklearn.linear_model import LinearRegression

from vfr.validation.conformal import conformal_quantile

LEVELS = (0.5, 0.8, 0.9, 0.95)


def _rows(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Forecast, scale and outcome of n rows, fat-tailed and of uneven spread."""
    rng = np.random.default_rng(seed)
    forecast, scale = 0.01 * rng.normal(size=n), rng.uniform(0.005, 0.05, n)
    return forecast, scale, forecast + scale * rng.standard_t(4, n)


@pytest.mark.parametrize("n", [25, 60, 502, 5000])
@pytest.mark.parametrize("level", LEVELS)
def test_is_the_normalised_regressor_of_crepes(n, level):
    forecast, scale, outcome = _rows(n)
    new, new_scale, _ = _rows(50, seed=1)
    theirs = ConformalRegressor().fit(outcome - forecast, sigmas=scale).predict_int(new, new_scale, confidence=level)
    half = conformal_quantile(outcome - forecast, scale, level) * new_scale
    assert np.allclose(theirs, np.column_stack([new - half, new + half]), rtol=1e-12, atol=0)


@pytest.mark.parametrize("n", [25, 60, 502, 5000])
@pytest.mark.parametrize("level", LEVELS)
def test_is_the_split_conformal_regressor_of_mapie(n, level):
    """In units of the scale its absolute residual is the normalised one."""
    forecast, scale, outcome = _rows(n)
    new, new_scale, _ = _rows(50, seed=1)
    same = LinearRegression(fit_intercept=False).fit(np.eye(1), np.ones(1))
    mapie = SplitConformalRegressor(same, confidence_level=level, prefit=True)
    mapie.conformalize((forecast / scale)[:, None], outcome / scale)
    _, theirs = mapie.predict_interval((new / new_scale)[:, None])
    half = conformal_quantile(outcome - forecast, scale, level) * new_scale
    assert np.allclose(theirs[:, :, 0] * new_scale[:, None], np.column_stack([new - half, new + half]), atol=1e-12)


@pytest.mark.parametrize(("n", "level"), [(19, 0.8), (19, 0.9), (504, 0.8)])
def test_a_rank_that_is_whole_is_taken_as_it_stands(n, level):
    """There crepes rounds (1 - level) (n + 1) down to the number below and goes one rank too far; a nudge mends it."""
    forecast, scale, outcome = _rows(n)
    fitted = ConformalRegressor().fit(outcome - forecast, sigmas=scale)
    far, exact = (fitted.predict_int(np.zeros(1), np.ones(1), confidence=c)[0, 1] for c in (level, level - 1e-9))
    ours = conformal_quantile(outcome - forecast, scale, level)
    assert ours == pytest.approx(exact, rel=1e-12)
    assert ours < far
    assert np.sum(np.abs(outcome - forecast) / scale <= ours) == round(level * (n + 1))


def test_too_few_rows_for_the_level_give_no_bound_here_and_in_crepes():
    forecast, scale, outcome = _rows(8)
    assert conformal_quantile(outcome - forecast, scale, 0.9) == np.inf
    with pytest.warns(UserWarning, match="calibration"):
        theirs = ConformalRegressor().fit(outcome - forecast, sigmas=scale).predict_int(forecast, scale, confidence=0.9)
    assert np.isinf(theirs).all()
