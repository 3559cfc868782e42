from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.data.panel import Panel
from vfr.errors import ImportRejected
from vfr.indicators import INDICATORS, compute, on_panel, runs
from vfr.typing import FloatArray


def panel(n_sessions: int = 320, n_symbols: int = 3, seed: int = 3) -> Panel:
    rng = np.random.default_rng(seed)
    close = 40.0 * np.exp(np.cumsum(rng.normal(0, 0.02, (n_sessions, n_symbols)), axis=0))
    high, low = close * (1 + rng.uniform(0, 0.02, close.shape)), close * (1 - rng.uniform(0, 0.02, close.shape))
    return Panel(
        sessions=np.datetime64("2015-01-01", "D") + np.arange(n_sessions),
        symbols=tuple("ABCDEFGH"[:n_symbols]),
        open=close.copy(),
        high=high,
        low=low,
        close=close,
        adj_close=close.copy(),
        volume=np.floor(rng.lognormal(12, 0.4, close.shape)),
        adjustment="split",
    )


def flat(outputs: dict[str, FloatArray]) -> FloatArray:
    return np.stack(list(outputs.values()))


@cache
def whole_rows(name: str) -> FloatArray:
    return flat(compute(name, panel()))


def without_rows(whole: Panel, rows: slice) -> Panel:
    fields = {name: np.array(getattr(whole, name)) for name in ("open", "high", "low", "close", "adj_close", "volume")}
    for values in fields.values():
        values[rows, 0] = np.nan
    return Panel(sessions=whole.sessions, symbols=whole.symbols, adjustment="split", **fields)


@pytest.mark.parametrize("name", INDICATORS)
def test_a_gap_is_skipped_and_windows_count_bars(name: str) -> None:
    whole, gap = panel(), slice(150, 157)
    gappy = flat(compute(name, without_rows(whole, gap)))
    own_bars = np.r_[0:150, 157:320]
    inputs = [getattr(whole, field)[own_bars][:, :1] for field in INDICATORS[name].inputs]
    expected = on_panel(INDICATORS[name].kernel, inputs, tuple(INDICATORS[name].parameters.values()), gappy.shape[0])
    np.testing.assert_array_equal(gappy[:, own_bars, 0], expected[:, :, 0])
    assert np.isnan(gappy[:, gap, 0]).all()
    np.testing.assert_array_equal(gappy[:, :, 1:], flat(compute(name, whole))[:, :, 1:])


@pytest.mark.parametrize("name", INDICATORS)
def test_a_late_listing_starts_late(name: str) -> None:
    whole = panel()
    late, young = flat(compute(name, without_rows(whole, slice(0, 100)))), flat(compute(name, whole.rows(100, 320)))
    assert np.isnan(late[:, :100, 0]).all()
    np.testing.assert_array_equal(late[:, 100:, 0], young[:, :, 0])


@pytest.mark.parametrize("name", INDICATORS)
def test_order_matters_oldest_first(name: str) -> None:
    whole = panel()
    inputs = [getattr(whole, field) for field in INDICATORS[name].inputs]
    parameters, n_outputs = tuple(INDICATORS[name].parameters.values()), len(INDICATORS[name].outputs)
    forwards = on_panel(INDICATORS[name].kernel, inputs, parameters, n_outputs)
    backwards = on_panel(INDICATORS[name].kernel, [x[::-1] for x in inputs], parameters, n_outputs)
    assert not np.allclose(forwards[:, 200], backwards[:, ::-1][:, 200], rtol=1e-6)


@pytest.mark.parametrize("name", INDICATORS)
@settings(max_examples=5)
@given(stop=st.integers(1, 320))
def test_a_prefix_gives_the_same_rows(name: str, stop: int) -> None:
    np.testing.assert_array_equal(flat(compute(name, panel().rows(0, stop))), whole_rows(name)[:, :stop])


def test_decreasing_sessions_are_refused() -> None:
    whole = panel(20)
    with pytest.raises(ImportRejected, match="oldest first"):
        Panel(
            sessions=whole.sessions[::-1],
            symbols=whole.symbols,
            open=whole.open,
            high=whole.high,
            low=whole.low,
            close=whole.close,
            adj_close=whole.adj_close,
            volume=whole.volume,
            adjustment="split",
        )


def test_a_rising_series_is_strong_and_its_reverse_weak() -> None:
    rising = np.arange(10.0, 60.0)[:, None]
    assert on_panel(INDICATORS["rsi"].kernel, [rising], (14,))[0, -1, 0] == 100.0
    assert on_panel(INDICATORS["rsi"].kernel, [rising[::-1]], (14,))[0, -1, 0] == 0.0


def test_runs_end_at_a_long_gap_only() -> None:
    x = np.ones((30, 2))
    x[5:9, 0] = np.nan
    x[15:25, 0] = np.nan
    x[:, 1] = np.nan
    pieces = runs([x], max_gap=9)
    assert [piece.rows.tolist() for piece in pieces] == [[*range(5), *range(9, 15)], [*range(25, 30)]]
    assert len(runs([x])) == 1
    assert len(runs([x], max_gap=10)) == 1


def test_parameters_are_checked() -> None:
    assert np.isnan(compute("sma", panel(), n=50)["sma"][:49]).all()
    with pytest.raises(TypeError, match="window"):
        compute("sma", panel(), window=50)
    with pytest.raises(KeyError):
        compute("magic", panel())
    with pytest.raises(ValueError, match="one shape"):
        on_panel(INDICATORS["obv"].kernel, [np.ones((5, 2)), np.ones((5, 3))])
