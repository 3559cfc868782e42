"""The ratios behind the fundamental factor: one table, and the functions that compute them from a statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr.data.records import Fundamentals
from vfr.factors.statements import item, take
from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = ["RATIOS", "Ratio", "Statement"]


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """The statement of each symbol on each session: rows of `source`, -1 where there is none.

    `latest` and `before` (a year earlier) are [R x N]; `market_cap` [R x N] is in USD, NaN where unknown.
    """

    source: Fundamentals
    latest: IntArray
    before: IntArray
    market_cap: FloatArray

    def now(self, name: str) -> FloatArray:
        """Return an item of the latest statement, [R x N]."""
        return take(item(self.source, name), self.latest)

    def a_year_ago(self, name: str) -> FloatArray:
        """Return an item of the statement a year earlier, [R x N]."""
        return take(item(self.source, name), self.before)


_Pair: TypeAlias = tuple[FloatArray, BoolArray]


def _ratio(numerator: FloatArray, denominator: FloatArray) -> _Pair:
    """Divide; a denominator that is not positive gives NaN. Also tell where an item was missing."""
    missing = np.isnan(numerator) | np.isnan(denominator)
    positive = np.where(denominator > 0, denominator, np.nan)
    return numerator / positive, missing


def _yield(name: str) -> Callable[[Statement], _Pair]:
    """Return the function item / market value; an unknown market value is UNUSABLE, not a missing item."""

    def value(s: Statement) -> _Pair:
        figure = s.now(name)
        return figure / s.market_cap, np.isnan(figure)

    return value


def _over(numerator: str, denominator: str) -> Callable[[Statement], _Pair]:
    """Return the function item / item of the latest statement."""
    return lambda s: _ratio(s.now(numerator), s.now(denominator))


def _ebitda_to_ev(s: Statement) -> _Pair:
    operating, ebit = s.now("operating_income"), s.now("ebit")
    ebitda = np.where(np.isnan(operating), ebit, operating) + s.now("depreciation")
    net_debt = s.now("long_term_debt") + s.now("short_term_debt") - s.now("cash")
    value, _ = _ratio(ebitda, s.market_cap + net_debt)
    return value, np.isnan(ebitda) | np.isnan(net_debt)


def _leverage(s: Statement) -> _Pair:
    return _ratio(s.now("long_term_debt") + s.now("short_term_debt"), s.now("total_assets"))


def _accruals(s: Statement) -> _Pair:
    return _ratio(s.now("net_income") - s.now("cfo"), s.now("total_assets"))


def _revenue_growth(s: Statement) -> _Pair:
    value, missing = _ratio(s.now("revenue"), s.a_year_ago("revenue"))
    return value - 1.0, missing


def _earnings_growth(s: Statement) -> _Pair:
    return _ratio(s.now("net_income") - s.a_year_ago("net_income"), s.a_year_ago("total_assets"))


@dataclass(frozen=True, slots=True)
class Ratio:
    """One row of the table; `value` returns the ratio [R x N] and where an item it needs is missing."""

    name: str
    weight: float
    unit: str
    value: Callable[[Statement], _Pair]
    description: str
    source: str
    low_is_good: bool = False
    skip_financials: bool = False


RATIOS: Final[tuple[Ratio, ...]] = (
    Ratio(
        "value.earnings_yield",
        0.10,
        "net income per USD of market value",
        _yield("net_income"),
        "Net income / market value; percentile within the sector, high is good, a loss ranks low.",
        "Basu (1977), Journal of Finance 32(3)",
    ),
    Ratio(
        "value.book_to_price",
        0.10,
        "book equity per USD of market value",
        _yield("total_equity"),
        "Book equity / market value; percentile within the sector, high is good, negative equity ranks low.",
        "Fama and French (1992), Journal of Finance 47(2)",
    ),
    Ratio(
        "value.sales_to_price",
        0.10,
        "revenue per USD of market value",
        _yield("revenue"),
        "Revenue / market value; percentile within the sector, high is good.",
        "Barbee, Mukherji and Raines (1996), Financial Analysts Journal 52(2)",
    ),
    Ratio(
        "value.ebitda_to_ev",
        0.10,
        "EBITDA per USD of enterprise value",
        _ebitda_to_ev,
        "(Operating income, else EBIT, + depreciation) / (market value + debt - cash); percentile within the sector, "
        "high is good.",
        "Loughran and Wellman (2011), Journal of Financial and Quantitative Analysis 46(6)",
        skip_financials=True,
    ),
    Ratio(
        "quality.return_on_equity",
        0.05,
        "fraction per year",
        _over("net_income", "total_equity"),
        "Net income / book equity; percentile within the sector, high is good; unusable where equity is not positive.",
        "Hou, Xue and Zhang (2015), Review of Financial Studies 28(3)",
    ),
    Ratio(
        "quality.gross_profitability",
        0.05,
        "fraction per year",
        _over("gross_profit", "total_assets"),
        "Gross profit / total assets; percentile within the sector, high is good.",
        "Novy-Marx (2013), Journal of Financial Economics 108(1)",
        skip_financials=True,
    ),
    Ratio(
        "quality.operating_margin",
        0.05,
        "fraction of revenue",
        _over("operating_income", "revenue"),
        "Operating income / revenue; percentile within the sector, high is good.",
        "Soliman (2008), The Accounting Review 83(3)",
        skip_financials=True,
    ),
    Ratio(
        "quality.net_margin",
        0.05,
        "fraction of revenue",
        _over("net_income", "revenue"),
        "Net income / revenue; percentile within the sector, high is good.",
        "Soliman (2008), The Accounting Review 83(3)",
    ),
    Ratio(
        "quality.leverage",
        0.05,
        "fraction of total assets",
        _leverage,
        "(Long-term + short-term debt) / total assets; percentile within the sector, low is good.",
        "Asness, Frazzini and Pedersen (2019), Review of Accounting Studies 24(1)",
        low_is_good=True,
        skip_financials=True,
    ),
    Ratio(
        "quality.current_ratio",
        0.05,
        "current assets per USD of current liabilities",
        _over("current_assets", "current_liabilities"),
        "Current assets / current liabilities; percentile within the sector, high is good.",
        "Piotroski (2000), Journal of Accounting Research 38",
        skip_financials=True,
    ),
    Ratio(
        "quality.accruals",
        0.05,
        "fraction of total assets",
        _accruals,
        "(Net income - operating cash flow) / total assets at the period's end; percentile within the sector, low is "
        "good: earnings that came in as cash last longer.",
        "Sloan (1996), The Accounting Review 71(3); cash-flow form of Hribar and Collins (2002)",
        low_is_good=True,
        skip_financials=True,
    ),
    Ratio(
        "growth.revenue",
        0.125,
        "fraction per year",
        _revenue_growth,
        "Revenue / revenue of the statement a year before - 1; percentile within the sector, high is good.",
        "Chan, Karceski and Lakonishok (2003), Journal of Finance 58(2)",
    ),
    Ratio(
        "growth.earnings",
        0.125,
        "fraction of total assets",
        _earnings_growth,
        "Change in net income over a year / total assets a year before, so that it means something for a loss-maker "
        "too; percentile within the sector, high is good.",
        "Piotroski (2000), Journal of Accounting Research 38",
    ),
)
"""Value 0.40, quality 0.35, growth 0.25: equal weights within each."""
