from __future__ import annotations

import numpy as np
import pytest

from vfr.validation.bootstrap import block_rows, ratio_interval, simultaneous_intervals


def test_blocks_are_consecutive_and_circular():
    rows = block_rows(10, 4, 50, np.random.default_rng(0))
    assert rows.shape == (50, 10)
    steps = np.diff(rows[:, :4], axis=1) % 10
    assert (steps == 1).all()


def test_interval_of_independent_dates_is_the_normal_one():
    x = np.random.default_rng(1).normal(0.2, 1.0, 2000)
    got = ratio_interval(x, np.ones_like(x), block=1, rng=np.random.default_rng(2), draws=2000)
    half = 1.96 * x.std() / np.sqrt(x.size)
    assert got.estimate == pytest.approx(x.mean())
    assert got.low == pytest.approx(x.mean() - half, abs=half / 8)
    assert got.high == pytest.approx(x.mean() + half, abs=half / 8)
    assert got.excludes_zero


def test_blocks_widen_the_interval_of_overlapping_observations():
    x = np.convolve(np.random.default_rng(3).normal(size=2000), np.ones(21) / 21, mode="valid")
    one, many = (ratio_interval(x, np.ones_like(x), block=b, rng=np.random.default_rng(4)) for b in (1, 42))
    assert many.high - many.low > 2.5 * (one.high - one.low)


def test_same_generator_same_interval():
    x = np.random.default_rng(5).normal(size=100)
    a, b = (ratio_interval(x, np.ones(100), block=5, rng=np.random.default_rng(9)) for _ in range(2))
    assert a == b


def test_simultaneous_intervals_are_wider_and_survive_empty_and_constant_cells():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(4, 500))
    ones = np.ones_like(x)
    x[2], ones[3] = 1.0, 0.0
    x[3] = 0.0
    cells = simultaneous_intervals(x, ones, block=1, rng=np.random.default_rng(7))
    single = ratio_interval(x[0], ones[0], block=1, rng=np.random.default_rng(7))
    assert cells[0].high - cells[0].low > single.high - single.low
    assert cells[2].estimate == pytest.approx(1.0)
    assert np.isnan(cells[3].estimate)


def test_nothing_to_resample_is_unknown():
    got = ratio_interval(np.empty(0), np.empty(0), block=3, rng=np.random.default_rng(0))
    assert np.isnan(got.estimate)
    assert not got.excludes_zero


def test_a_resample_without_a_date_of_any_cell_says_nothing_and_warns_nobody():
    tops, bottoms = np.zeros((2, 40)), np.zeros((2, 40))
    bottoms[:, 30:32] = 4.0
    tops[:, 30:32] = [[1.0, 3.0], [2.0, 3.0]]
    first, second = simultaneous_intervals(tops, bottoms, block=2, rng=np.random.default_rng(8))
    assert (first.estimate, second.estimate) == (0.5, 0.625)
    assert first.low < 0.5 < first.high
