from __future__ import annotations

from itertools import combinations
from math import comb

import numpy as np
import pytest
from scipy import stats

from vfr.validation.overfitting import backtest_overfitting


def _by_hand(returns: np.ndarray, blocks: int):
    """Every split written out: concatenate the halves, rank with scipy, regress with scipy."""
    length = returns.shape[0] // blocks
    parts = np.split(returns[-length * blocks :], blocks)
    logits, inside, outside = [], [], []
    for chosen in combinations(range(blocks), blocks // 2):
        first = np.concatenate([parts[b] for b in chosen])
        second = np.concatenate([parts[b] for b in range(blocks) if b not in chosen])
        a, b = (half.mean(axis=0) / half.std(axis=0, ddof=1) for half in (first, second))
        best = int(np.argmax(a))
        relative = stats.rankdata(b)[best] / (returns.shape[1] + 1)
        logits.append(np.log(relative / (1 - relative)))
        inside.append(a[best])
        outside.append(b[best])
    return np.array(logits), np.array(inside), np.array(outside)


@pytest.mark.parametrize(("periods", "configurations", "blocks"), [(24, 3, 4), (50, 5, 6), (83, 4, 8), (41, 2, 2)])
def test_is_the_enumeration_of_all_splits(periods, configurations, blocks):
    returns = 0.01 + np.random.default_rng(periods).normal(size=(periods, configurations))
    got = backtest_overfitting(returns, blocks=blocks)
    logits, inside, outside = _by_hand(returns, blocks)
    assert got.logits.size == comb(blocks, blocks // 2)
    assert np.allclose(got.logits, logits)
    assert np.allclose(got.in_sample, inside)
    assert np.allclose(got.out_of_sample, outside)
    assert got.probability == np.mean(logits <= 0)
    assert got.loss == np.mean(outside < 0)
    assert got.slope == pytest.approx(stats.linregress(inside, outside).slope)
    assert got.rows == periods - periods % blocks


def test_selection_from_noise_is_a_coin():
    rng = np.random.default_rng(0)
    found = [backtest_overfitting(rng.normal(size=(400, 20)), blocks=8) for _ in range(60)]
    assert np.mean([f.probability for f in found]) == pytest.approx(0.5, abs=0.06)
    assert np.mean([f.loss for f in found]) == pytest.approx(0.5, abs=0.08)
    # Without drift what is gained in one half is missing in the other.
    assert np.mean([f.slope for f in found]) < -0.5


def test_a_dominant_configuration_is_no_accident():
    returns = np.random.default_rng(1).normal(size=(640, 12))
    returns[:, 7] += 0.5
    got = backtest_overfitting(returns)
    assert got.logits.size == 12_870
    assert got.probability == 0.0
    assert got.loss == 0.0


def test_what_reverses_is_called_overfitted():
    """Each configuration gains in some blocks and loses them again in the others."""
    rng = np.random.default_rng(2)
    signs = rng.permuted(np.repeat([[1.0], [-1.0]], 4, axis=0) * np.ones((1, 30)), axis=0)
    returns = np.repeat(signs, 50, axis=0) + 0.1 * rng.normal(size=(400, 30))
    got = backtest_overfitting(returns, blocks=8)
    assert got.probability > 0.95
    assert got.loss > 0.95
    assert got.slope < 0


def test_neither_scale_nor_order_nor_an_unknown_period_matters():
    returns = 0.02 + np.random.default_rng(3).normal(size=(160, 6))
    plain = backtest_overfitting(returns, blocks=8)
    scaled = backtest_overfitting(returns[:, ::-1] * np.arange(1, 7) * 1e-3, blocks=8)
    assert np.allclose(plain.logits, scaled.logits)
    holes = np.insert(returns, 80, np.nan, axis=0)
    holes[80, 1:] = 0.0
    assert np.array_equal(backtest_overfitting(holes, blocks=8).logits, plain.logits)


def test_a_configuration_that_does_nothing_is_never_chosen():
    returns = np.random.default_rng(4).normal(size=(160, 3)) - 1.0
    returns[:, 1] = 0.0
    got = backtest_overfitting(returns, blocks=4)
    assert (got.in_sample < 0).all()
    assert np.isfinite(got.out_of_sample).all()
    still = returns.copy()
    still[:] = 0.001
    with pytest.raises(ValueError, match="no configuration varies"):
        backtest_overfitting(still, blocks=4)


@pytest.mark.parametrize(
    ("shape", "blocks", "field"),
    [((40, 3), 5, "blocks"), ((40, 3), 0, "blocks"), ((40, 1), 4, "returns"), ((7, 3), 4, "returns")],
)
def test_says_what_cannot_be_split(shape, blocks, field):
    with pytest.raises(ValueError, match=f"^{field}: "):
        backtest_overfitting(np.random.default_rng(0).normal(size=shape), blocks=blocks)
