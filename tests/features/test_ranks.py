"""Cross-sectional ranks: midranks, unknown stays unknown, the order of symbols does not matter."""

from __future__ import annotations

import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.stats import rankdata
from tests.examples import examples

from vfr.features.ranks import _KERNEL as KERNEL
from vfr.features.ranks import cross_sectional
from vfr.typing import Matrix32

VALUES = st.one_of(st.floats(-100, 100, width=32), st.sampled_from([0.0, -0.0, 1.0, float("nan")]))
BLOCKS = arrays(np.float32, array_shapes(min_dims=3, max_dims=3, max_side=6), elements=VALUES)


@examples(60)
@given(BLOCKS)
def test_ranks_equal_scipy(block: Matrix32) -> None:
    found = cross_sectional(block)
    assert found.dtype == np.float32
    for f, r in np.ndindex(block.shape[:2]):
        row = block[f, r]
        known = ~np.isnan(row)
        expected = np.full(row.size, np.nan)
        if known.any():
            expected[known] = (rankdata(row[known]) - 0.5) / known.sum() - 0.5
        np.testing.assert_allclose(found[f, r], expected, atol=1e-7)


@examples(40)
@given(BLOCKS, st.randoms(use_true_random=False))
def test_permuting_symbols_permutes_ranks(block: Matrix32, random: object) -> None:
    order = np.array(random.sample(range(block.shape[2]), block.shape[2]))
    np.testing.assert_array_equal(cross_sectional(block[:, :, order]), cross_sectional(block)[:, :, order])


def test_infinite_is_unknown_and_ranks_stay_inside() -> None:
    row = np.array([[[np.inf, 5.0, -np.inf, 7.0]]], dtype=np.float32)
    np.testing.assert_array_equal(cross_sectional(row)[0, 0], np.float32([np.nan, -0.25, np.nan, 0.25]))


def test_the_input_is_left_alone() -> None:
    block = np.array([[[3.0, 1.0, 2.0]]], dtype=np.float32)
    cross_sectional(block)
    assert block.tolist() == [[[3.0, 1.0, 2.0]]]


def without_the_kernel(row: Matrix32) -> Matrix32:
    """Rank a row as a process does that has not loaded the kernel, and does not load it for this."""
    loaded = {KERNEL: sys.modules.pop(KERNEL)} if KERNEL in sys.modules else {}
    try:
        found = cross_sectional(row[None, None])[0, 0]
        assert KERNEL not in sys.modules
    finally:
        sys.modules.update(loaded)
    return found


@examples(100)
@given(arrays(np.float32, st.integers(0, 30), elements=VALUES))
def test_a_single_row_is_ranked_without_the_kernel_to_the_same_bits(row: Matrix32) -> None:
    alone = without_the_kernel(row)
    np.testing.assert_array_equal(alone, cross_sectional(np.stack([row, row])[None])[0, 1])
    np.testing.assert_array_equal(alone, cross_sectional(row[None, None])[0, 0])


def test_a_row_of_real_length_is_ranked_to_the_same_bits() -> None:
    row = np.random.default_rng(3).normal(size=2000).astype(np.float32)
    row[::7] = np.nan
    row[5:50] = row[5]
    np.testing.assert_array_equal(without_the_kernel(row), cross_sectional(np.stack([row, row])[None])[0, 1])
