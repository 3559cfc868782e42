"""The sub-factors of the technical factor: names, weights, units, what they say and who described them."""

from __future__ import annotations

from typing import Final

from vfr.factors.scores import SubFactor

__all__ = ["SUB_FACTORS"]

_SCALED = "Score: 100 Phi of it over its random-walk deviation at the symbol's 63-session volatility."
_BROCK = "Brock, Lakonishok and LeBaron (1992), Simple technical trading rules, Journal of Finance 47"
_HAN = "Han, Zhou and Zhu (2016), A trend factor: any economic gains?, Journal of Financial Economics 122"
_JT = "Jegadeesh and Titman (1993), Returns to buying winners and selling losers, Journal of Finance 48"
_REVERSAL = "Jegadeesh (1990), Evidence of predictable behavior of security returns, Journal of Finance 45"
_LEHMANN = "Lehmann (1990), Fads, martingales, and market efficiency, Quarterly Journal of Economics 105"
_WILDER = "Wilder (1978), New Concepts in Technical Trading Systems"


def _entry(item: str, weight: float, unit: str, description: str, source: str) -> SubFactor:
    return SubFactor(f"technical.{item}", "technical", weight, unit, description, source)


SUB_FACTORS: Final[tuple[SubFactor, ...]] = (
    _entry("trend.price_vs_sma_20", 0.06, "fraction", f"Close over its 20-session mean, less 1. {_SCALED}", _BROCK),
    _entry("trend.price_vs_sma_50", 0.08, "fraction", f"Close over its 50-session mean, less 1. {_SCALED}", _BROCK),
    _entry("trend.price_vs_sma_200", 0.10, "fraction", f"Close over its 200-session mean, less 1. {_SCALED}", _HAN),
    _entry("trend.ema_12_26", 0.05, "fraction", f"12- over 26-session exponential mean, less 1. {_SCALED}", _BROCK),
    _entry(
        "trend.macd",
        0.05,
        "fraction of price",
        f"MACD(12, 26) less its 9-session signal, over the close. {_SCALED}",
        "Appel (2005), Technical Analysis: Power Tools for Active Investors",
    ),
    _entry(
        "trend.adx",
        0.06,
        "ADX points, signed",
        "ADX(14) times (+DI - -DI)/(+DI + -DI), -100 to 100. Score: 100 Phi of it over 10 points.",
        _WILDER,
    ),
    _entry(
        "momentum.month_12_1",
        0.12,
        "fraction",
        "Return of the last 252 sessions without the last 21. Score: percentile of the universe.",
        _JT,
    ),
    _entry(
        "momentum.month_6",
        0.07,
        "fraction",
        "Return of the last 126 sessions. Score: percentile of the universe.",
        _JT,
    ),
    _entry(
        "momentum.month_1",
        0.04,
        "fraction",
        "Return of the last 21 sessions. Score: 100 less the percentile of the universe (short-term reversal).",
        _REVERSAL,
    ),
    _entry(
        "momentum.rsi_14",
        0.05,
        "RSI points",
        "Wilder's relative strength index, 14 sessions. Score: 100 - RSI (overbought scores low: reversal).",
        f"{_WILDER}; {_LEHMANN}",
    ),
    _entry(
        "momentum.stochastic_14",
        0.03,
        "%D points",
        "Slow stochastic %D(14, 3, 3). Score: 100 - %D (top of the recent range scores low: reversal).",
        f"Lane (1984), Lane's stochastics, Technical Analysis of Stocks and Commodities 2; {_LEHMANN}",
    ),
    _entry(
        "momentum.roc_63",
        0.04,
        "fraction",
        f"Return of the last 63 sessions. {_SCALED}",
        "Moskowitz, Ooi and Pedersen (2012), Time series momentum, Journal of Financial Economics 104",
    ),
    _entry(
        "volume.obv_trend",
        0.05,
        "fraction of volume",
        "Volume of rising less falling sessions over all volume, 21 sessions (change of on-balance volume). Score: "
        "100 Phi of it times the root of 21.",
        "Granville (1963), New Key to Stock Market Profits; Campbell, Grossman and Wang (1993), QJE 108",
    ),
    _entry(
        "volume.relative",
        0.05,
        "percentile of own volume",
        "Rank of the session's volume among the symbol's last 50. Score: that rank (high volume earns a premium).",
        "Gervais, Kaniel and Mingelgrin (2001), The high-volume return premium, Journal of Finance 56",
    ),
    _entry(
        "volume.vwap",
        0.05,
        "fraction",
        f"Close over the 63-session volume-weighted price, what recent buyers paid, less 1. {_SCALED}",
        "Grinblatt and Han (2005), Prospect theory, mental accounting, and momentum, JFE 78",
    ),
    _entry(
        "volatility.realised_252",
        0.05,
        "fraction a year",
        "Standard deviation of daily log returns, 252 sessions, a year. Score: percentile, low volatility scores high.",
        "Blitz and van Vliet (2007), The volatility effect, Journal of Portfolio Management 34",
    ),
    _entry(
        "volatility.realised_21",
        0.05,
        "fraction a year",
        "Standard deviation of daily log returns, 21 sessions, a year. Score: percentile, low volatility scores high.",
        "Ang, Hodrick, Xing and Zhang (2006), The cross-section of volatility, Journal of Finance 61",
    ),
)
"""Weights: trend 0.40, momentum 0.35, volume 0.15, volatility 0.10."""
