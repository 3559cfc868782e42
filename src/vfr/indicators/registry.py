"""Every indicator by name: its kernel, the panel fields it reads, its usual parameters and its outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from vfr.data.panel import Panel
from vfr.indicators import averages, changes, directional, volume, windows
from vfr.indicators.bars import Kernel, on_panel
from vfr.typing import FloatArray

__all__ = ["INDICATORS", "Indicator", "compute"]


@dataclass(frozen=True, slots=True)
class Indicator:
    """How to call a kernel: ``kernel(*inputs, *parameters.values(), *outputs)``, arrays over one symbol's bars."""

    kernel: Kernel
    inputs: tuple[str, ...]
    parameters: Mapping[str, float]
    outputs: tuple[str, ...]


_BARS = ("high", "low", "close")
_TRADES = (*_BARS, "volume")


def _entry(kernel: Kernel, inputs: tuple[str, ...], outputs: tuple[str, ...], **parameters: float) -> Indicator:
    return Indicator(kernel, inputs, MappingProxyType(parameters), outputs)


INDICATORS: Mapping[str, Indicator] = MappingProxyType(
    {
        "sma": _entry(averages.sma, ("close",), ("sma",), n=20),
        "ema": _entry(averages.ema, ("close",), ("ema",), n=12),
        "wma": _entry(averages.wma, ("close",), ("wma",), n=20),
        "macd": _entry(averages.macd, ("close",), ("line", "signal", "histogram"), fast=12, slow=26, signal=9),
        "ppo": _entry(averages.ppo, ("close",), ("ppo",), fast=12, slow=26),
        "trix": _entry(averages.trix, ("close",), ("trix",), n=15),
        "mom": _entry(changes.mom, ("close",), ("mom",), n=10),
        "roc": _entry(changes.roc, ("close",), ("roc",), n=10),
        "rsi": _entry(changes.rsi, ("close",), ("rsi",), n=14),
        "cmo": _entry(changes.cmo, ("close",), ("cmo",), n=14),
        "volatility": _entry(changes.volatility, ("close",), ("volatility",), n=63),
        "stochastic": _entry(windows.stochastic, _BARS, ("k", "d"), n=14, slow_k=3, slow_d=3),
        "fast_k": _entry(windows.fast_k, _BARS, ("fast_k",), n=14),
        "williams_r": _entry(windows.williams_r, _BARS, ("williams_r",), n=14),
        "cci": _entry(windows.cci, _BARS, ("cci",), n=20),
        "aroon": _entry(windows.aroon, ("high", "low"), ("down", "up"), n=25),
        "stddev": _entry(windows.stddev, ("close",), ("stddev",), n=20),
        "bollinger": _entry(windows.bollinger, ("close",), ("upper", "middle", "lower"), n=20, width=2.0),
        "true_range": _entry(directional.true_range, _BARS, ("true_range",)),
        "atr": _entry(directional.atr, _BARS, ("atr",), n=14),
        "natr": _entry(directional.natr, _BARS, ("natr",), n=14),
        "directional": _entry(directional.directional, _BARS, ("adx", "plus_di", "minus_di"), n=14),
        "obv": _entry(volume.obv, ("close", "volume"), ("obv",)),
        "obv_trend": _entry(volume.obv_trend, ("close", "volume"), ("obv_trend",), n=21),
        "volume_rank": _entry(volume.volume_rank, ("volume",), ("volume_rank",), n=50),
        "accumulation": _entry(volume.accumulation, _TRADES, ("accumulation",)),
        "chaikin_oscillator": _entry(volume.chaikin_oscillator, _TRADES, ("chaikin_oscillator",), fast=3, slow=10),
        "money_flow": _entry(volume.money_flow, _TRADES, ("money_flow",), n=20),
        "mfi": _entry(volume.mfi, _TRADES, ("mfi",), n=14),
        "vwap": _entry(volume.vwap, _TRADES, ("vwap",), n=20),
    }
)
"""Every indicator by name; a test compares each with an independent library to 1e-8."""


def compute(name: str, panel: Panel, **parameters: float) -> dict[str, FloatArray]:
    """Compute an indicator on the bars of a panel.

    Parameters
    ----------
    name : str
        A key of `INDICATORS`.
    panel : Panel
        [T x N] bars, oldest first (a panel with decreasing sessions cannot be built). Missing bars: see
        `vfr.indicators.bars`.
    **parameters : float
        Windows and widths that differ from the usual ones.

    Returns
    -------
    dict of str to float64 array of shape (T, N)
        Each output by name, in the unit its kernel states; NaN while the window warms up.

    Raises
    ------
    KeyError
        If there is no such indicator.
    TypeError
        If the indicator has no such parameter.
    """
    entry = INDICATORS[name]
    unknown = parameters.keys() - entry.parameters.keys()
    if unknown:
        raise TypeError(f"{name}: has no parameter {', '.join(sorted(unknown))}")
    chosen = {**entry.parameters, **parameters}
    inputs = [getattr(panel, field) for field in entry.inputs]
    values = on_panel(entry.kernel, inputs, tuple(chosen.values()), len(entry.outputs))
    return dict(zip(entry.outputs, values, strict=True))
