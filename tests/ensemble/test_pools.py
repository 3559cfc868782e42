from __future__ import annotations

import doctest

import numpy as np
import pytest

from vfr.ensemble import asking, combine, pools


@pytest.mark.parametrize("module", [asking, combine, pools], ids=lambda module: module.__name__)
def test_examples_of_the_docstrings_run(module):
    found = doctest.testmod(module, extraglobs={"np": np})
    assert found.attempted > 0
    assert found.failed == 0


def test_sessions_are_combined_as_each_of_them_alone():
    rng = np.random.default_rng(0)
    values = rng.uniform(size=(3, 4, 7))
    usable = rng.random((3, 4, 7)) < 0.8
    held = np.array([0.5, 0.3, 0.2])
    weights = pools.shares(held, usable)
    mean = pools.linear_pool(values, weights)
    for r in range(4):
        alone = pools.shares(held, usable[:, r])
        np.testing.assert_array_equal(weights[:, r], alone)
        np.testing.assert_array_equal(mean[r], pools.linear_pool(values[:, r], alone))
        np.testing.assert_array_equal(
            pools.log_odds_pool(values, held, 0.1)[r], pools.log_odds_pool(values[:, r], held, 0.1)
        )
        np.testing.assert_array_equal(pools.margin(mean)[r], pools.margin(mean[r]))


def test_log_odds_are_bounded_and_keep_the_unknown():
    found = pools.log_odds(np.array([0.0, 0.5, 1.0, np.nan]))
    np.testing.assert_allclose(found, [-13.8155, 0.0, 13.8155, np.nan], rtol=1e-5, atol=1e-12)


def test_rounding_puts_nothing_on_a_side():
    weights, values = np.full((3, 1), 1 / 3), np.array([[0.4], [0.5], [0.6]])
    for edge in (-1e-16, 0.0, 1e-16):
        assert pools.same_side(values, weights, np.array([0.5 + edge]), 0.5) == pytest.approx([2 / 3])
        assert pools.same_side(values - 0.5, weights, np.array([edge]), 0.0) == pytest.approx([2 / 3])
