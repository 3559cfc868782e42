from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tests.ensemble.record import FIVE, calendar, record
from tests.examples import examples

from vfr.ensemble.weights import RULE, HedgeRule, bounded, date_losses, hedge, weights_by_session, with_health
from vfr.typing import HORIZONS

NAN = np.nan
unit = st.floats(0.0, 1.0)


def noise(seed=0, dates=600, members=5, gap=(0.0,) * 5):
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0, 0.12, (dates, 1))
    return 0.01 + common + rng.normal(0.0, 0.05, (dates, members)) + np.asarray(gap)[:members]


@given(hnp.arrays(np.float64, st.tuples(st.integers(0, 30), st.integers(1, 6)), elements=unit), st.floats(1e-3, 3))
def test_regret_stays_within_the_bound_of_hedge(losses, rate):
    weights = hedge(losses, rate, share=0.0)[:-1]
    dates, members = losses.shape
    suffered = float((weights * losses).sum())
    assert suffered <= losses.sum(axis=0).min() + np.log(members) / rate + rate * dates / 8 + 1e-9
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)


def test_a_share_lets_the_best_member_change():
    losses = np.zeros((400, 2))
    losses[:200, 1], losses[200:, 0] = 1.0, 1.0
    kept, shared = hedge(losses, 0.2, 0.0), hedge(losses, 0.2, 0.02)
    assert kept[260, 1] < 0.001
    assert shared[260, 1] > 0.5


def test_a_member_that_is_not_judged_keeps_its_weight_and_the_others_exchange_theirs():
    losses = np.array([[0.2, 0.9, 0.4], [NAN, 0.1, 0.9], [NAN, NAN, 0.3], [NAN, NAN, NAN]])
    found = hedge(losses, 0.5, 0.1)
    assert found[2, 0] == found[3, 0] == found[4, 0] == found[1, 0]
    assert found[2, 1] > found[1, 1]
    np.testing.assert_allclose(found[3], found[2])
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


@examples(200)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 7)), elements=st.floats(-2, 2)))
def test_projection_is_on_the_simplex_within_bounds_and_nearest(weights):
    members = weights.shape[1]
    low, high = np.full(members, min(0.05, 1 / members)), np.full(members, max(0.6, 1 / members))
    found = bounded(weights, low, high)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
    assert (found >= low - 1e-12).all()
    assert (found <= high + 1e-12).all()
    np.testing.assert_allclose(bounded(found, low, high), found, atol=1e-12)
    # Nearest: nothing is gained by moving a little toward any other feasible point, such as equal weights.
    toward = np.full(members, 1 / members) - found
    assert ((found - weights) * toward).sum(axis=1).min() >= -1e-9


def test_bounds_that_cannot_be_kept_give_way_together():
    assert bounded(np.array([3.0]), np.array([0.05]), np.array([0.6])).tolist() == [1.0]
    np.testing.assert_allclose(bounded(np.array([0.9, 0.1]), np.full(2, 0.05), np.full(2, 0.4)), 0.5)
    np.testing.assert_allclose(bounded(np.ones(40), np.full(40, 0.05), np.full(40, 0.6)), 1 / 40)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_loss_counts_once_it_has_matured_and_not_before(horizon):
    sessions, ic = calendar(120), noise(dates=120)
    weights = weights_by_session(record(ic), sessions, horizon)
    changed = ic.copy()
    changed[60] = [0.5, -0.5, 0.0, 0.0, 0.0]
    after = weights_by_session(record(changed), sessions, horizon)
    first = 60 + HORIZONS[horizon] + 2
    np.testing.assert_array_equal(after[:first], weights[:first])
    assert (after[first] != weights[first]).any()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.sampled_from(list(HORIZONS)), st.integers(1, 79))
def test_no_outcome_after_a_session_moves_its_weights_by_a_bit(seed, horizon, day):
    rng = np.random.default_rng(seed)
    sessions, ic, loss = calendar(80), noise(seed, 80), rng.normal(0.69, 0.01, (80, 5))
    ic[rng.random(80) < 0.1, 1] = NAN
    weights = weights_by_session(record(ic, loss), sessions, horizon)
    seen = np.arange(80) + HORIZONS[horizon] + 2 <= day
    other = np.where(seen[:, None], ic, rng.normal(size=ic.shape))
    another = np.where(seen[:, None], loss, rng.uniform(0.1, 3.0, loss.shape))
    whole = weights_by_session(record(other, another), sessions, horizon)
    np.testing.assert_array_equal(whole[: day + 1], weights[: day + 1])
    cut = record(ic[seen], loss[seen], dates=sessions[seen])
    np.testing.assert_array_equal(weights_by_session(cut, sessions[: day + 1], horizon), weights[: day + 1])


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.permutations(range(5)), st.sampled_from(list(HORIZONS)))
def test_the_order_of_members_does_not_matter(seed, order, horizon):
    order, sessions = list(order), calendar(100)
    ic, loss = noise(seed, 100), np.random.default_rng(seed).normal(0.69, 0.01, (100, 5))
    weights = weights_by_session(record(ic, loss), sessions, horizon)
    moved = record(ic[:, order], loss[:, order], members=tuple(FIVE[k] for k in order))
    np.testing.assert_allclose(weights_by_session(moved, sessions, horizon), weights[:, order], atol=1e-12)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-9)
    assert weights.min() >= RULE.floor
    assert weights.max() <= RULE.cap


