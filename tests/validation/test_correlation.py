from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from vfr.validation.correlation import icir, information_coefficient, midranks, rank_ic, within_session_std


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40))
def test_midranks_equal_scipy(values):
    x = np.array(values, dtype=float)
    assert np.array_equal(midranks(x), stats.rankdata(x))


def test_coefficients_equal_scipy_per_session_and_skip_unknown_cells():
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(6, 40)), rng.normal(size=(6, 40))
    x[:, ::7] = np.nan
    y[2, 1:9] = np.nan
    mask = rng.random((6, 40)) > 0.2
    ours, pearson = rank_ic(x, y, mask), information_coefficient(x, y, mask)
    for r in range(6):
        known = mask[r] & np.isfinite(x[r]) & np.isfinite(y[r])
        assert ours[r] == pytest.approx(stats.spearmanr(x[r, known], y[r, known]).statistic, abs=1e-12)
        assert pearson[r] == pytest.approx(stats.pearsonr(x[r, known], y[r, known]).statistic, abs=1e-12)


def test_sessions_without_names_or_variation_are_unknown():
    x = np.vstack([np.ones(20), np.arange(20.0), np.full(20, np.nan)])
    y = np.tile(np.arange(20.0), (3, 1))
    out = rank_ic(x, y)
    assert np.isnan(out[0])
    assert out[1] == pytest.approx(1.0)
    assert np.isnan(out[2])
    assert np.isnan(rank_ic(x[1:2, :9], y[1:2, :9])).all()


def test_icir_is_mean_over_standard_deviation():
    assert icir(np.array([0.1, np.nan, 0.3])) == pytest.approx(0.2 / np.std([0.1, 0.3], ddof=1))
    assert np.isnan(icir(np.array([0.1])))


def test_within_session_std_ignores_unknown_cells():
    values = np.array([[1.0, 3.0, np.nan], [np.nan, np.nan, 2.0]])
    out = within_session_std(values)
    assert out[0] == pytest.approx(1.0)
    assert np.isnan(out[1])
