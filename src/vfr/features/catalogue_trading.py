"""Features of whole bars and of volume. Order is the order of the kernels' outputs."""

from __future__ import annotations

from typing import Final

from vfr.features.feature import Feature

__all__ = ["BARS", "OSCILLATORS", "TRADING"]

_TUG_OF_WAR: Final = "Lou, Polk and Skouras (2019), Journal of Financial Economics 134(1)"
_AMIHUD: Final = "Amihud (2002), Journal of Financial Markets 5(1)"
_VOLUME: Final = "Gervais, Kaniel and Mingelgrin (2001), Journal of Finance 56(3)"
_AVERAGES: Final = "Brock, Lakonishok and LeBaron (1992), Journal of Finance 47(5)"

BARS: Final[tuple[Feature, ...]] = (
    Feature("overnight_1", "bars", "fraction", 1, "Total return from the close before to the open.", _TUG_OF_WAR),
    Feature("intraday_1", "bars", "fraction", 1, "Return from open to close.", _TUG_OF_WAR),
    Feature("overnight_21", "bars", "fraction", 21, "Sum of 21 overnight returns.", _TUG_OF_WAR),
    Feature("intraday_21", "bars", "fraction", 21, "Sum of 21 intraday returns.", _TUG_OF_WAR),
    Feature("overnight_252", "bars", "fraction", 252, "Sum of 252 overnight returns.", _TUG_OF_WAR),
    Feature(
        "parkinson_21",
        "bars",
        "fraction per year",
        21,
        "Volatility from the high-low range of 21 sessions.",
        "Parkinson (1980), Journal of Business 53(1)",
    ),
    Feature(
        "garman_klass_21",
        "bars",
        "fraction per year",
        21,
        "Volatility from open, high, low and close of 21 sessions.",
        "Garman and Klass (1980), Journal of Business 53(1)",
    ),
    Feature(
        "rogers_satchell_21",
        "bars",
        "fraction per year",
        21,
        "Volatility from open, high, low and close of 21 sessions, free of drift.",
        "Rogers and Satchell (1991), Annals of Applied Probability 1(4)",
    ),
    Feature(
        "relative_range_21",
        "bars",
        "ratio",
        21,
        "Log high over low, over its mean of 21 sessions.",
        "Alizadeh, Brandt and Diebold (2002), Journal of Finance 57(3)",
    ),
    Feature(
        "close_location_1",
        "bars",
        "0 at the low to 1 at the high",
        1,
        "Close within the bar; half without a range.",
        "Chaikin, after Williams (1979), How I Made One Million Dollars",
    ),
    Feature(
        "close_location_21",
        "bars",
        "0 at the low to 1 at the high",
        21,
        "Mean of 21 closes within their bars.",
        "Chaikin, after Williams (1979), How I Made One Million Dollars",
    ),
    Feature(
        "spread_21",
        "bars",
        "fraction of price",
        21,
        "Mean bid-ask spread of 21 sessions, estimated from the ranges of one and of two days.",
        "Corwin and Schultz (2012), Journal of Finance 67(2)",
    ),
)

