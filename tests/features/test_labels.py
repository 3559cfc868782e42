"""Labels: entry the day after, exit h sessions later, excess over the median of the universe."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data.panel import Panel
from vfr.features.labels import make
from vfr.typing import HORIZONS, FloatArray


def panel(adj_close: FloatArray, opened: FloatArray | None = None, close: FloatArray | None = None) -> Panel:
    unknown = np.full(adj_close.shape, np.nan)
    return Panel(
        sessions=np.busday_offset(np.datetime64("2020-01-06"), np.arange(adj_close.shape[0])),
        symbols=tuple(f"S{i}" for i in range(adj_close.shape[1])),
        open=unknown if opened is None else opened,
        high=unknown,
        low=unknown,
        close=adj_close if close is None else close,
        adj_close=adj_close,
        volume=unknown,
        adjustment="split",
    )


def test_close_basis_by_hand() -> None:
    prices = np.array([[10.0, 10.0, 10.0], [10.0, 20.0, 50.0], [11.0, 18.0, 50.0], [11.0, 27.0, 45.0]])
    labels = make(panel(prices), "1d")
    assert labels.basis == "close"
    assert labels.span == 2
    np.testing.assert_allclose(labels.returns[0], [0.1, -0.1, 0.0])
    np.testing.assert_allclose(labels.excess[0], [0.1, -0.1, 0.0])
    np.testing.assert_allclose(labels.returns[1], [0.0, 0.5, -0.1])
    np.testing.assert_allclose(labels.excess[1], [0.0, 0.5, -0.1])
    assert labels.direction[0].tolist() == [1.0, 0.0, 0.0]  # no change is not up
    assert np.isnan(labels.returns[2:]).all()
    assert np.isnan(labels.direction[2:]).all()


def test_open_basis_uses_the_total_return_of_the_opens() -> None:
    close = np.array([[10.0], [10.0], [10.0], [10.0]])
    adjusted = np.array([[9.0], [9.0], [10.0], [10.0]])  # a dividend of a tenth goes ex on the third session
    opened = np.array([[10.0], [10.0], [9.5], [10.0]])
    labels = make(panel(adjusted, opened, close), "1d")
    assert labels.basis == "open"
    np.testing.assert_allclose(labels.returns[0], [9.5 / 9.0 - 1.0])
    assert make(panel(adjusted, opened, close), "1d", basis="close").returns[0, 0] == pytest.approx(1.0 / 9.0)


def test_same_close_starts_today() -> None:
    prices = np.array([[10.0], [12.0], [9.0]])
    labels = make(panel(prices), "1d", basis="same_close")
    assert labels.span == 1
    np.testing.assert_allclose(labels.returns[:2, 0], [0.2, -0.25])


def test_the_excess_is_over_the_universe_and_unknown_without_one() -> None:
    prices = np.array([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.1, 1.2, 1.6], [1.1, 1.2, 1.6], [1.1, 1.2, 1.6]])
    universe = np.ones(prices.shape, dtype=np.bool_)
    universe[0, 2] = False
    universe[1] = False
    labels = make(panel(prices), "1d", universe=universe)
    np.testing.assert_allclose(labels.excess[0], [-0.05, 0.05, 0.45])
    assert np.isnan(labels.excess[1]).all()
    assert np.isfinite(labels.returns[1]).all()


def test_a_missing_end_gives_no_label() -> None:
    prices = np.full((10, 2), 5.0)
    prices[7:, 0] = np.nan
    labels = make(panel(prices), "7d")
    assert np.isfinite(labels.returns[0, 0])
    assert np.isnan(labels.returns[1:, 0]).all()
    assert np.isfinite(labels.returns[3, 1])


def test_too_few_sessions_give_no_label() -> None:
    assert np.isnan(make(panel(np.full((3, 2), 5.0)), "30d").returns).all()


@settings(max_examples=25)
@given(st.sampled_from(sorted(HORIZONS)), st.integers(0, 2**32 - 1))
def test_a_label_depends_on_its_two_ends_only_and_the_median_excess_is_zero(horizon: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    prices = np.exp(rng.normal(0.0, 0.1, (40, 5)))
    labels = make(panel(prices), horizon)
    row = 8
    changed = np.exp(rng.normal(0.0, 0.1, prices.shape))
    changed[[row + 1, row + labels.span]] = prices[[row + 1, row + labels.span]]
    np.testing.assert_array_equal(make(panel(changed), horizon).returns[row], labels.returns[row])
    known = np.isfinite(labels.excess).all(axis=1)
    np.testing.assert_allclose(np.median(labels.excess[known], axis=1), 0.0, atol=1e-15)
