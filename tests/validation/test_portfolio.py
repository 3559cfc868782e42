from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.validation.portfolio import (
    PATIENCE,
    Backtest,
    break_even_cost,
    equal_weights,
    quantile_weights,
    simulate,
)

NOTHING = float("nan")


class _Slow:
    """One phase, name by name with a book of orders, in plain Python; costs are really paid, out of what is held."""

    def __init__(self, weights, opens, closes):
        self.weights, self.opens, self.closes = weights, opens, closes
        self.names = range(len(closes[0]))
        self.units, self.last, self.book = {}, {}, {}  # book: name -> (change of shares, money to invest)
        self.quiet = dict.fromkeys(self.names, 0)
        self.cash, self.moved = 1.0, 0.0

    def run(self, *, every, phase, delay, cost):
        """Return net returns, and value traded over value, of each session."""
        before, returns, turnover = 1.0, [], []
        for d in range(len(self.closes)):
            t, self.moved = d - delay, 0.0
            todo = t >= phase and (t - phase) % every == 0 and not math.isnan(self.weights[t][0])
            for prices in (self.opens[d], self.closes[d]):
                self.last.update({i: prices[i] for i in self.names if not math.isnan(prices[i])})
                if todo and (prices is self.closes[d] or self.asked(prices, self.weights[t])):
                    todo, worth = False, self.worth()
                    self.book = {i: self.order(i, self.weights[t][i] * worth) for i in self.names}
                self.fill(prices)
            self.leave(d)
            self.pay(cost)
            returns.append(self.worth() / before - 1)
            turnover.append(self.moved)
            before = self.worth()
        return returns, turnover

    def worth(self):
        return self.cash + sum(u * self.last[i] for i, u in self.units.items())

    def asked(self, prices, weights):
        return any(not math.isnan(prices[i]) for i in self.names if self.units.get(i) or weights[i] != 0)

    def order(self, i, goal):
        now = self.units[i] * self.last[i] if i in self.units else 0.0
        if now > 0 > goal or now < 0 < goal or goal == 0 or now == 0:
            return -self.units.get(i, 0.0), goal
        if abs(goal) < abs(now):
            return -self.units[i] * (1 - goal / now), 0.0
        return 0.0, goal - now

    def fill(self, prices):
        worth = self.worth()
        for i in [i for i in self.book if not math.isnan(prices[i])]:
            shares, money = self.book.pop(i)
            self.moved += (abs(shares) * prices[i] + abs(money)) / worth
            self.cash -= shares * prices[i] + money
            self.units[i] = self.units.get(i, 0.0) + shares + money / prices[i]

    def leave(self, d):
        worth = self.worth()
        for i in self.names:
            known = not (math.isnan(self.opens[d][i]) and math.isnan(self.closes[d][i]))
            self.quiet[i] = 0 if known else self.quiet[i] + 1
            if self.quiet[i] < PATIENCE:
                continue
            self.book.pop(i, None)
            value = self.units.pop(i, 0.0) * self.last.get(i, 0.0)
            self.moved += abs(value) / worth
            self.cash += value

    def pay(self, cost):
        left = 1 - cost * 1e-4 * self.moved
        self.cash *= left
        self.units = {i: u * left for i, u in self.units.items()}
        self.book = {i: (shares * left, money * left) for i, (shares, money) in self.book.items()}


