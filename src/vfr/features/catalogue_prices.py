"""Features of closes: returns, volatility, what moves with the market. Order is that of the kernels' outputs."""

from __future__ import annotations

from typing import Final

from vfr.features.feature import Feature

__all__ = ["MARKET_RELATIVE", "RETURNS", "VOLATILITY"]

_REVERSAL: Final = "Jegadeesh (1990), Journal of Finance 45(3); Lehmann (1990), Quarterly Journal of Economics 105(1)"
_MOMENTUM: Final = "Jegadeesh and Titman (1993), Journal of Finance 48(1)"
_LOW_RISK: Final = "Ang, Hodrick, Xing and Zhang (2006), Journal of Finance 61(1)"
_FACTOR_MODEL: Final = "Sharpe (1964), Journal of Finance 19(3); Frazzini and Pedersen (2014), JFE 111(1)"


def _total_return(n: int, reference: str) -> Feature:
    text = f"Total return over {n} session{'s' if n > 1 else ''}."
    return Feature(f"return_{n}", "returns", "fraction", n, text, reference)


RETURNS: Final[tuple[Feature, ...]] = (
    *(_total_return(n, _REVERSAL) for n in (1, 2, 3, 5, 10, 21)),
    *(_total_return(n, _MOMENTUM) for n in (63, 126, 252)),
    Feature("momentum_12_1", "returns", "fraction", 252, "Total return from 252 to 21 sessions ago.", _MOMENTUM),
    Feature("momentum_6_1", "returns", "fraction", 126, "Total return from 126 to 21 sessions ago.", _MOMENTUM),
    Feature(
        "momentum_12_7",
        "returns",
        "fraction",
        252,
        "Total return from 252 to 126 sessions ago.",
        "Novy-Marx (2012), Journal of Financial Economics 103(3)",
    ),
    Feature(
        "reversal_24_13",
        "returns",
        "fraction",
        504,
        "Total return from 504 to 252 sessions ago; long-term losers recover.",
        "De Bondt and Thaler (1985), Journal of Finance 40(3)",
    ),
    Feature(
        "discreteness_252",
        "returns",
        "share of days, signed",
        252,
        "Sign of the 12-1 return times (share of falling - share of rising days) within it: negative when the return "
        "came in small steps.",
        "Da, Gurun and Warachka (2014), Review of Financial Studies 27(7)",
    ),
    Feature(
        "seasonality_21",
        "returns",
        "fraction",
        252,
        "Mean total return over the 21 sessions that followed the same point of the year, 1 to 5 years (of 252 "
        "sessions) ago, as many as are known.",
        "Heston and Sadka (2008), Journal of Financial Economics 87(2)",
    ),
    Feature(
        "seasonality_5",
        "returns",
        "fraction",
        252,
        "The same over the 5 sessions that followed.",
        "Heston and Sadka (2008); Keloharju, Linnainmaa and Nyberg (2016), Journal of Finance 71(4)",
    ),
    Feature(
        "seasonality_1",
        "returns",
        "fraction",
        252,
        "The same over the one session that followed.",
        "Keloharju, Linnainmaa and Nyberg (2016), Journal of Finance 71(4)",
    ),
    Feature(
        "seasonality_21_1y",
        "returns",
        "fraction",
        252,
        "Total return over the 21 sessions that followed the same point of last year.",
        "Heston and Sadka (2008), Journal of Financial Economics 87(2)",
    ),
    Feature(
        "max_return_21",
        "returns",
        "fraction",
        21,
        "Highest daily return of 21 sessions: a lottery ticket.",
        "Bali, Cakici and Whitelaw (2011), Journal of Financial Economics 99(2)",
    ),
    Feature(
        "min_return_21",
        "returns",
        "fraction",
        21,
        "Lowest daily return of 21 sessions.",
        "Bali, Cakici and Whitelaw (2011), Journal of Financial Economics 99(2)",
    ),
    Feature(
        "high_252",
        "returns",
        "fraction, at most 0",
        252,
        "Close over the highest close of 252 sessions, less 1.",
        "George and Hwang (2004), Journal of Finance 59(5)",
    ),
    Feature(
        "low_252",
        "returns",
        "fraction, at least 0",
        252,
        "Close over the lowest close of 252 sessions, less 1.",
        "George and Hwang (2004), Journal of Finance 59(5)",
    ),
    Feature(
        "high_age_252",
        "returns",
        "share of the window, 0 to 1",
        252,
        "Sessions since the highest close of 252, over 252.",
        "Bhootra and Hur (2013), Journal of Banking and Finance 37(10)",
    ),
    Feature(
        "drawdown_63",
        "returns",
        "fraction, at most 0",
        63,
        "Close over the highest close of 63 sessions, less 1.",
        "Magdon-Ismail and Atiya (2004), Risk Magazine 17(10)",
    ),
)


