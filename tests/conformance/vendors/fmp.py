"""Financial Modeling Prep as it answers, at its present addresses and at those of version 3 (under /api)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from tests.conformance.market import CIK, NAME, OTHER, SHIFT, SYMBOL
from tests.conformance.replay import Answer, Asked, Change, Fault, document, rewrite

__all__ = ["CLOSED", "ELSEWHERE", "LIES", "MAIN", "MAIN_V3", "UNDER_V3", "play"]

MAIN: Final = {
    "fundamentals": "/income-statement",
    "ratings": "/grades-historical",
    "profile": "/profile",
    "membership": "/sp500-constituent",
}

UNDER_V3: Final = "/api"

MAIN_V3: Final = {
    "fundamentals": "/v3/income-statement/",
    "ratings": "/v3/analyst-stock-recommendations/",
    "profile": "/v3/profile/",
    "membership": "/v3/sp500_constituent",
}

_YEARS: Final = (("2023", 455_000_000), ("2022", 410_000_000))

_V3: Final = {
    "filingDate": "fillingDate",
    "fiscalYear": "calendarYear",
    "epsDiluted": "epsdiluted",
    "analystRatingsBuy": "analystRatingsbuy",
    "exchangeFullName": "exchange",
    "exchange": "exchangeShortName",
}
"""What version 3 calls a field."""


def play(asked: Asked) -> Answer | None:
    """Answer as the vendor does; what the path holds in front is the provider's business."""
    if "/v3/" in asked.path:
        made = _older(asked.path[asked.path.find("/v3/") :], asked.params)
        return None if made is None else document([{_V3.get(name, name): row[name] for name in row} for row in made])
    made = _present(asked.path.rpartition("/")[2], asked.params)
    return None if made is None else document(made)


def _present(name: str, params: Mapping[str, str]) -> list[dict[str, Any]] | None:
    shared = {
        "sp500-constituent": _members,
        "historical-sp500-constituent": _changes,
        "stock-list": lambda: [{"symbol": one, "companyName": of} for one, of in _LISTED.items()],
    }
    if name in shared:
        return shared[name]()
    return _about(params.get("symbol"), name, params) if "symbol" in params else None


def _older(path: str, params: Mapping[str, str]) -> list[dict[str, Any]] | None:
    shared = {
        "/v3/sp500_constituent": _members,
        "/v3/historical/sp500_constituent": _changes,
        "/v3/stock/list": lambda: [{"symbol": one, "name": of} for one, of in _LISTED.items()],
    }
    if path in shared:
        return shared[path]()
    name, _, symbol = path.removeprefix("/v3/").partition("/")
    name = {"analyst-stock-recommendations": "grades-historical"}.get(name, name)
    made = _about(symbol, name, params)
    if made is None:
        return None
    # Version 3 alone links the filing.
    return [row | {"link": "https://www.sec.gov/invented"} if "fiscalYear" in row else row for row in made]


_LISTED: Final = {SYMBOL: NAME, OTHER: "Other Works"}


def _about(symbol: str | None, name: str, params: Mapping[str, str]) -> list[dict[str, Any]] | None:
    """Return a document about a ticker; of one that is not known, and of quarters, there is nothing."""
    statements = {
        "income-statement": lambda: _statements(_income),
        "balance-sheet-statement": lambda: _statements(_balance),
        "cash-flow-statement": lambda: _statements(_cash),
    }
    made = statements | {"grades-historical": _ratings, "profile": _profile}
    if name not in made:
        return None
    quarterly = name in statements and params.get("period") == "quarter"
    return [] if symbol != SYMBOL or quarterly else made[name]()


def _statements(figures: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "date": f"{year}-12-31",
            "symbol": SYMBOL,
            "reportedCurrency": "USD",
            "cik": f"{CIK:010d}",
            "filingDate": f"{int(year) + 1}-02-23",
            "acceptedDate": f"{int(year) + 1}-02-22 18:12:05",
            "fiscalYear": year,
            "period": "FY",
            **figures(revenue),
        }
        for year, revenue in _YEARS
    ]


def _income(revenue: int) -> dict[str, Any]:
    return {
        "revenue": revenue,
        "grossProfit": revenue // 2,
        "depreciationAndAmortization": revenue // 40,
        "interestExpense": revenue // 90,
        "operatingIncome": revenue // 5,
        "netIncome": revenue // 10,
        "eps": 0.51,
        "epsDiluted": 0.5,
        "weightedAverageShsOut": 90_000_000,
    }


def _balance(revenue: int) -> dict[str, Any]:
    return {
        "cashAndCashEquivalents": revenue // 3,
        "netReceivables": revenue // 8,
        "inventory": revenue // 9,
        "totalCurrentAssets": revenue,
        "goodwill": 0,
        "intangibleAssets": 0,
        "totalAssets": 2 * revenue,
        "shortTermDebt": revenue // 20,
        "totalCurrentLiabilities": revenue // 2,
        "longTermDebt": revenue // 4,
        "totalLiabilities": revenue,
        "totalStockholdersEquity": revenue,
        "totalEquity": revenue,
    }


