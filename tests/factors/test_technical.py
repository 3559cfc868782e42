from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data.panel import Panel
from vfr.data.records import Membership
from vfr.data.snapshot import Snapshot
from vfr.factors import technical
from vfr.factors.scores import Measured, Reason
from vfr.factors.technical_measures import impulse_deviations, mean_deviation
from vfr.typing import FloatArray

NAMES = [entry.name for entry in technical.SUB_FACTORS]
NEEDS_MORE_THAN_CLOSES = [
    "technical.trend.adx",
    "technical.momentum.stochastic_14",
    "technical.volume.obv_trend",
    "technical.volume.relative",
    "technical.volume.vwap",
]
REVERSALS = ["technical.momentum.month_1", "technical.momentum.rsi_14", "technical.momentum.stochastic_14"]


def with_panel(snapshot: Snapshot, change: Callable[[str, FloatArray], FloatArray]) -> Snapshot:
    names = ("open", "high", "low", "close", "adj_close", "volume")
    fields = {name: change(name, np.array(getattr(snapshot.panel, name))) for name in names}
    return replace(snapshot, panel=replace(snapshot.panel, **fields))


def last(snapshot: Snapshot) -> dict[str, Measured]:
    return dict(technical.measure(snapshot, np.array([snapshot.sessions.size - 1])))


def assert_same(a: Measured, b: Measured) -> None:
    for field in ("value", "score", "reason", "as_of"):
        np.testing.assert_array_equal(getattr(a, field), getattr(b, field))


def test_measures_what_is_registered(seeded_snapshot: Snapshot) -> None:
    found = last(seeded_snapshot)
    assert list(found) == NAMES
    for name, measured in found.items():
        assert np.isfinite(measured.score).sum() >= 55, name
        assert np.array_equal(measured.reason == Reason.PRESENT, np.isfinite(measured.score))
        assert np.nanmin(measured.score) >= 0.0
        assert np.nanmax(measured.score) <= 100.0


@settings(max_examples=12)
@given(row=st.integers(0, 698))
def test_the_future_changes_nothing(seeded_snapshot: Snapshot, row: int) -> None:
    full = technical.measure(seeded_snapshot, np.array([row, 699]))
    cut = last(seeded_snapshot.upto(seeded_snapshot.sessions[row]))
    for name in NAMES:
        for field in ("value", "score", "reason", "as_of"):
            whole, prefix = getattr(full[name], field)[:1], getattr(cut[name], field)
            np.testing.assert_array_equal(whole, prefix, err_msg=f"{name}.{field}")


@settings(max_examples=5)
@given(seed=st.integers(0, 1000))
def test_permuting_symbols_permutes_scores(seeded_snapshot: Snapshot, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(seeded_snapshot.symbols))
    panel, membership = seeded_snapshot.panel.take(order), seeded_snapshot.membership
    assert membership is not None
    moved = replace(seeded_snapshot, panel=panel, membership=replace(membership, member=membership.member[:, order]))
    plain, permuted = last(seeded_snapshot), last(moved)
    for name in NAMES:
        np.testing.assert_array_equal(plain[name].score[:, order], permuted[name].score, err_msg=name)


def rescaled(snapshot: Snapshot, column: int, factor: float) -> Snapshot:
    def change(name: str, values: FloatArray) -> FloatArray:
        values[:, column] = values[:, column] / factor if name == "volume" else values[:, column] * factor
        return values

    return with_panel(snapshot, change)


@settings(max_examples=6)
@given(column=st.integers(0, 59), power=st.integers(-6, 6))
def test_a_price_level_means_nothing(seeded_snapshot: Snapshot, column: int, power: int) -> None:
    plain, scaled = last(seeded_snapshot), last(rescaled(seeded_snapshot, column, 2.0**power))
    for name in NAMES:
        assert_same(plain[name], scaled[name])


@settings(max_examples=6)
@given(column=st.integers(0, 59), factor=st.floats(0.01, 100.0))
def test_any_scale_means_nothing(seeded_snapshot: Snapshot, column: int, factor: float) -> None:
    plain, scaled = last(seeded_snapshot), last(rescaled(seeded_snapshot, column, factor))
    for name in NAMES:
        np.testing.assert_allclose(plain[name].score, scaled[name].score, rtol=1e-9, atol=1e-9, err_msg=name)


