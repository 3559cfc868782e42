"""Features of the session, of peers and of statements. Order is the order of their functions' outputs."""

from __future__ import annotations

from typing import Final

from vfr.features.feature import Feature

__all__ = ["CROSS_SECTION", "FUNDAMENTALS", "REGIME", "SECTOR_RELATIVE"]

_TIMING: Final = "Moskowitz, Ooi and Pedersen (2012), Journal of Financial Economics 104(2)"
_INDUSTRY: Final = "Moskowitz and Grinblatt (1999), Journal of Finance 54(4)"
_WITHIN: Final = "Da, Liu and Schaumburg (2014), Management Science 60(3)"

REGIME: Final[tuple[Feature, ...]] = (
    Feature("market_return_21", "regime", "fraction", 21, "Return of the market over 21 sessions.", _TIMING),
    Feature("market_return_252", "regime", "fraction", 252, "Return of the market over 252 sessions.", _TIMING),
    Feature(
        "market_volatility_21",
        "regime",
        "fraction per year",
        21,
        "Volatility of the market over 21 sessions.",
        "Moreira and Muir (2017), Journal of Finance 72(4)",
    ),
    Feature(
        "market_drawdown_252",
        "regime",
        "fraction, at most 0",
        252,
        "Market over its high of 252 sessions, less 1.",
        "Daniel and Moskowitz (2016), Journal of Financial Economics 122(2)",
    ),
    Feature(
        "dispersion_21",
        "regime",
        "fraction per day",
        21,
        "Mean over 21 sessions of the standard deviation of returns across symbols.",
        "Stivers and Sun (2010), Journal of Financial and Quantitative Analysis 45(4)",
    ),
    Feature(
        "vix",
        "regime",
        "VIX points",
        0,
        "VIX as last released.",
        "Whaley (2009), Journal of Portfolio Management 35(3)",
    ),
    Feature(
        "vix_rank_252",
        "regime",
        "0 to 1",
        252,
        "Midrank of the VIX among its last 252 values.",
        "Whaley (2009), Journal of Portfolio Management 35(3)",
    ),
    Feature(
        "yield_slope",
        "regime",
        "percentage points",
        0,
        "10-year less 2-year Treasury yield, as last released.",
        "Estrella and Hardouvelis (1991), Journal of Finance 46(2)",
    ),
)

SECTOR_RELATIVE: Final[tuple[Feature, ...]] = (
    Feature("sector_momentum_12_1", "sector_relative", "fraction", 252, "Mean 12-1 momentum of the sector.", _INDUSTRY),
    Feature("sector_return_21", "sector_relative", "fraction", 21, "Mean 21-session return of the sector.", _INDUSTRY),
    Feature(
        "momentum_12_1_in_sector", "sector_relative", "fraction", 252, "12-1 momentum less its sector's.", _INDUSTRY
    ),
    Feature("return_21_in_sector", "sector_relative", "fraction", 21, "21-session return less its sector's.", _WITHIN),
    Feature("return_5_in_sector", "sector_relative", "fraction", 5, "5-session return less its sector's.", _WITHIN),
    Feature("return_1_in_sector", "sector_relative", "fraction", 1, "1-session return less its sector's.", _WITHIN),
)

CROSS_SECTION: Final[tuple[Feature, ...]] = (
    Feature(
        "rank_momentum_12_1",
        "cross_section",
        "-0.5 to 0.5",
        252,
        "Midrank of 12-1 momentum among all symbols of the session.",
        "Asness, Moskowitz and Pedersen (2013), Journal of Finance 68(3)",
    ),
    Feature(
        "rank_volatility_252",
        "cross_section",
        "-0.5 to 0.5",
        252,
        "Midrank of volatility among all symbols of the session.",
        "Blitz and van Vliet (2007), Journal of Portfolio Management 34(1)",
    ),
    Feature(
        "anomaly_rank",
        "cross_section",
        "-0.5 to 0.5",
        252,
        "Mean of the midranks of 12-1 momentum, nearness to the 52-week high, 5-session reversal and low volatility.",
        "Stambaugh, Yu and Yuan (2015), Journal of Finance 70(5)",
    ),
)

_STATEMENT: Final = "Latest statement known, for 460 days: "

FUNDAMENTALS: Final[tuple[Feature, ...]] = (
    Feature(
        "log_market_cap",
        "fundamentals",
        "log USD",
        0,
        "Log of close times shares, both on the same split basis.",
        "Banz (1981), Journal of Financial Economics 9(1)",
    ),
    Feature(
        "turnover_63",
        "fundamentals",
        "share of the company a day",
        63,
        "Mean dollar volume of 63 sessions over market value.",
        "Datar, Naik and Radcliffe (1998), Journal of Financial Markets 1(2)",
    ),
    Feature(
        "earnings_yield",
        "fundamentals",
        "fraction per year",
        0,
        _STATEMENT + "net income over market value.",
        "Basu (1977), Journal of Finance 32(3)",
    ),
    Feature(
        "book_to_price",
        "fundamentals",
        "ratio",
        0,
        _STATEMENT + "book equity over market value.",
        "Fama and French (1992), Journal of Finance 47(2)",
    ),
    Feature(
        "sales_to_price",
        "fundamentals",
        "ratio",
        0,
        _STATEMENT + "revenue over market value.",
        "Barbee, Mukherji and Raines (1996), Financial Analysts Journal 52(2)",
    ),
    Feature(
        "return_on_equity",
        "fundamentals",
        "fraction per year",
        0,
        _STATEMENT + "net income over book equity.",
        "Hou, Xue and Zhang (2015), Review of Financial Studies 28(3)",
    ),
    Feature(
        "gross_profitability",
        "fundamentals",
        "fraction per year",
        0,
        _STATEMENT + "gross profit over total assets.",
        "Novy-Marx (2013), Journal of Financial Economics 108(1)",
    ),
    Feature(
        "leverage",
        "fundamentals",
        "fraction",
        0,
        _STATEMENT + "debt over total assets.",
        "Bhandari (1988), Journal of Finance 43(2)",
    ),
    Feature(
        "accruals",
        "fundamentals",
        "fraction",
        0,
        _STATEMENT + "net income less operating cash flow, over total assets.",
        "Sloan (1996), The Accounting Review 71(3)",
    ),
    Feature(
        "revenue_growth",
        "fundamentals",
        "fraction per year",
        0,
        _STATEMENT + "revenue over that of the statement a year before, less 1.",
        "Lakonishok, Shleifer and Vishny (1994), Journal of Finance 49(5)",
    ),
    Feature(
        "earnings_growth",
        "fundamentals",
        "fraction of total assets",
        0,
        _STATEMENT + "change of net income over a year, over total assets a year before.",
        "Piotroski (2000), Journal of Accounting Research 38",
    ),
)