TRADING: Final[tuple[Feature, ...]] = (
    Feature("relative_volume_1", "trading", "log ratio", 21, "Log of volume over its mean of 21 sessions.", _VOLUME),
    Feature(
        "relative_volume_5_63", "trading", "log ratio", 63, "Log of mean volume of 5 over that of 63 sessions.", _VOLUME
    ),
    Feature(
        "volume_trend_21_252",
        "trading",
        "log ratio",
        252,
        "Log of mean volume of 21 over that of 252 sessions.",
        "Lee and Swaminathan (2000), Journal of Finance 55(5)",
    ),
    Feature(
        "dollar_volume_63",
        "trading",
        "log USD a day",
        63,
        "Log of the mean of close times volume over 63 sessions.",
        "Brennan, Chordia and Subrahmanyam (1998), Journal of Financial Economics 49(3)",
    ),
    Feature(
        "volume_variation_63",
        "trading",
        "ratio",
        63,
        "Standard deviation of 63 volumes over their mean.",
        "Chordia, Subrahmanyam and Anshuman (2001), Journal of Financial Economics 59(1)",
    ),
    Feature("amihud_21", "trading", "log, per USD", 21, "Log mean of |return| over dollar volume, 21 days.", _AMIHUD),
    Feature(
        "amihud_252", "trading", "log, per USD", 252, "Log mean of |return| over dollar volume, 252 days.", _AMIHUD
    ),
    Feature(
        "zero_volume_252",
        "trading",
        "share of days",
        252,
        "Days of 252 without a trade.",
        "Liu (2006), Journal of Financial Economics 82(3)",
    ),
    Feature(
        "return_volume_correlation_21",
        "trading",
        "correlation",
        21,
        "Correlation of 21 daily returns with volume.",
        "Llorente, Michaely, Saar and Wang (2002), Review of Financial Studies 15(4)",
    ),
    Feature(
        "obv_trend_21",
        "trading",
        "share of volume, -1 to 1",
        21,
        "Change of on-balance volume over 21 bars as a share of the volume traded.",
        "Granville (1963), New Key to Stock Market Profits",
    ),
    Feature("volume_rank_50", "trading", "0 to 100", 50, "Rank of the volume among the last 50 bars'.", _VOLUME),
)

OSCILLATORS: Final[tuple[Feature, ...]] = (
    Feature("rsi_14", "oscillators", "0 to 100", 14, "Relative strength index.", "Wilder (1978), New Concepts"),
    Feature(
        "macd_histogram",
        "oscillators",
        "fraction of price",
        34,
        "MACD (12, 26) less its signal (9), over the price.",
        "Appel (2005), Technical Analysis: Power Tools for Active Investors",
    ),
    Feature("price_vs_sma_50", "oscillators", "fraction", 50, "Price over its mean of 50 bars, less 1.", _AVERAGES),
    Feature("price_vs_sma_200", "oscillators", "fraction", 200, "Price over its mean of 200 bars, less 1.", _AVERAGES),
    Feature(
        "bollinger_b_20",
        "oscillators",
        "0 at the lower to 1 at the upper band",
        20,
        "Price between the Bollinger bands (20 bars, 2 deviations).",
        "Bollinger (2001), Bollinger on Bollinger Bands",
    ),
    Feature("stochastic_14", "oscillators", "0 to 100", 14, "Fast %K of 14 bars.", "Lane (1984), TASC 2(3)"),
    Feature(
        "williams_r_63",
        "oscillators",
        "-100 to 0",
        63,
        "Williams %R of 63 bars.",
        "Williams (1979), How I Made One Million Dollars",
    ),
    Feature("cci_20", "oscillators", "index", 20, "Commodity channel index.", "Lambert (1980), Commodities 9(10)"),
    Feature(
        "natr_14", "oscillators", "percent", 14, "Average true range over the close.", "Wilder (1978), New Concepts"
    ),
    Feature("adx_14", "oscillators", "0 to 100", 28, "Average directional index.", "Wilder (1978), New Concepts"),
    Feature(
        "directional_14",
        "oscillators",
        "-100 to 100",
        14,
        "+DI less -DI: up against down movement.",
        "Wilder (1978), New Concepts",
    ),
    Feature(
        "mfi_14",
        "oscillators",
        "0 to 100",
        14,
        "Money flow index: share of typical price times volume on rising days.",
        "Quong and Soudack (1989), TASC 7(3)",
    ),
    Feature(
        "money_flow_20",
        "oscillators",
        "-1 to 1",
        20,
        "Chaikin money flow: volume weighted by where closes stand in their bars.",
        "Chaikin, after Williams (1979), How I Made One Million Dollars",
    ),
    Feature(
        "vwap_distance_21",
        "oscillators",
        "fraction",
        21,
        "Close over the volume-weighted mean price of 21 bars, less 1.",
        "Berkowitz, Logue and Noser (1988), Journal of Finance 43(1)",
    ),
)