def test_closes_alone_give_trend_momentum_and_volatility(seeded_snapshot: Snapshot) -> None:
    closes = with_panel(
        seeded_snapshot, lambda name, x: x if name in ("close", "adj_close") else np.full_like(x, np.nan)
    )
    whole, found = last(seeded_snapshot), last(closes)
    for name in NAMES:
        if name in NEEDS_MORE_THAN_CLOSES:
            assert (found[name].reason == Reason.NO_INPUT).all(), name
        else:
            assert_same(found[name], whole[name])


def test_a_delisted_symbol_is_stale_and_a_late_one_uncovered(seeded_snapshot: Snapshot) -> None:
    def change(_name: str, values: FloatArray) -> FloatArray:
        values[-10:, 20] = np.nan  # ten sessions without a bar
        values[-9:, 21] = np.nan  # nine
        values[:, 22] = np.nan
        values[:-40, 23] = np.nan
        return values

    snapshot = with_panel(seeded_snapshot, change)
    found = last(snapshot)
    for name in NAMES:
        reasons = found[name].reason[0]
        assert reasons[20] == Reason.STALE, name
        assert reasons[21] == Reason.PRESENT, name
        assert reasons[22] == Reason.NOT_COVERED, name
        assert found[name].as_of[0, 20] == snapshot.sessions[-11]
        assert found[name].as_of[0, 21] == snapshot.sessions[-10]
        assert np.isnat(found[name].as_of[0, 22])
    assert found["technical.trend.price_vs_sma_200"].reason[0, 23] == Reason.NO_HISTORY
    assert found["technical.momentum.month_1"].reason[0, 23] == Reason.PRESENT


def test_a_name_that_came_back_starts_a_new_history(seeded_snapshot: Snapshot) -> None:
    def leave(_name: str, values: FloatArray) -> FloatArray:
        values[300:600, 20] = np.nan
        return values

    found = last(with_panel(seeded_snapshot, leave))
    assert found["technical.momentum.month_6"].reason[0, 20] == Reason.NO_HISTORY
    assert found["technical.momentum.roc_63"].reason[0, 20] == Reason.PRESENT


def test_a_halted_symbol_is_unusable_not_calm(seeded_snapshot: Snapshot) -> None:
    def halt(name: str, values: FloatArray) -> FloatArray:
        values[-100:, 20] = 0.0 if name == "volume" else 42.0
        return values

    found = last(with_panel(seeded_snapshot, halt))
    for name in ("volatility.realised_21", "trend.price_vs_sma_20", "momentum.rsi_14", "momentum.stochastic_14"):
        assert found[f"technical.{name}"].reason[0, 20] == Reason.UNUSABLE, name
    for name in ("volume.obv_trend", "volume.relative", "volume.vwap"):
        assert found[f"technical.{name}"].reason[0, 20] == Reason.UNUSABLE, name


def test_percentiles_come_from_members_where_membership_is_known(seeded_snapshot: Snapshot) -> None:
    member = np.zeros(seeded_snapshot.panel.shape, dtype=bool)
    member[:, 7:30] = True
    size = np.full(member.shape[0], 23)
    inside = replace(seeded_snapshot, membership=Membership("index", member, size, 0, ()))
    found = last(inside)["technical.momentum.month_6"]
    scores = found.score[0, 7:30]
    np.testing.assert_allclose(np.sort(scores), 100.0 * (np.arange(23) + 0.5) / 23)
    outside = found.score[0, 40]
    below = (found.value[0, 7:30] < found.value[0, 40]).sum()
    assert outside == pytest.approx(100.0 * (below + 0.5) / 24)
    everyone = last(replace(seeded_snapshot, membership=None))["technical.momentum.month_6"]
    nobody_yet = replace(seeded_snapshot, membership=Membership("index", member & False, size * 0, 0, ()))
    assert_same(everyone, last(nobody_yet)["technical.momentum.month_6"])


