from __future__ import annotations

from math import ceil, log

import numpy as np
import pytest
from arch.bootstrap import SPA
from scipy import stats

from vfr.validation.forecast_comparison import diebold_mariano, superior_predictive_ability


def _overlapping(rng, n: int, h: int) -> np.ndarray:
    """Sums over h neighbouring shocks, as loss differences of h-session forecasts are."""
    return np.convolve(rng.normal(size=n + h - 1), np.ones(h), mode="valid")


@pytest.mark.parametrize("h", [1, 5, 21])
def test_is_the_formula_of_the_papers(h):
    rng = np.random.default_rng(h)
    first, second = rng.normal(size=(2, 300)) ** 2
    d, n, lag = first - second, 300, ceil(1.5 * h)
    mean = sum(d) / n
    gamma = [sum((d[i] - mean) * (d[i - k] - mean) for i in range(k, n)) / n for k in range(lag + 1)]
    variance = gamma[0] + 2 * sum((1 - k / (lag + 1)) * gamma[k] for k in range(1, lag + 1))
    statistic = mean / (variance / n) ** 0.5 * ((n + 1 - 2 * h + h * (h - 1) / n) / n) ** 0.5
    got = diebold_mariano(first, second, h)
    assert got.mean == pytest.approx(mean)
    assert got.statistic == pytest.approx(statistic)
    assert got.p == pytest.approx(2 * stats.t(n - 1).sf(abs(statistic)))
    assert got.n == n


def test_at_one_step_without_lags_of_note_it_is_close_to_students_test():
    rng = np.random.default_rng(0)
    d = rng.normal(0.1, 1, 2000)
    assert diebold_mariano(d, np.zeros(2000), 1).p == pytest.approx(stats.ttest_1samp(d, 0).pvalue, abs=0.005)


def _rejections(h: int, n: int, drift: float, runs: int = 600) -> float:
    rng = np.random.default_rng(h)
    return np.mean([diebold_mariano(_overlapping(rng, n, h) + drift, np.zeros(n), h).p < 0.05 for _ in range(runs)])


def test_size_is_what_the_docstring_says():
    assert _rejections(1, 500, 0.0) == pytest.approx(0.05, abs=0.025)
    assert _rejections(5, 500, 0.0) == pytest.approx(0.07, abs=0.03)
    assert _rejections(21, 500, 0.0) == pytest.approx(0.10, abs=0.035)
    assert _rejections(21, 2000, 0.0) == pytest.approx(0.08, abs=0.03)


def test_power_against_a_real_difference():
    # The mean of n sums over h shocks has a standard deviation of about h / sqrt(n).
    assert _rejections(5, 500, 4 * 5 / 500**0.5) > 0.9


def test_unknown_dates_are_dropped_and_order_only_turns_the_sign():
    rng = np.random.default_rng(3)
    first, second = rng.normal(size=(2, 200))
    holes = first.copy()
    holes[[5, 50]] = np.nan
    there, back = diebold_mariano(holes, second, 5), diebold_mariano(second, holes, 5)
    assert there.n == 198
    assert there.statistic == pytest.approx(-back.statistic)
    assert there.p == pytest.approx(back.p)


def test_what_cannot_be_tested_is_unknown_and_short_lags_are_refused():
    assert np.isnan(diebold_mariano(np.ones(50), np.ones(50), 1).p)
    assert np.isnan(diebold_mariano(np.arange(5.0), np.arange(5.0) ** 2, 5).p)
    with pytest.raises(ValueError, match=r"^lag: need at least 1\.5 h = 8"):
        diebold_mariano(np.arange(50.0), np.ones(50), 5, lag=4)