def _cash(revenue: int) -> dict[str, Any]:
    return {
        "netCashProvidedByOperatingActivities": revenue // 6,
        "operatingCashFlow": revenue // 6,
        "capitalExpenditure": -(revenue // 15),
    }


def _ratings() -> list[dict[str, Any]]:
    counts = {"Buy": 9, "Hold": 6, "Sell": 1, "StrongSell": 0, "StrongBuy": 4}
    return [
        {"symbol": SYMBOL, "date": day, **{f"analystRatings{name}": count for name, count in counts.items()}}
        for day in ("2024-06-01", "2024-05-01")
    ]


def _profile() -> list[dict[str, Any]]:
    row = {"symbol": SYMBOL, "companyName": NAME, "currency": "USD", "cik": f"{CIK:010d}"}
    row |= {"exchangeFullName": "NASDAQ Global Select", "exchange": "NASDAQ"}
    return [row | {"sector": "Technology", "industry": "Scientific & Technical Instruments"}]


def _members() -> list[dict[str, Any]]:
    about = {
        "sector": "Technology",
        "subSector": "Instruments",
        "headQuarter": "Exampleton",
        "cik": "1",
        "founded": "1987",
    }
    first = {"symbol": SYMBOL, "name": NAME, "dateFirstAdded": "2019-03-18"}
    return [first | about, {"symbol": OTHER, "name": "Other Works", "dateFirstAdded": "2011-06-01"} | about]


def _changes() -> list[dict[str, Any]]:
    return [
        {
            "dateAdded": "March 18, 2019",
            "addedSecurity": NAME,
            "removedTicker": "QXW",
            "removedSecurity": "Older Works",
            "date": "2019-03-18",
            "symbol": SYMBOL,
            "reason": "Market capitalization change.",
        },
        {
            "dateAdded": "June 1, 2011",
            "addedSecurity": "Other Works",
            "removedTicker": "",
            "removedSecurity": "",
            "date": "2011-06-01",
            "symbol": OTHER,
            "reason": "",
        },
    ]


def _fixed(body: Any) -> Change:
    return lambda _healthy: document(body)


def _first(**change: Any) -> Change:
    return rewrite(lambda rows: [rows[0] | change, *rows[1:]])


def _all(**change: Any) -> Change:
    return rewrite(lambda rows: [row | change for row in rows])


def _shifted(by: timedelta) -> Change:
    def moved(text: str) -> str:
        return f"{datetime.fromisoformat(text) + by:%Y-%m-%d %H:%M:%S}"

    return rewrite(lambda rows: [row | {"acceptedDate": moved(row["acceptedDate"])} for row in rows])


_LIMIT: Final = _fixed({"Error Message": "Limit Reach . Please upgrade your plan or visit our documentation"})
_KEY: Final = _fixed(
    {"Error Message": "Invalid API KEY. Feel free to create a Free API Key or visit the documentation"}
)

CLOSED: Final = Fault(
    lambda _healthy: replace(
        document(
            {
                "Error Message": "Legacy Endpoint : Due to Legacy endpoints being no longer supported - This "
                "endpoint is only available for legacy users who have valid subscriptions prior August 31, 2025."
            }
        ),
        status=403,
    ),
    "/v3/",
)
"""What version 3 answers to a key that was made later."""

LIES: Final[Mapping[tuple[str, str], Change]] = {
    ("fundamentals", "empty"): _fixed([]),
    ("fundamentals", "other_subject"): _all(symbol=OTHER),
    ("fundamentals", "missing"): rewrite(lambda rows: rows[1:]),
    ("fundamentals", "nan_text"): _first(revenue="NaN"),
    ("fundamentals", "nan_token"): _first(revenue=float("nan")),
    ("fundamentals", "other_currency"): _all(reportedCurrency="EUR"),
    ("fundamentals", "shifted"): _shifted(SHIFT),
    ("fundamentals", "shifted_back"): _shifted(-SHIFT),
    ("ratings", "empty"): _fixed([]),
    ("ratings", "other_subject"): _all(symbol=OTHER),
    ("ratings", "missing"): rewrite(lambda rows: rows[1:]),
    ("ratings", "nan_text"): _first(analystRatingsHold="NaN"),
    ("ratings", "nan_token"): _first(analystRatingsHold=float("nan")),
    ("profile", "empty"): _fixed([]),
    ("profile", "other_subject"): _all(symbol=OTHER),
    ("membership", "empty"): _fixed([]),
    ("membership", "missing"): rewrite(lambda rows: rows[1:]),
    **{(kind, "throttled_in_words"): _LIMIT for kind in MAIN},
    **{(kind, "denied_in_words"): _KEY for kind in MAIN},
}
"""(Kind the offer is named by, fault) to what the fault makes of its document."""

ELSEWHERE: Final = dict.fromkeys((("fundamentals", "empty"), ("fundamentals", "other_currency")), "-statement")
"""Where the fault sits in other documents than the one that holds the facts."""
