from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from tests.examples import examples

from vfr.validation.neutralise import neutralise


def _panel(seed: int, sessions: int = 4, names: int = 60):
    rng = np.random.default_rng(seed)
    exposures = rng.normal(size=(3, sessions, names)) * np.array([1.0, 1e9, 1e-6])[:, None, None] + 5.0
    score = rng.normal(size=(sessions, names)) + exposures[0] - 2e-9 * exposures[1]
    return score, exposures, rng.integers(-1, 5, names)


def test_is_linear_regression_on_exposures_and_dummies():
    score, exposures, sectors = _panel(0)
    got = neutralise(score, exposures, sectors)
    for row in range(score.shape[0]):
        X = np.column_stack([exposures[:, row].T / [[1.0, 1e9, 1e-6]], sectors[:, None] == np.unique(sectors)[:-1]])
        assert np.allclose(got[row], score[row] - LinearRegression().fit(X, score[row]).predict(X), atol=1e-9)


@examples(40)
@given(seed=st.integers(0, 10_000), holes=st.floats(0, 0.5), by_row=st.booleans())
def test_the_rest_is_uncorrelated_with_every_exposure_and_of_mean_zero_in_every_sector(seed, holes, by_row):
    score, exposures, sectors = _panel(seed)
    rng = np.random.default_rng(seed)
    score[rng.random(score.shape) < holes] = np.nan
    mask = rng.random(score.shape) < 0.9
    groups = np.tile(sectors, (score.shape[0], 1)) if by_row else sectors
    got = neutralise(score, exposures, groups, mask, min_names=15)
    for row in range(score.shape[0]):
        known = np.isfinite(score[row]) & mask[row]
        assert np.array_equal(np.isfinite(got[row]), known) or (known.sum() < 15 and np.isnan(got[row]).all())
        if not np.isfinite(got[row]).any():
            continue
        for values in exposures[:, row, known]:
            centred = (values - values.mean()) / values.std()
            assert abs(got[row, known] @ centred) < 1e-8
        for sector in np.unique(sectors[known]):
            assert abs(got[row, known & (sectors == sector)].mean()) < 1e-9


def test_an_unknown_exposure_explains_nothing_of_that_name():
    score, exposures, _ = _panel(1)
    exposures[0, 2, 7] = np.nan
    filled = exposures.copy()
    filled[0, 2, 7] = np.delete(exposures[0, 2], 7).mean()
    assert np.allclose(neutralise(score, exposures), neutralise(score, filled))
    exposures[1, 3] = np.nan
    assert np.allclose(neutralise(score, exposures)[3], neutralise(score, exposures[[0, 2]])[3])


def test_neither_unit_nor_constant_nor_copy_of_an_exposure_matters():
    score, exposures, sectors = _panel(2)
    plain = neutralise(score, exposures, sectors)
    more = np.concatenate([exposures * -1e-3, exposures[:1], np.full_like(exposures[:1], 0.1)])
    assert np.allclose(neutralise(score, more, sectors), plain, atol=1e-8)


def test_a_score_made_of_exposures_leaves_nothing():
    _, exposures, sectors = _panel(3)
    score = exposures[0] + 0.5 * sectors
    assert np.abs(neutralise(score, exposures, sectors)).max() < 1e-9


def test_sessions_with_too_few_names_are_unknown_and_others_are_not_touched_by_them():
    score, exposures, sectors = _panel(4)
    whole = neutralise(score, exposures, sectors)
    score[1, 29:] = np.nan
    got = neutralise(score, exposures, sectors)
    assert np.isnan(got[1]).all()
    assert np.array_equal(got[[0, 2, 3]], whole[[0, 2, 3]])
    one_each = neutralise(score, exposures, np.arange(60))
    assert np.isnan(one_each).all()


def test_without_sectors_or_exposures_only_the_mean_goes():
    score, exposures, _ = _panel(5)
    assert np.allclose(neutralise(score, exposures[:0]), score - score.mean(axis=1, keepdims=True))


def test_shapes_that_do_not_fit_are_refused():
    score, exposures, _ = _panel(6)
    with pytest.raises(ValueError, match="broadcast"):
        neutralise(score, exposures, np.zeros(7, dtype=int))


def test_several_scores_at_once_are_each_what_they_are_alone():
    score, exposures, sectors = _panel(5)
    other = np.random.default_rng(6).normal(size=score.shape)
    other[1, 3] = np.nan
    both = neutralise(np.stack([score, other]), exposures, sectors)
    assert np.allclose(both[1], neutralise(other, exposures, sectors), equal_nan=True)
    assert np.allclose(both[0], neutralise(score, exposures, sectors, np.isfinite(other)), equal_nan=True)
