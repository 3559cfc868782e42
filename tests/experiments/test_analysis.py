from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr
from tests.experiments.made import paired

from vfr.experiments.analysis import accuracy, confidence_bins, ordering


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_ordering_is_the_mean_rank_correlation_of_each_date():
    pairs = paired(rng(), gain=0.2, sessions=30)
    found = ordering(pairs, rng())
    by_hand = [spearmanr(pairs.blended[r], pairs.excess[r])[0] for r in range(30)]
    assert found.blended == pytest.approx(np.mean(by_hand))
    assert found.difference.estimate == pytest.approx(found.blended - found.classic)
    assert found.by_date.shape == (30,)


def test_a_better_score_is_found_by_both_figures():
    pairs = paired(rng(), gain=0.3)
    assert ordering(pairs, rng()).difference.low > 0
    found = accuracy(pairs, rng())
    assert found.difference.low > 0
    assert found.blended_only > found.classic_only
    assert found.p_blocks < 0.01


def test_the_difference_is_what_the_calls_that_disagree_make():
    found = accuracy(paired(rng(), gain=0.2), rng())
    assert found.difference.estimate == pytest.approx((found.blended_only - found.classic_only) / found.rows)
    assert found.difference.estimate == pytest.approx(found.blended - found.classic)


def test_the_same_score_twice_differs_in_nothing():
    pairs = paired(rng(), gain=0.2)
    same = replace(pairs, blended=pairs.classic)
    found, order = accuracy(same, rng()), ordering(same, rng())
    assert (found.difference.estimate, found.p, found.p_blocks) == (0.0, 1.0, 1.0)
    assert (order.difference.low, order.difference.high) == (0.0, 0.0)


def test_names_that_move_together_fool_mcnemar_and_not_its_blocks():
    """One outcome per block of ten dates: six thousand calls that are worth forty."""
    wrong = 0
    for seed in range(40):
        draw = rng(seed)
        excess = np.repeat(draw.choice([-1.0, 1.0], size=(40, 1)), 10, axis=0) * np.ones((1, 16))
        excess[:, ::2] *= -1.0  # half of the names on either side of the median
        side = np.where(np.arange(16) % 2, 1.0, -1.0)
        pairs = paired(draw, gain=0.0, sessions=400, names=16)
        pairs = replace(pairs, excess=excess, classic=np.tile(side, (400, 1)), blended=np.tile(-side, (400, 1)))
        found = accuracy(pairs, rng())
        wrong += found.p < 0.05
        assert found.p_blocks > 1e-3
    assert wrong > 20


def test_only_cells_that_both_scores_know_are_judged():
    pairs = paired(rng(), gain=0.2, sessions=40)
    blended = pairs.blended.copy()
    blended[:, 30:] = np.nan
    fewer = replace(pairs, blended=blended)
    assert accuracy(fewer, rng()).rows == 40 * 30
    assert ordering(fewer, rng()).classic == pytest.approx(
        np.mean([spearmanr(pairs.classic[r, :30], pairs.excess[r, :30])[0] for r in range(40)])
    )


def test_few_dates_have_no_interval():
    found = accuracy(paired(rng(), gain=0.2, sessions=12), rng())
    assert np.isfinite(found.difference.estimate)
    assert np.isnan(found.difference.low)
    assert np.isnan(found.p_blocks)


def test_nothing_is_nothing():
    pairs = paired(rng(), gain=0.0, sessions=5)
    nothing = replace(pairs, counted=np.zeros_like(pairs.counted))
    assert accuracy(nothing, rng()).dates == ordering(nothing, rng()).dates == 0
    assert np.isnan(accuracy(nothing, rng()).difference.estimate)


def test_confidence_is_set_beside_how_often_it_was_right():
    draw = rng()
    confidence = draw.uniform(0.5, 0.9, size=(200, 50))
    excess = draw.normal(size=confidence.shape)
    right = draw.uniform(size=confidence.shape) < confidence
    expected = np.where(right, excess, -excess)
    bins = confidence_bins(confidence, expected, excess, np.ones(confidence.shape, dtype=bool))
    assert len(bins) == 10
    assert all(abs(one.forecast - one.observed) < 0.05 for one in bins)
    assert confidence_bins(confidence, expected, excess, np.zeros(confidence.shape, dtype=bool)) == []
