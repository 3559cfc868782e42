"""How each technical sub-factor is measured and mapped; what they mean stands in `technical_registry`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.factors.scores import Measured
from vfr.factors.technical_history import Histories, History
from vfr.factors.transforms import Unranked, measured, normal_score, ranked_each
from vfr.factors.universe import universe
from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = [
    "MIN_UNIVERSE",
    "Inputs",
    "impulse_deviations",
    "mean_deviation",
    "momentum",
    "trend",
    "volatility",
    "volume",
]

MIN_UNIVERSE: Final = 10
"""Least number of symbols in the universe of a session for a percentile."""

_ADX_DEVIATION: Final = 10.0
"""Points; about the standard deviation of the signed ADX over large United States stocks, 2005-2019."""

_YEAR: Final = 252
_SCALE: Final = 63
"""Sessions of the volatility that scales trends."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """What the measurements share.

    Histories of closes, of whole bars, of closes with volume and of whole bars with volume; the universe of each row;
    daily volatility over 63 sessions; the last total-return close and the last close traded at. [R x N] each.
    """

    closes: History
    bars: History
    trades: History
    priced_trades: History
    peers: BoolArray
    sigma: FloatArray
    close: FloatArray
    traded_at: FloatArray

    @classmethod
    def of(cls, snapshot: Snapshot, rows: IntArray, histories: Histories) -> Inputs:
        """Read the histories of a snapshot's panel."""
        from vfr.indicators.changes import volatility as deviation

        panel, sessions = snapshot.panel, snapshot.sessions
        closes = History(histories.closes, sessions, rows)
        priced_trades = History(histories.priced_trades, sessions, rows)
        (sigma,) = closes.read(deviation, _SCALE)
        return cls(
            closes=closes,
            bars=History(histories.bars, sessions, rows),
            trades=History(histories.trades, sessions, rows),
            priced_trades=priced_trades,
            peers=universe(snapshot, rows),
            sigma=np.where(sigma > 0.0, sigma, np.nan),
            close=closes.last(panel.adj_close),
            traded_at=priced_trades.last(panel.close),
        )

    def scaled(self, history: History, value: FloatArray, size: FloatArray, needs: int) -> Measured:
        """Score a measurement whose `size` is in random-walk deviations at unit volatility."""
        reason = history.reason(max(needs, _SCALE + 1))
        return measured(value, normal_score(size / self.sigma), reason, history.as_of)

    def placed(self, found: Mapping[str, tuple[FloatArray, int, bool]]) -> dict[str, Measured]:
        """Score measurements of closes by their percentile in the universe of their session.

        Each is given by name as its value, the bars it needs, and whether low is good.
        """
        reason, as_of = self.closes.reason, self.closes.as_of
        several = [Unranked(value, reason(needs), as_of, low) for value, needs, low in found.values()]
        scored = ranked_each(several, min_group=MIN_UNIVERSE, peers=self.peers)
        return dict(zip(found, scored, strict=True))


def mean_deviation(n: int) -> float:
    """Deviation of log price less its mean over `n` sessions, for a random walk of unit volatility.

    The distance is a sum of the last n - 1 steps with weights 1/n .. (n - 1)/n.

    Examples
    --------
    >>> round(mean_deviation(2), 6)
    0.5
    """
    return float(np.sqrt((n - 1) * (2 * n - 1) / (6.0 * n)))


@cache
def impulse_deviations() -> tuple[float, float]:
    """Deviations of EMA 12 less EMA 26, and of the MACD histogram, for a random walk of unit volatility.

    Root of the sum of squared responses to one unit step.
    """
    age = np.arange(1, 1500)
    line = (25.0 / 27.0) ** age - (11.0 / 13.0) ** age
    signal = np.empty_like(line)
    level = 0.0
    for k, response in enumerate(line):
        level += (response - level) * 0.2
        signal[k] = level
    return float(np.sqrt(np.sum(line**2))), float(np.sqrt(np.sum((line - signal) ** 2)))


