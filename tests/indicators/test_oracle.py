"""Every registered indicator against TA-Lib: on real bars, on synthetic bars, warm-up and late listings included."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import talib

from vfr.indicators import INDICATORS, averages, changes, directional, on_panel, volume, windows
from vfr.typing import FloatArray

Bars = Mapping[str, FloatArray]


def bars(*fields: str) -> Callable[[Bars], list[FloatArray]]:
    return lambda b: [b[field] for field in fields]


HLC, HLCV = bars("high", "low", "close"), bars("high", "low", "close", "volume")


def rank_in_window(x: FloatArray, n: int) -> FloatArray:
    """TA-Lib's rank counts strictly smaller values only, so the midrank has a plain oracle of its own."""
    out = np.full(x.size, np.nan)
    for i in range(n - 1, x.size):
        window = x[i - n + 1 : i + 1]
        out[i] = 100.0 * np.mean((window < x[i]) + 0.5 * (window == x[i]))
    return out


ORACLES: dict[str, Callable[[Bars], object]] = {
    "sma": lambda b: talib.SMA(b["close"], 20),
    "ema": lambda b: talib.EMA(b["close"], 12),
    "wma": lambda b: talib.WMA(b["close"], 20),
    "macd": lambda b: talib.MACD(b["close"], 12, 26, 9),
    "ppo": lambda b: talib.PPO(b["close"], 12, 26, matype=1),
    "trix": lambda b: talib.TRIX(b["close"], 15),
    "mom": lambda b: talib.MOM(b["close"], 10),
    "roc": lambda b: talib.ROC(b["close"], 10),
    "rsi": lambda b: talib.RSI(b["close"], 14),
    "cmo": lambda b: talib.CMO(b["close"], 14),
    "volatility": lambda b: np.r_[np.nan, talib.STDDEV(np.diff(np.log(b["close"]), prepend=np.nan)[1:], 63)],
    "stochastic": lambda b: talib.STOCH(*HLC(b), 14, 3, 0, 3, 0),
    "fast_k": lambda b: talib.STOCHF(*HLC(b), 14, 1, 0)[0],
    "williams_r": lambda b: talib.WILLR(*HLC(b), 14),
    "cci": lambda b: talib.CCI(*HLC(b), 20),
    "aroon": lambda b: talib.AROON(b["high"], b["low"], 25),
    "stddev": lambda b: talib.STDDEV(b["close"], 20),
    "bollinger": lambda b: talib.BBANDS(b["close"], 20, 2.0, 2.0),
    "true_range": lambda b: talib.TRANGE(*HLC(b)),
    "atr": lambda b: talib.ATR(*HLC(b), 14),
    "natr": lambda b: talib.NATR(*HLC(b), 14),
    "directional": lambda b: (talib.ADX(*HLC(b), 14), talib.PLUS_DI(*HLC(b), 14), talib.MINUS_DI(*HLC(b), 14)),
    "obv": lambda b: talib.OBV(b["close"], b["volume"]),
    "obv_trend": lambda b: talib.MOM(talib.OBV(b["close"], b["volume"]), 21) / talib.SUM(b["volume"], 21),
    "volume_rank": lambda b: rank_in_window(b["volume"], 50),
    "accumulation": lambda b: talib.AD(*HLCV(b)),
    "chaikin_oscillator": lambda b: talib.ADOSC(*HLCV(b), 3, 10),
    "money_flow": lambda b: talib.CMF(*HLCV(b), 20),
    "mfi": lambda b: talib.MFI(*HLCV(b), 14),
    "vwap": lambda b: talib.VWMA(talib.TYPPRICE(*HLC(b)), b["volume"], 20),
}


def synthetic_bars(seed: int, n: int) -> dict[str, FloatArray]:
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))
    before = np.r_[close[0], close[:-1]]
    high = np.maximum(close, before) * (1 + rng.uniform(0, 0.02, n))
    low = np.minimum(close, before) * (1 - rng.uniform(0, 0.02, n))
    volume = np.floor(rng.lognormal(13, 0.5, n))
    halt = slice(200, 215)
    close[halt] = high[halt] = low[halt] = close[halt][:1]  # a halt: no range, no change
    volume[200:203] = 0.0
    return {"high": high, "low": low, "close": close, "volume": volume}


@pytest.fixture(scope="module")
def real_bars(shared_data: Path) -> list[dict[str, FloatArray]]:
    import polars as pl

    wanted = ["AAPL", "GOOGL", "FITB", "XOM", "AMZN"]
    frame = pl.read_parquet(shared_data / "prices.parquet").filter(pl.col("symbol").is_in(wanted)).sort("date")
    fields = ["high", "low", "close", "volume"]
    cut = [frame.filter(pl.col("symbol") == s).select(fields).drop_nulls() for s in wanted]
    return [{f: c[f].cast(pl.Float64).to_numpy() for f in fields} for c in cut]


def columns(table: object) -> FloatArray:
    return np.atleast_2d(np.asarray(table))


def assert_equal(name: str, bars_: Bars) -> None:
    entry = INDICATORS[name]
    inputs = [bars_[field][:, None] for field in entry.inputs]
    ours = on_panel(entry.kernel, inputs, tuple(entry.parameters.values()), len(entry.outputs))[:, :, 0]
    theirs = columns(ORACLES[name](bars_))
    assert np.array_equal(np.isnan(ours), np.isnan(theirs)), f"{name}: warm-up differs"
    np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8, err_msg=name)


def test_every_indicator_has_an_oracle() -> None:
    assert set(INDICATORS) == set(ORACLES)


@pytest.mark.parametrize("name", INDICATORS)
def test_synthetic_bars(name: str) -> None:
    assert_equal(name, synthetic_bars(1, 600))


@pytest.mark.parametrize("name", INDICATORS)
def test_real_bars(name: str, real_bars: list[dict[str, FloatArray]]) -> None:
    for stock in real_bars:
        assert stock["close"].size > 3000
        assert_equal(name, stock)


@pytest.mark.parametrize("name", INDICATORS)
def test_too_few_bars_are_unknown(name: str) -> None:
    for n in (1, 2, 15, 40):
        assert_equal(name, synthetic_bars(2, n))


@pytest.mark.parametrize("name", INDICATORS)
def test_compiled_kernels_equal_their_python(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry, stock = INDICATORS[name], synthetic_bars(4, 260)
    inputs = [stock[field] for field in entry.inputs]
    compiled, plain = np.empty((2, len(entry.outputs), 260))
    entry.kernel(*inputs, *entry.parameters.values(), *compiled)
    for module in (averages, changes, directional, volume, windows):
        for attribute, value in list(vars(module).items()):
            if hasattr(value, "py_func"):
                monkeypatch.setattr(module, attribute, value.py_func)
    entry.kernel.py_func(*inputs, *entry.parameters.values(), *plain)  # type: ignore[attr-defined]
    np.testing.assert_allclose(compiled, plain, rtol=1e-10, atol=1e-10)