def _deviation(n: int) -> Feature:
    text = f"Standard deviation of {n} daily returns, times the root of 252."
    return Feature(f"volatility_{n}", "volatility", "fraction per year", n, text, _LOW_RISK)


VOLATILITY: Final[tuple[Feature, ...]] = (
    *(_deviation(n) for n in (10, 21, 63, 252)),
    Feature(
        "volatility_ratio_21_252", "volatility", "ratio", 252, "Volatility of 21 over that of 252 sessions.", _LOW_RISK
    ),
    Feature(
        "downside_share_63",
        "volatility",
        "share, 0 to 1",
        63,
        "Share of the squared returns of 63 sessions that falling days brought.",
        "Ang, Chen and Xing (2006), Review of Financial Studies 19(4)",
    ),
    Feature(
        "volatility_of_volatility_63",
        "volatility",
        "ratio",
        63,
        "Standard deviation of 63 absolute returns over their mean.",
        "Baltussen, van Bekkum and van der Grient (2018), JFQA 53(4)",
    ),
    Feature(
        "skewness_63",
        "volatility",
        "standardised",
        63,
        "Skewness of 63 daily returns.",
        "Boyer, Mitton and Vorkink (2010), Review of Financial Studies 23(1)",
    ),
    Feature(
        "skewness_252",
        "volatility",
        "standardised",
        252,
        "Skewness of 252 daily returns.",
        "Boyer, Mitton and Vorkink (2010), Review of Financial Studies 23(1)",
    ),
    Feature(
        "kurtosis_252",
        "volatility",
        "standardised, 0 for a normal",
        252,
        "Excess kurtosis of 252 daily returns.",
        "Amaya, Christoffersen, Jacobs and Vasquez (2015), Journal of Financial Economics 118(1)",
    ),
    Feature(
        "autocorrelation_63",
        "volatility",
        "correlation",
        63,
        "First autocorrelation of 63 daily returns.",
        "Lo and MacKinlay (1988), Review of Financial Studies 1(1)",
    ),
    Feature(
        "zero_returns_252",
        "volatility",
        "share of days",
        252,
        "Days of 252 without a price change: costs kept traders away.",
        "Lesmond, Ogden and Trzcinka (1999), Review of Financial Studies 12(5)",
    ),
)

MARKET_RELATIVE: Final[tuple[Feature, ...]] = (
    Feature("beta_63", "market_relative", "beta", 63, "Slope of 63 daily returns on the market's.", _FACTOR_MODEL),
    Feature("beta_252", "market_relative", "beta", 252, "Slope of 252 daily returns on the market's.", _FACTOR_MODEL),
    Feature(
        "correlation_252",
        "market_relative",
        "correlation",
        252,
        "Correlation of 252 daily returns with the market's.",
        "Asness, Frazzini, Gormsen and Pedersen (2020), Journal of Financial Economics 135(3)",
    ),
    Feature(
        "idiosyncratic_volatility_63",
        "market_relative",
        "fraction per year",
        63,
        "Volatility of what the market does not explain of 63 daily returns.",
        _LOW_RISK,
    ),
    Feature(
        "idiosyncratic_volatility_252",
        "market_relative",
        "fraction per year",
        252,
        "Volatility of what the market does not explain of 252 daily returns.",
        _LOW_RISK,
    ),
    Feature(
        "residual_momentum_12_1",
        "market_relative",
        "deviations",
        252,
        "Sum of the returns 252 to 21 sessions ago less beta times the market's, over its standard deviation.",
        "Blitz, Huij and Martens (2011), Journal of Empirical Finance 18(3)",
    ),
    Feature(
        "residual_reversal_21",
        "market_relative",
        "deviations",
        252,
        "Sum of 21 returns less beta times the market's, over its standard deviation.",
        "Blitz, Huij, Lansdorp and Verbeek (2013), Journal of Financial Markets 16(3)",
    ),
    Feature(
        "residual_reversal_5",
        "market_relative",
        "deviations",
        252,
        "Sum of 5 returns less beta times the market's, over its standard deviation.",
        "Blitz, Huij, Lansdorp and Verbeek (2013), Journal of Financial Markets 16(3)",
    ),
    Feature(
        "downside_beta_252",
        "market_relative",
        "beta",
        252,
        "Slope on the market's return over those of 252 days on which the market fell.",
        "Ang, Chen and Xing (2006), Review of Financial Studies 19(4)",
    ),
    Feature(
        "coskewness_252",
        "market_relative",
        "standardised",
        252,
        "Mean of residual times squared market return over 252 days, standardised.",
        "Harvey and Siddique (2000), Journal of Finance 55(3)",
    ),
    Feature(
        "lagged_beta_252",
        "market_relative",
        "beta",
        252,
        "Slope of 252 daily returns on the market's return of the day before: slow prices.",
        "Hou and Moskowitz (2005), Review of Financial Studies 18(3)",
    ),
)