def trend(x: Inputs) -> dict[str, Measured]:
    """Measure price against moving averages, MACD and directional movement."""
    from vfr.indicators import averages, directional

    found = {}
    for n in (20, 50, 200):
        (mean,) = x.closes.read(averages.sma, n)
        distance = x.close / mean
        size = np.log(distance) / mean_deviation(n)
        found[f"technical.trend.price_vs_sma_{n}"] = x.scaled(x.closes, distance - 1.0, size, n)
    of_crossing, of_histogram = impulse_deviations()
    (fast,), (slow,) = x.closes.read(averages.ema, 12), x.closes.read(averages.ema, 26)
    found["technical.trend.ema_12_26"] = x.scaled(x.closes, fast / slow - 1.0, np.log(fast / slow) / of_crossing, 26)
    (histogram,) = x.closes.read(averages.macd, 12, 26, 9, outputs=3, shown=slice(2, 3))
    histogram = histogram / x.close
    found["technical.trend.macd"] = x.scaled(x.closes, histogram, histogram / of_histogram, 34)
    strength, plus, minus = x.bars.read(directional.directional, 14, outputs=3)
    both = np.where(plus + minus > 0.0, plus + minus, np.nan)
    signed = strength * (plus - minus) / both
    found["technical.trend.adx"] = measured(
        signed, normal_score(signed / _ADX_DEVIATION), x.bars.reason(28), x.bars.as_of
    )
    return found


def momentum(x: Inputs) -> dict[str, Measured]:
    """Measure past returns over a year to a month, and the oscillators."""
    from vfr.indicators import changes, windows

    month, quarter, half, year = (x.closes.read(changes.roc, n, window=n + 1)[0] / 100.0 for n in (21, 63, 126, _YEAR))
    rsi = np.where(np.isfinite(x.sigma), x.closes.read(changes.rsi, 14)[0], np.nan)
    (stochastic,) = x.bars.read(windows.stochastic, 14, 3, 3, outputs=2, shown=slice(1, 2))
    # Without any move the oscillator's range is empty: TA-Lib says 0, which would read as the bottom of the range.
    (moves,) = x.closes.read(changes.volatility, 13)
    stochastic = np.where(moves > 0.0, stochastic, np.nan)
    bars, closes = x.bars, x.closes
    returns = {
        "technical.momentum.month_12_1": ((1.0 + year) / (1.0 + month) - 1.0, _YEAR + 1, False),
        "technical.momentum.month_6": (half, 127, False),
        "technical.momentum.month_1": (month, 22, True),
    }
    return {
        **x.placed(returns),
        "technical.momentum.rsi_14": measured(rsi, _bounded(100.0 - rsi), closes.reason(_SCALE + 1), closes.as_of),
        "technical.momentum.stochastic_14": measured(
            stochastic, _bounded(100.0 - stochastic), bars.reason(18), bars.as_of
        ),
        "technical.momentum.roc_63": x.scaled(closes, quarter, np.log1p(quarter) / np.sqrt(63.0), 64),
    }


def _bounded(score: FloatArray) -> FloatArray:
    """Take off what rounding adds beyond 0-100."""
    return np.clip(score, 0.0, 100.0)


def volume(x: Inputs) -> dict[str, Measured]:
    """Measure where the volume went: with rises or falls, above its habit, above what buyers paid."""
    from vfr.indicators import volume as kernels

    (balance,) = x.trades.read(kernels.obv_trend, 21, window=22)
    (habit,) = x.trades.read(kernels.volume_rank, 50, fields=slice(1, 2), window=50)
    (paid,) = x.priced_trades.read(kernels.vwap, _SCALE, window=_SCALE)
    above = x.traded_at / paid
    size = np.log(above) / mean_deviation(_SCALE)
    return {
        "technical.volume.obv_trend": measured(
            balance, normal_score(balance * np.sqrt(21.0)), x.trades.reason(22), x.trades.as_of
        ),
        "technical.volume.relative": measured(habit, habit, x.trades.reason(50), x.trades.as_of),
        "technical.volume.vwap": x.scaled(x.priced_trades, above - 1.0, size, _SCALE),
    }


def volatility(x: Inputs) -> dict[str, Measured]:
    """Measure realised volatility over a year and a month."""
    from vfr.indicators import changes

    found = {}
    for n in (_YEAR, 21):
        (deviation,) = x.closes.read(changes.volatility, n)
        yearly = np.where(deviation > 0.0, deviation * np.sqrt(_YEAR), np.nan)
        found[f"technical.volatility.realised_{n}"] = (yearly, n + 1, True)
    return x.placed(found)