def test_a_small_universe_has_no_percentiles(seeded_snapshot: Snapshot) -> None:
    few = replace(seeded_snapshot, panel=seeded_snapshot.panel.take(np.arange(7, 16)), membership=None)
    found = last(few)
    assert (found["technical.momentum.month_6"].reason == Reason.SMALL_PEER_GROUP).all()
    assert (found["technical.trend.price_vs_sma_20"].reason == Reason.PRESENT).all()


def market_of(closes: FloatArray) -> Snapshot:
    from vfr.data.records import Securities

    n_sessions, n_symbols = closes.shape
    sessions = np.datetime64("2015-01-01", "D") + np.arange(n_sessions)
    volume = np.full(closes.shape, 1e6)
    symbols = tuple(f"S{i}" for i in range(n_symbols))
    fields = {"open": closes, "high": closes * 1.01, "low": closes * 0.99, "close": closes, "adj_close": closes}
    panel = Panel(sessions, symbols, volume=volume, adjustment="split", **{k: v.copy() for k, v in fields.items()})
    blank = ("",) * n_symbols
    return Snapshot("rise", "1", panel, sessions.astype("datetime64[s]"), Securities(blank, blank, blank))


def test_a_rise_scores_above_a_fall_oldest_bar_first() -> None:
    noise = np.random.default_rng(5).normal(0, 0.01, (400, 12)).cumsum(axis=0)
    slope = np.linspace(-0.004, 0.004, 12)
    rising = market_of(50.0 * np.exp(noise + slope * np.arange(400)[:, None]))
    found = last(rising)
    for name in NAMES:
        if name.startswith("technical.volatility") or name in ("technical.volume.relative", "technical.trend.macd"):
            continue
        worst, best = found[name].score[0, :3].mean(), found[name].score[0, -3:].mean()
        assert (best < worst) if name in REVERSALS else (best > worst), name
    backwards = last(market_of(rising.panel.close[::-1].copy()))
    trend = "technical.trend.price_vs_sma_200"
    assert found[trend].score[0, -1] > 90.0
    assert backwards[trend].score[0, -1] < 10.0


def test_scaled_scores_are_spread_evenly_over_random_walks() -> None:
    closes = 50.0 * np.exp(np.random.default_rng(11).normal(0, 0.015, (330, 800)).cumsum(axis=0))
    found = last(market_of(closes))
    for item in ("price_vs_sma_20", "price_vs_sma_50", "price_vs_sma_200", "ema_12_26", "macd"):
        score = found[f"technical.trend.{item}"].score[0]
        deciles = np.bincount(np.minimum(score // 10, 9).astype(int), minlength=10) / 800
        assert deciles.min() > 0.06, item
        assert deciles.max() < 0.14, item


def test_random_walk_deviations_match_a_simulation() -> None:
    walk = np.random.default_rng(2).normal(0, 1, (400, 4000)).cumsum(axis=0)
    assert np.std(walk[-1] - walk[-50:].mean(axis=0)) == pytest.approx(mean_deviation(50), rel=0.05)
    ages = np.arange(1, 400)
    steps = np.diff(walk, axis=0)[::-1]
    line = ((25 / 27) ** ages - (11 / 13) ** ages) @ steps
    assert np.std(line) == pytest.approx(impulse_deviations()[0], rel=0.05)


def test_low_volatility_scores_high(seeded_snapshot: Snapshot) -> None:
    found = last(seeded_snapshot)["technical.volatility.realised_252"]
    known = np.isfinite(found.score[0])
    assert np.corrcoef(found.value[0, known], found.score[0, known])[0, 1] < -0.7


def test_real_bars_neither_see_the_future_nor_a_price_level(real_snapshot: Snapshot) -> None:
    row = real_snapshot.panel.row(np.datetime64("2015-06-30"))
    full = technical.measure(real_snapshot, np.array([row]))
    past = real_snapshot.upto(np.datetime64("2015-06-30"))
    cut, scaled = last(past), last(with_panel(past, lambda name, x: x / 4.0 if name == "volume" else x * 4.0))
    for name in NAMES:
        assert_same(full[name], cut[name])
        assert_same(full[name], scaled[name])
        assert np.isfinite(full[name].score).mean() > 0.9, name