def test_duplicates_have_equal_weights_and_a_lone_member_all():
    ic = noise(dates=300)
    ic[:, 3] = ic[:, 1]
    weights = weights_by_session(record(ic), calendar(300), "1d")
    np.testing.assert_allclose(weights[:, 1], weights[:, 3], atol=1e-12)
    alone = weights_by_session(record(ic[:, :1], members=("linear",)), calendar(300), "1d")
    np.testing.assert_array_equal(alone, 1.0)
    same = weights_by_session(record(np.tile(ic[:, :1], 5)), calendar(300), "1d")
    np.testing.assert_allclose(same, 0.2, atol=1e-12)


def test_a_better_member_earns_weight_slowly_and_chance_little():
    better = weights_by_session(record(noise(1, 2000, gap=(0.02, 0, 0, 0, 0))), calendar(2000), "1d")
    assert 0.2 < better[60, 0] < 0.25
    assert better[-1, 0] > 0.35
    for horizon, h in HORIZONS.items():
        overlapping = np.stack([np.convolve(x, np.ones(h) / np.sqrt(h), "valid") for x in noise(2, 2000).T], axis=1)
        chance = weights_by_session(record(overlapping), calendar(overlapping.shape[0]), horizon)
        assert 0.005 < chance.std(axis=1).mean() < 0.08


def test_a_member_without_history_starts_at_the_equal_share():
    ic = noise(dates=300, gap=(0.03, 0, 0, 0, -0.03))
    ic[:250, 2] = NAN
    weights = weights_by_session(record(ic), calendar(300), "1d")
    np.testing.assert_allclose(weights[:250, 2], 0.2, atol=1e-12)
    assert abs(weights[252, 2] - 0.2) < 0.01
    assert weights[250, 0] > 0.2 > weights[250, 4]


def test_what_the_market_does_to_all_members_cancels():
    ic, loss = noise(dates=200), np.random.default_rng(3).normal(0.69, 0.01, (200, 5))
    shocks = np.random.default_rng(4).normal(0, 0.2, (200, 1))
    np.testing.assert_allclose(date_losses(record(ic + shocks, loss - shocks)), date_losses(record(ic, loss)))


def test_losses_lie_between_0_and_1_and_only_of_those_judged():
    ic = noise(dates=50)
    ic[3, 2], ic[4] = NAN, [5.0, 0, 0, 0, -5.0]
    ic[5, 1:] = NAN
    found = date_losses(record(ic))
    assert found[4, 0] == pytest.approx(0.5 - found[4, 4] + 0.5)
    assert np.nanmin(found) >= 0
    assert np.nanmax(found) <= 1
    assert np.isnan(found[3]).tolist() == [False, False, True, False, False]
    assert np.isnan(found[5]).all()


def test_dates_that_are_no_sessions_are_refused_and_those_to_come_not_read():
    sessions, whole = calendar(50), record(noise(dates=50))
    np.testing.assert_array_equal(
        weights_by_session(whole, sessions[:30], "1d"), weights_by_session(whole, sessions, "1d")[:30]
    )
    with pytest.raises(ValueError, match="not among the sessions"):
        weights_by_session(whole, np.delete(sessions, 20), "1d")


@given(
    hnp.arrays(np.float64, 5, elements=st.floats(0.05, 1.0)),
    hnp.arrays(np.float64, 5, elements=st.sampled_from([0.0, 0.3, 0.9, 1.0])),
)
def test_health_takes_weight_and_never_gives_any_to_the_unwell(raw, health):
    weights = bounded(raw / raw.sum(), np.full(5, 0.05), np.full(5, 0.6))
    found = with_health(weights, health)
    assert found.sum() == pytest.approx(1.0)
    if not health.any():
        np.testing.assert_allclose(found, 0.2)
        return
    assert (found[health == 0] == 0).all()
    left = weights * health
    unwell = health < 1
    np.testing.assert_allclose(found[unwell], (left / left.sum())[unwell], atol=1e-12)
    fit = (health == 1).sum()
    if fit:
        assert found.max() <= max(RULE.cap, (1 - found[unwell].sum()) / fit, found[unwell].max(initial=0)) + 1e-9
    np.testing.assert_array_equal(with_health(np.stack([weights] * 2), np.stack([health] * 2)), [found, found])


def test_health_of_one_changes_nothing():
    weights = weights_by_session(record(noise()), calendar(600), "7d")
    np.testing.assert_allclose(with_health(weights, np.ones(5)), weights, atol=1e-12)


def test_the_rate_falls_with_the_square_root_of_the_horizon():
    assert HedgeRule().rate(5, 1) == pytest.approx(HedgeRule().rate(5, 25) * 5)
    assert HedgeRule(memory=2520).rate(5, 2) == pytest.approx(np.sqrt(8 * np.log(5) / 5040))