def _hansen(gain: np.ndarray, block: int, draws: int, rng) -> tuple[float, float, float]:
    """Hansen's test written out: stationary bootstrap row by row, studentised maximum, three ways to recentre."""
    n = gain.shape[0]
    rows = np.empty((draws, n), dtype=int)
    for b in range(draws):
        at = rng.integers(n)
        for i in range(n):
            rows[b, i] = at
            at = rng.integers(n) if rng.random() < 1 / block else (at + 1) % n
    means = gain.mean(axis=0)
    drawn = gain[rows].mean(axis=1)
    omega = np.sqrt(n * drawn.var(axis=0))
    statistic = max(0.0, *(np.sqrt(n) * means / omega))
    out = []
    for kind in ("lower", "consistent", "upper"):
        centre = {
            "lower": np.maximum(means, 0),
            "consistent": np.where(means >= -omega / np.sqrt(n) * np.sqrt(2 * log(log(n))), means, 0),
            "upper": means,
        }[kind]
        largest = np.maximum(0.0, (np.sqrt(n) * (drawn - centre) / omega).max(axis=1))
        out.append(float(np.mean(largest > statistic)))
    return tuple(out)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_is_hansens_test(seed):
    rng = np.random.default_rng(seed)
    n, scales = 150, np.array([0.3, 1.0, 4.0, 1.0])
    gain = rng.normal(size=(n, 4)) * scales + scales * [0.12, 0.05, -0.1, -0.6]
    benchmark = rng.normal(size=n) ** 2
    got = superior_predictive_ability(benchmark, benchmark[:, None] - gain, 2, rng=rng, block=4, draws=3000)
    oracle = _hansen(gain, 4, 3000, rng)
    assert (got.lower, got.consistent, got.upper) == pytest.approx(oracle, abs=0.05)
    assert got.lower <= got.consistent <= got.upper
    assert 0.02 < got.consistent < 0.98


def test_a_noisy_model_does_not_hide_a_precise_one():
    rng = np.random.default_rng(4)
    gain = np.column_stack([0.1 + 0.3 * rng.normal(size=300), 10 * rng.normal(size=300)])
    ours = superior_predictive_ability(np.zeros(300), -gain, 1, rng=rng)
    raw = SPA(np.zeros(300), -gain, block_size=5, seed=rng)
    raw.compute()
    assert ours.consistent < 0.01
    assert raw.pvalues["consistent"] > 0.1


def test_many_useless_models_are_seldom_called_superior_and_a_good_one_is_found():
    rng = np.random.default_rng(5)
    found, useless = [], []
    for _ in range(60):
        losses = np.stack([_overlapping(rng, 200, 3) for _ in range(9)], axis=1)
        useless.append(superior_predictive_ability(losses[:, 0], losses[:, 1:], 3, rng=rng, draws=200).consistent)
        losses[:, 4] -= 1.5
        found.append(superior_predictive_ability(losses[:, 0], losses[:, 1:], 3, rng=rng, draws=200).consistent)
    assert np.mean(np.array(useless) < 0.05) < 0.12
    assert np.mean(np.array(found) < 0.05) > 0.9


def test_dates_with_an_unknown_loss_are_dropped_for_all_and_the_generator_decides():
    rng = np.random.default_rng(6)
    benchmark, models = rng.normal(size=100), rng.normal(size=(100, 3))
    models[7, 1] = benchmark[50] = np.nan
    models[:, 2] = benchmark
    a, b = (superior_predictive_ability(benchmark, models, 1, rng=np.random.default_rng(1)) for _ in range(2))
    assert a == b
    assert a.n == 98
    assert 0 < a.consistent <= 1


def test_too_few_dates_are_unknown_and_short_blocks_are_refused():
    assert np.isnan(
        superior_predictive_ability(np.ones(9), np.ones((9, 2)), 1, rng=np.random.default_rng(0)).consistent
    )
    with pytest.raises(ValueError, match=r"^block: "):
        superior_predictive_ability(np.ones(90), np.ones((90, 2)), 21, rng=np.random.default_rng(0), block=5)


def test_models_that_are_the_benchmark_do_not_beat_it():
    losses = np.random.default_rng(5).random(200)
    found = superior_predictive_ability(losses, np.stack([losses, losses], axis=1), 1, rng=np.random.default_rng(6))
    assert (found.lower, found.consistent, found.upper) == (1.0, 1.0, 1.0)
