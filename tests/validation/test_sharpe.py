from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skfolio.measures import get_drawdowns
from skfolio.measures import max_drawdown as their_drawdown
from skfolio.measures._measures import (
    deflated_sharpe_ratio as their_deflated,
)
from skfolio.measures._measures import (
    probabilistic_sharpe_ratio as their_probabilistic,
)
from tests.examples import examples

from vfr.validation.sharpe import (
    ReturnMoments,
    calmar_ratio,
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    max_drawdown,
    minimum_track_record_length,
    probabilistic_sharpe_ratio,
    return_moments,
    sharpe_difference,
    sharpe_ratio,
    sortino_ratio,
)

YEAR = 250
PAPER = ReturnMoments(2.5 / YEAR**0.5, -3.0, 10.0, 1250)


def _returns(seed: int = 0, n: int = 500) -> np.ndarray:
    return 0.0005 + 0.01 * np.random.default_rng(seed).standard_t(5, n)


def test_ratios_are_their_definitions_written_out():
    r = _returns().tolist()
    n = len(r)
    mean = sum(r) / n
    sd = (sum((x - mean) ** 2 for x in r) / (n - 1)) ** 0.5
    short = (sum(min(x - 0.0001, 0) ** 2 for x in r) / n) ** 0.5
    wealth, peak, fall = 1.0, 1.0, 0.0
    for x in r:
        wealth *= 1 + x
        peak = max(peak, wealth)
        fall = max(fall, 1 - wealth / peak)
    x = np.array(r)
    assert sharpe_ratio(x) == pytest.approx(mean / sd)
    assert sharpe_ratio(x, periods=252) == pytest.approx(mean / sd * 252**0.5)
    assert sortino_ratio(x, target=0.0001, periods=252) == pytest.approx((mean - 0.0001) / short * 252**0.5)
    assert max_drawdown(x) == pytest.approx(fall)
    assert calmar_ratio(x, periods=252) == pytest.approx((wealth ** (252 / n) - 1) / fall)


@examples(60)
@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=60))
def test_drawdown_is_skfolios_and_lies_between_nothing_and_everything(returns):
    x = np.array(returns)
    assert 0 <= max_drawdown(x) < 1
    assert max_drawdown(x) == pytest.approx(their_drawdown(get_drawdowns(x, compounded=True)), abs=1e-12)


def test_unknown_periods_are_dropped_and_what_is_undefined_is_unknown():
    x = _returns()
    holes = np.insert(x, [3, 100, 500], np.nan)
    for figure in (sharpe_ratio, sortino_ratio, max_drawdown, return_moments):
        assert figure(holes) == figure(x)
    nothing = np.array([np.nan])
    undefined = [f(nothing) for f in (sharpe_ratio, sortino_ratio, max_drawdown)]
    undefined += [sharpe_ratio(np.full(9, 0.01)), sortino_ratio(np.full(9, 0.01))]
    undefined += [calmar_ratio(np.full(9, 0.01), periods=12), probabilistic_sharpe_ratio(return_moments(nothing))]
    assert np.isnan(undefined).all()


def test_probability_is_skfolios():
    x = _returns(1)
    for benchmark in (0.0, 0.05, -0.02):
        mine = probabilistic_sharpe_ratio(return_moments(x), benchmark)
        assert mine == pytest.approx(their_probabilistic(x, benchmark), abs=1e-12)


def test_deflated_ratio_is_skfolios():
    x, trials = _returns(2), 0.04 * np.random.default_rng(3).normal(size=30)
    mine = deflated_sharpe_ratio(return_moments(x), 30, trials.var(ddof=1))
    assert mine == pytest.approx(their_deflated(x, trials), abs=1e-12)


def test_worked_example_of_the_deflated_sharpe_paper():
    variance = 0.5 / YEAR
    assert expected_maximum_sharpe(100, variance) == pytest.approx(0.1132, abs=5e-5)
    assert deflated_sharpe_ratio(PAPER, 100, variance) == pytest.approx(0.9004, abs=5e-5)
    assert deflated_sharpe_ratio(PAPER, 46, variance) == pytest.approx(0.9505, abs=5e-5)
    normal = ReturnMoments(PAPER.sharpe, 0.0, 3.0, PAPER.n)
    assert deflated_sharpe_ratio(normal, 88, variance) == pytest.approx(0.9505, abs=5e-5)


def test_worked_examples_of_the_probabilistic_sharpe_paper():
    assert probabilistic_sharpe_ratio(ReturnMoments(0.458, 0.0, 3.0, 24)) == pytest.approx(0.982, abs=1e-3)
    assert probabilistic_sharpe_ratio(ReturnMoments(0.458, -2.448, 10.164, 24)) == pytest.approx(0.913, abs=1e-3)
    for per_year, years in ((250, 2.73), (52, 2.83), (12, 3.24)):
        normal = ReturnMoments(2 / per_year**0.5, 0.0, 3.0, 99)
        found = minimum_track_record_length(normal, 1 / per_year**0.5) / per_year
        assert found == pytest.approx(years, abs=0.006)