@st.composite
def markets(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    r, n = draw(st.integers(3, 30)), draw(st.integers(1, 6))
    closes = 50 * np.exp(np.cumsum(rng.normal(0, 0.05, (r, n)), axis=0))
    opens = closes * np.exp(rng.normal(0, 0.01, (r, n)))
    holes = draw(st.sampled_from([0.0, 0.15, 0.5]))
    opens[rng.random((r, n)) < holes] = np.nan
    closes[rng.random((r, n)) < holes] = np.nan
    if draw(st.booleans()):
        opens[:] = np.nan
    if draw(st.booleans()):
        opens[r // 2 :, 0] = closes[r // 2 :, 0] = np.nan  # leaves the market
    weights = rng.normal(0, 0.3, (r, n)) if draw(st.booleans()) else rng.random((r, n)) / n
    weights[rng.random((r, n)) < 0.3] = 0.0
    # Nobody decides to hold what has no price yet.
    seen = np.maximum.accumulate(np.isfinite(opens) | np.isfinite(closes), axis=0)
    weights[~seen] = 0.0
    weights[rng.random(r) < 0.1] = np.nan
    every, delay = draw(st.integers(1, 6)), draw(st.integers(1, 2))
    return weights, opens, closes, every, delay, draw(st.sampled_from([0.0, 10.0, 200.0]))


@examples(200)
@given(markets(), st.integers(0, 3))
def test_every_phase_is_the_slow_simulation(market, start):
    weights, opens, closes, every, delay, cost = market
    found = simulate(weights, opens, closes, every=every, start=start, delay=delay)
    for phase in range(every):
        slow = _Slow(weights.tolist(), opens.tolist(), closes.tolist())
        returns, turnover = slow.run(every=every, phase=start + phase, delay=delay, cost=cost)
        if min(returns) <= -1:
            continue  # a portfolio that lost everything has a test of its own
        np.testing.assert_allclose(found.phases(cost)[phase], returns, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.traded[phase], turnover, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.net(cost), found.phases(cost).mean(axis=0))


@examples(100)
@given(markets(), st.data())
def test_nothing_depends_on_what_comes_later(market, data):
    weights, opens, closes, every, delay, _ = market
    known = data.draw(st.integers(1, closes.shape[0]))
    whole = simulate(weights, opens, closes, every=every, delay=delay)
    part = simulate(weights[:known], opens[:known], closes[:known], every=every, delay=delay)
    np.testing.assert_array_equal(part.gross, whole.gross[:, :known])
    np.testing.assert_array_equal(part.traded, whole.traded[:, :known])
    changed = weights.copy()
    changed[known - delay + 1 :] = 0.0  # decided too late to be filled by then
    other = simulate(changed, opens, closes, every=every, delay=delay)
    np.testing.assert_array_equal(other.gross[:, :known], whole.gross[:, :known])


def test_at_constant_prices_all_that_is_lost_is_turnover_times_cost():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.ones(4), 30)
    prices = np.tile([10.0, 20.0, 5.0, 8.0], (30, 1))
    found = simulate(weights, prices, prices, every=1)
    expected = np.r_[0.0, 1.0, np.abs(np.diff(weights, axis=0)).sum(axis=1)[:-1]]
    np.testing.assert_allclose(found.traded[0], expected, atol=1e-12)
    np.testing.assert_allclose(found.net(20.0), -0.0020 * expected, atol=1e-14)
    np.testing.assert_allclose(found.net(0.0), 0.0, atol=1e-12)


def test_a_purchase_earns_from_the_next_open_on_and_not_before():
    opens, closes = np.array([[10.0], [12.0], [14.0]]), np.array([[11.0], [13.0], [15.0]])
    weights = np.array([[1.0], [np.nan], [np.nan]])
    np.testing.assert_allclose(simulate(weights, opens, closes, every=3).gross[0], [0, 13 / 12 - 1, 15 / 13 - 1])
    late = simulate(weights, opens, closes, every=3, delay=2)
    np.testing.assert_allclose(late.gross[0], [0, 0, 15 / 14 - 1])
    closes_only = simulate(weights, np.full_like(opens, np.nan), closes, every=3)
    np.testing.assert_allclose(closes_only.gross[0], [0, 0, 15 / 13 - 1])


def test_held_shares_drift_until_the_next_decision():
    closes = np.array([[1.0, 1.0], [1.0, 1.0], [3.0, 1.0], [3.0, 2.0]])
    weights = np.full((4, 2), 0.5)
    gross = simulate(weights, np.full_like(closes, np.nan), closes, every=9).gross[0]
    np.testing.assert_allclose(gross, [0, 0, 1.0, 0.25])  # 1.5 and 0.5, then 1.5 and 1.0


def test_a_missing_open_is_filled_at_the_next_price_and_after_five_sessions_stays_cash():
    closes = np.full((9, 2), 10.0)
    opens = closes.copy()
    opens[1, 0] = NOTHING
    closes[1:, 0] = 12.0
    weights = np.full((9, 2), np.nan)
    weights[0] = [1.0, 0.0]
    filled = simulate(weights, opens, closes, every=9)
    assert filled.traded[0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert filled.gross[0, 1] == 0  # bought at the close of 12
    for silent, expected in ((4, 1.0), (5, 0.0)):
        gap_open, gap_close = np.full((9, 2), 10.0), np.full((9, 2), 10.0)
        gap_open[1 : 1 + silent, 0] = gap_close[1 : 1 + silent, 0] = NOTHING
        waited = simulate(weights, gap_open, gap_close, every=9)
        assert waited.traded[0].sum() == expected


def test_a_name_that_stops_trading_is_closed_at_its_last_price():
    closes = np.full((12, 2), 10.0)
    closes[3, 0], closes[4:, 0] = 8.0, NOTHING
    weights = np.full((12, 2), np.nan)
    weights[0] = [0.5, 0.5]
    found = simulate(weights, closes, closes, every=12)
    assert found.gross[0].tolist() == pytest.approx([0, 0, 0, -0.1] + [0] * 8)
    assert found.traded[0, 8] == pytest.approx(0.4 / 0.9)  # the fifth session without a price
    assert found.traded[0, 1] == 1


def test_long_short_earns_the_difference_and_pays_for_both_sides():
    closes = np.array([[10.0, 10.0], [10.0, 10.0], [11.0, 9.0]])
    found = simulate(np.array([[1.0, -1.0]] * 3), closes, closes, every=3)
    np.testing.assert_allclose(found.gross[0], [0, 0, 0.2])
    assert found.traded[0, 1] == 2


def test_losing_everything_is_minus_one_and_then_cash():
    closes = np.array([[10.0], [10.0], [30.0], [10.0], [20.0]])
    found = simulate(np.full((5, 1), -1.0), closes, closes, every=5)
    assert found.gross[0].tolist() == [0, 0, -1, 0, 0]
    assert found.phases(10.0)[0, 2] == -1


def test_phases_start_one_session_after_another():
    closes = np.cumprod(np.full((8, 1), 1.1), axis=0)
    found = simulate(np.ones((8, 1)), closes, closes, every=3, start=1)
    np.testing.assert_array_equal(found.traded > 0, np.arange(8) == np.array([[2], [3], [4]]))
    assert found.turnover.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert found.window(2, 4).gross.shape == (3, 2)


@examples(60)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3, 5, 10]), st.booleans())
def test_groups_hold_the_best_and_worst(seed, groups, long_short):
    rng = np.random.default_rng(seed)
    score = rng.normal(size=(6, 25))
    score[rng.random(score.shape) < 0.1] = np.nan
    eligible = rng.random(score.shape) < 0.9
    found = quantile_weights(score, eligible, groups=groups, long_short=long_short)
    for row, values, allowed in zip(found, score, eligible, strict=True):
        names = [i for i in range(25) if allowed[i] and not math.isnan(values[i])]
        if len(names) < 2 * groups:
            assert np.isnan(row).all()
            continue
        names.sort(key=lambda i: values[i])
        group = [k * groups // len(names) for k in range(len(names))]
        top, bottom = ([i for i, g in zip(names, group, strict=True) if g == at] for at in (groups - 1, 0))
        expected = np.zeros(25)
        expected[top] = 1 / len(top)
        if long_short:
            expected[bottom] = -1 / len(bottom)
        np.testing.assert_allclose(row, expected)


def test_equal_weights_sum_to_one():
    found = equal_weights(np.random.default_rng(0).random((20, 9)) < 0.7)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@examples(60)
@given(st.integers(0, 2**32 - 1))
def test_at_the_break_even_cost_both_earn_the_same(seed):
    rng = np.random.default_rng(seed)
    model = Backtest(rng.normal(0.001, 0.01, (3, 50)), rng.random((3, 50)) + 0.5)
    equal = Backtest(rng.normal(0.0, 0.01, (2, 50)), 0.1 * rng.random((2, 50)))
    cost = break_even_cost(model, equal)
    assert model.net(cost).mean() == pytest.approx(equal.net(cost).mean(), abs=1e-12)
    assert math.isnan(break_even_cost(equal, model))


def test_arrays_that_do_not_fit_are_refused():
    prices = np.ones((4, 2))
    with pytest.raises(ValueError, match="shape"):
        simulate(np.ones((3, 2)), prices, prices, every=1)
    with pytest.raises(ValueError, match="every"):
        simulate(prices, prices, prices, every=0)
    with pytest.raises(ValueError, match="in part"):
        simulate(np.array([[0.5, NOTHING]] * 4), prices, prices, every=1)
