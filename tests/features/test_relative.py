from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.features.relative import MIN_GROUP, beyond_sector


@pytest.fixture
def returns():
    rng = np.random.default_rng(0)
    values = rng.normal(0, 0.02, (40, 30))
    values[rng.random(values.shape) < 0.1] = np.nan
    return values


SECTORS = np.array([0] * 12 + [1] * 10 + [2] * 4 + [-1] * 4)


def test_what_a_sector_did_as_a_whole_is_gone(returns):
    returns[:, SECTORS == 2] = np.nan
    returns[:, SECTORS < 0] = np.nan
    moved = returns + np.where(SECTORS == 0, 0.5, 0.0)
    np.testing.assert_allclose(beyond_sector(moved, SECTORS), beyond_sector(returns, SECTORS), atol=1e-12)


def test_each_large_sector_has_mean_zero_and_small_ones_are_pooled(returns):
    found = beyond_sector(returns, SECTORS)
    assert np.array_equal(np.isfinite(found), np.isfinite(returns))
    for members in (SECTORS == 0, SECTORS == 1, SECTORS < 0):
        pool = members if members[0] or members[12] else (SECTORS < 0) | (SECTORS == 2)
        some = np.isfinite(found[:, pool]).sum(axis=1) >= MIN_GROUP
        assert np.abs(np.nanmean(found[some][:, pool], axis=1)).max() < 1e-12


def test_a_universe_too_small_for_sectors_is_set_against_everybody():
    values = np.array([[0.01, 0.02, 0.03, 0.06]])
    assert beyond_sector(values, np.array([0, 1, 2, -1]))[0] == pytest.approx(values[0] - values[0].mean())


def test_one_takeover_does_not_move_a_sector():
    rng = np.random.default_rng(1)
    values = rng.normal(0, 0.01, (1, 300))
    wild = values.copy()
    wild[0, 0] = 9.0
    sectors = np.arange(300) % 3
    change = beyond_sector(wild, sectors)[0, 3:] - beyond_sector(values, sectors)[0, 3:]
    assert np.abs(change).max() < 0.01


@given(st.integers(0, 2**32 - 1))
def test_the_order_of_names_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    values, sectors = rng.normal(0, 0.02, (3, 24)), rng.integers(-1, 4, 24)
    order = rng.permutation(24)
    np.testing.assert_allclose(
        beyond_sector(values[:, order], sectors[order]), beyond_sector(values, sectors)[:, order], atol=1e-14
    )


def test_nothing_known_stays_nothing():
    assert np.isnan(beyond_sector(np.full((2, 6), np.nan), np.zeros(6, dtype=int))).all()