@pytest.mark.parametrize("trials", [5, 50, 500])
def test_expected_maximum_is_that_of_independent_normal_trials(trials):
    drawn = np.random.default_rng(trials).normal(size=(4000, trials)).max(axis=1)
    assert expected_maximum_sharpe(trials, 1.0) == pytest.approx(drawn.mean(), abs=0.06)


def test_without_a_count_of_trials_nothing_is_deflated():
    assert expected_maximum_sharpe(1, 0.1) == 0.0
    assert deflated_sharpe_ratio(PAPER, 1, 0.1) == probabilistic_sharpe_ratio(PAPER)
    for trials, variance in ((0, 0.1), (10, float("nan")), (10, -1.0), (float("nan"), 0.1)):
        assert np.isnan(deflated_sharpe_ratio(PAPER, trials, variance))


@examples(50)
@given(sharpe=st.floats(0.02, 0.5), skewness=st.floats(-2, 1), kurtosis=st.floats(3, 12), level=st.floats(0.6, 0.99))
def test_after_the_minimum_track_record_the_probability_is_the_level(sharpe, skewness, kurtosis, level):
    moments = ReturnMoments(sharpe, skewness, kurtosis, 100)
    n = minimum_track_record_length(moments, 0.01, level)
    again = ReturnMoments(sharpe, skewness, kurtosis, n)
    assert probabilistic_sharpe_ratio(again, 0.01) == pytest.approx(level, abs=1e-9) or n < 2
    assert minimum_track_record_length(moments, sharpe) == np.inf


def test_interval_of_the_difference_is_the_normal_one_for_independent_normal_returns():
    """Memmel (2003): variance of the difference of two Sharpe ratios of correlated normal returns."""
    rng, n, rho = np.random.default_rng(1), 4000, 0.5
    z = rng.normal(size=(2, n))
    x, y = 0.1 + z[0], 0.05 + rho * z[0] + np.sqrt(1 - rho**2) * z[1]
    got = sharpe_difference(x, y, block=2, rng=rng, draws=2000)
    a, b = sharpe_ratio(x), sharpe_ratio(y)
    half = 1.96 * np.sqrt((2 - 2 * rho + 0.5 * (a**2 + b**2 - 2 * a * b * rho**2)) / n)
    assert got.estimate == pytest.approx(a - b)
    assert (got.high - got.low) / 2 == pytest.approx(half, rel=0.08)


def test_interval_of_the_difference_covers_at_its_level_with_fat_tails_and_autocorrelation():
    rng = np.random.default_rng(2)
    missed = 0
    for _ in range(300):
        z = rng.standard_t(6, size=(301, 2))
        z[:, 1] = 0.6 * z[:, 0] + 0.8 * z[:, 1]
        x = 0.05 + z[1:] + 0.2 * z[:-1]
        missed += sharpe_difference(x[:, 0], x[:, 1], block=8, rng=rng, draws=200).excludes_zero
    assert 0.02 < missed / 300 < 0.10


def test_a_real_difference_is_found_scales_with_the_year_and_turns_with_the_order():
    market = _returns(4)
    better = market + 0.002
    there, year, back = (
        sharpe_difference(*pair, block=10, rng=np.random.default_rng(0), periods=p)
        for pair, p in (((better, market), 1.0), ((better, market), 252.0), ((market, better), 1.0))
    )
    assert there.low > 0
    assert (year.low, year.high) == pytest.approx((there.low * 252**0.5, there.high * 252**0.5))
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_pairs_are_dropped_together_and_no_difference_is_unknown():
    x, y = _returns(5), _returns(6)
    short = sharpe_difference(x[10:], y[10:], block=5, rng=np.random.default_rng(0))
    x[:5] = y[5:10] = np.nan
    assert sharpe_difference(x, y, block=5, rng=np.random.default_rng(0)) == short
    for pair in ((y, y), (y, np.ones(500)), (y[:12], x[:12])):
        assert np.isnan(sharpe_difference(*pair, block=10, rng=np.random.default_rng(0)).low)


def test_a_strategy_that_seldom_trades_still_has_an_interval():
    x, y = np.zeros(60), _returns(7, 60)
    x[40:42] = [0.02, -0.01]
    got = sharpe_difference(x, y, block=10, rng=np.random.default_rng(0))
    assert np.isfinite([got.low, got.high]).all()
    assert got.low < got.estimate < got.high
