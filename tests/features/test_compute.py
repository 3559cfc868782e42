"""What holds for every feature: one code path, no future, no order of symbols, unknown stays unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from vfr.data import synthetic
from vfr.data.records import Securities
from vfr.features import compute, spec_hash
from vfr.features.history import BLOCK, MAX_GAP, block_start, run_ends, span, spans, sums
from vfr.features.registry import FAMILIES, FEATURES

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.features.matrix import FeatureMatrix
    from vfr.typing import Matrix32

NEED_BARS = {e.name for family in ("bars", "trading") for e in FAMILIES[family]} | {"turnover_63"} | {
    "stochastic_14", "williams_r_63", "cci_20", "natr_14", "adx_14", "directional_14", "mfi_14", "money_flow_20",
    "vwap_distance_21",
}  # fmt: skip


@pytest.fixture(scope="module")
def matrix(seeded_snapshot: Snapshot) -> FeatureMatrix:
    return compute(seeded_snapshot)


def feature(matrix: FeatureMatrix, name: str) -> Matrix32:
    return matrix.values[matrix.names.index(name)]


def prices_only(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, actions=None, fundamentals=None, macro=None, texts=None, membership=None, benchmark=None)


def test_the_matrix_is_the_registry_s(matrix: FeatureMatrix, seeded_snapshot: Snapshot) -> None:
    assert matrix.names == tuple(FEATURES)
    assert matrix.spec == spec_hash()
    assert matrix.values.shape == (len(FEATURES), 700, 60)
    assert matrix.values.dtype == np.float32
    assert matrix.values.transpose(0, 2, 1).flags.c_contiguous
    np.testing.assert_array_equal(matrix.sessions, seeded_snapshot.sessions)
    assert not np.isinf(matrix.values).any()
    assert np.isfinite(matrix.values).any(axis=(1, 2)).all()


@pytest.mark.parametrize("rows", [slice(699, 700), slice(259, 262), slice(0, 3), slice(519, 541), slice(-5, None)])
def test_any_rows_are_those_of_the_whole(matrix: FeatureMatrix, seeded_snapshot: Snapshot, rows: slice) -> None:
    part = compute(seeded_snapshot, rows)
    np.testing.assert_array_equal(part.values, matrix.values[:, rows])
    np.testing.assert_array_equal(part.sessions, matrix.sessions[rows])


def test_no_rows_are_no_rows(seeded_snapshot: Snapshot) -> None:
    assert compute(seeded_snapshot, slice(5, 5)).values.shape == (len(FEATURES), 0, 60)
    with pytest.raises(ValueError, match="step"):
        compute(seeded_snapshot, slice(0, 10, 2))


def test_a_prefix_has_the_same_last_row(matrix: FeatureMatrix, seeded_snapshot: Snapshot) -> None:
    for row in (40, 333, 600):
        known = seeded_snapshot.upto(seeded_snapshot.sessions[row])
        np.testing.assert_array_equal(compute(known, slice(row, None)).values[:, 0], matrix.values[:, row])


def test_permuting_symbols_permutes_features(seeded_snapshot: Snapshot) -> None:
    market = prices_only(seeded_snapshot)
    order = np.random.default_rng(2).permutation(60)
    s = market.securities
    shuffled = replace(
        market,
        panel=market.panel.take(order),
        securities=Securities(*(tuple(field[i] for i in order) for field in (s.name, s.sector, s.sub_industry))),
    )
    np.testing.assert_array_equal(compute(shuffled).values, compute(market).values[:, :, order])


def test_closes_alone_leave_the_rest_unknown(seeded_snapshot: Snapshot) -> None:
    panel = seeded_snapshot.panel
    nan = np.full(panel.shape, np.nan)
    bare = replace(prices_only(seeded_snapshot), panel=replace(panel, open=nan, high=nan, low=nan, volume=nan))
    found = compute(bare)
    from_elsewhere = {e.name for e in FAMILIES["fundamentals"]} | {"vix", "vix_rank_252", "yield_slope"}
    for name in FEATURES:
        known = np.isfinite(feature(found, name)).any()
        assert known == (name not in NEED_BARS | from_elsewhere), name


def test_closes_alone_change_nothing_else(matrix: FeatureMatrix, seeded_snapshot: Snapshot) -> None:
    panel = seeded_snapshot.panel
    nan = np.full(panel.shape, np.nan)
    bare = compute(replace(seeded_snapshot, panel=replace(panel, open=nan, high=nan, low=nan, volume=nan)))
    for name in FEATURES:
        if name not in NEED_BARS:
            np.testing.assert_array_equal(feature(bare, name), feature(matrix, name), err_msg=name)


def test_a_late_listing_starts_unknown(matrix: FeatureMatrix) -> None:
    assert np.isnan(feature(matrix, "return_1")[:176, 3]).all()
    assert np.isfinite(feature(matrix, "return_1")[176:, 3]).all()
    assert np.isnan(feature(matrix, "volatility_252")[: 175 + 252, 3]).all()
    assert np.isfinite(feature(matrix, "volatility_252")[175 + 252 :, 3]).all()


def test_after_a_delisting_nothing_of_the_symbol_is_known(matrix: FeatureMatrix) -> None:
    for family in ("returns", "volatility", "market_relative", "bars", "trading", "oscillators", "sector_relative"):
        for entry in FAMILIES[family]:
            assert np.isnan(feature(matrix, entry.name)[560:, 4]).all(), entry.name


def test_a_gap_of_a_day_is_spanned_and_a_long_one_starts_anew() -> None:
    market = prices_only(synthetic.snapshot(np.random.default_rng(1), n_sessions=200, n_symbols=8))
    adj = np.array(market.panel.adj_close)

    def with_gap(length: int) -> FeatureMatrix:
        changed = adj.copy()
        changed[100 : 100 + length, 0] = np.nan
        return compute(replace(market, panel=replace(market.panel, adj_close=changed)))

    short = feature(with_gap(1), "return_1")[:, 0]
    assert np.isnan(short[100])
    assert short[101] == np.float32(adj[101, 0] / adj[99, 0] - 1.0)
    longest = feature(with_gap(MAX_GAP), "return_1")[:, 0]
    assert longest[100 + MAX_GAP] == np.float32(adj[100 + MAX_GAP, 0] / adj[99, 0] - 1.0)
    anew = feature(with_gap(MAX_GAP + 1), "return_1")[:, 0]
    assert np.isnan(anew[101 + MAX_GAP])
    assert np.isfinite(anew[102 + MAX_GAP])


def test_a_price_that_does_not_move_has_no_shape() -> None:
    market = prices_only(synthetic.snapshot(np.random.default_rng(1), n_sessions=700, n_symbols=8))
    panel = market.panel
    fields = {name: np.array(getattr(panel, name)) for name in ("open", "high", "low", "close", "adj_close")}
    for array in fields.values():
        array[300:, 0] = 12.34
    still = compute(replace(market, panel=replace(panel, **fields)))
    assert (feature(still, "volatility_21")[400:, 0] == 0.0).all()
    assert (feature(still, "zero_returns_252")[600:, 0] == 1.0).all()
    for name in ("skewness_63", "autocorrelation_63", "volatility_ratio_21_252", "beta_252"):
        assert np.isnan(feature(still, name)[600:, 0]).all(), name


def test_statements_count_from_the_day_they_are_known(matrix: FeatureMatrix, seeded_snapshot: Snapshot) -> None:
    f, column = seeded_snapshot.fundamentals, 5
    own = np.flatnonzero(f.column == column)
    later = own[f.known_at[own] > seeded_snapshot.sessions[300]][0]
    row = int(np.searchsorted(seeded_snapshot.sessions, f.known_at[later]))
    earlier = own[own < later][-1]
    margin = feature(matrix, "return_on_equity")[:, column]
    for at, statement in ((row - 1, earlier), (row, later)):
        expected = f.values["net_income"][statement] / f.values["total_equity"][statement]
        assert margin[at] == pytest.approx(expected, rel=1e-6)
    cap = np.exp(feature(matrix, "log_market_cap")[row, column])
    assert feature(matrix, "earnings_yield")[row, column] == pytest.approx(
        f.values["net_income"][later] / cap, rel=1e-5
    )


def test_a_market_feature_is_the_same_for_all(matrix: FeatureMatrix) -> None:
    for entry in FAMILIES["regime"]:
        block = feature(matrix, entry.name)
        assert (block == block[:, :1]).all(axis=1)[np.isfinite(block[:, 0])].all()


@pytest.mark.parametrize("n", [1, 5, 63, 252, BLOCK])
def test_window_sums_equal_plain_sums(n: int) -> None:
    x = np.random.default_rng(n).normal(size=900)
    running = sums(x)
    found = [span(running, i, n) for i in range(n - 1, x.size)]
    np.testing.assert_allclose(found, np.convolve(x, np.ones(n), "valid"), atol=1e-12)
    for first in (0, 100, 300):
        begin = max(first, n - 1)
        np.testing.assert_array_equal(spans(running, first, n)[begin:], found[begin - n + 1 :])


def test_window_sums_are_the_same_from_any_block_on() -> None:
    x = np.random.default_rng(0).normal(size=1000)
    for last, n in ((999, 252), (700, 21), (779, 260), (780, 252)):
        begin = block_start(last, n)
        assert begin % BLOCK == 0
        assert span(sums(x[begin:]), last - begin, n) == span(sums(x), last, n)


def test_histories_end_at_long_gaps() -> None:
    rows = np.array([0, 1, 11, 22, 23])
    assert run_ends(rows).tolist() == [3, 5]
    assert run_ends(rows[:0]).tolist() == []
