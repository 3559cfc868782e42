"""Documents as Financial Modeling Prep writes them today, about invented companies; `in_v3` spells them as before."""

from __future__ import annotations

from typing import Any

SYMBOL = "QXZ"
KEY = "fmp-s3cret"

LIMIT = {"Error Message": "Limit Reach . Please upgrade your plan or visit our documentation for more details"}
BAD_KEY = {"Error Message": f"Invalid API KEY. Feel free to create a Free API Key {KEY}"}
PLAN = {"Error Message": "Exclusive Endpoint : This endpoint is not available under your current subscription"}
CLOSED = {
    "Error Message": "Legacy Endpoint : Due to Legacy endpoints being no longer supported - This endpoint is only "
    "available for legacy users who have valid subscriptions prior August 31, 2025. Please visit our "
    "subscription page to upgrade your plan"
}

V3 = {
    "filingDate": "fillingDate",
    "fiscalYear": "calendarYear",
    "epsDiluted": "epsdiluted",
    "analystRatingsBuy": "analystRatingsbuy",
    "exchangeFullName": "exchange",
    "exchange": "exchangeShortName",
}


def in_v3(document: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{V3.get(name, name): value for name, value in row.items()} for row in document]


def linked(row: dict[str, Any]) -> dict[str, Any]:
    """Add the filing, which only version 3 names."""
    year = int(row["date"][:4]) + 1
    return row | {
        "link": f"https://www.sec.gov/Archives/edgar/data/9900017/x/0009900017-{year % 100:02d}-000009-index.htm"
    }


def statement(year: int, **figures: Any) -> dict[str, Any]:
    head = {
        "date": f"{year}-12-31",
        "symbol": SYMBOL,
        "reportedCurrency": "USD",
        "cik": "0009900017",
        "filingDate": f"{year + 1}-02-23",
        "acceptedDate": f"{year + 1}-02-22 18:12:05",
        "fiscalYear": str(year),
        "period": "FY",
    }
    return head | figures


def recommendation(day: str, **counts: Any) -> dict[str, Any]:
    told = {"StrongBuy": 4, "Buy": 9, "Hold": 6, "Sell": 1, "StrongSell": 0} | counts
    return {"symbol": SYMBOL, "date": day} | {f"analystRatings{name}": count for name, count in told.items()}


def profile(**change: Any) -> dict[str, Any]:
    told = {
        "symbol": SYMBOL,
        "companyName": "Quarry Cross Instruments",
        "sector": "Technology",
        "industry": "Scientific & Technical Instruments",
        "exchangeFullName": "NASDAQ Global Select",
        "exchange": "NASDAQ",
        "currency": "USD",
    }
    return told | change


def member(symbol: str, first: str | None) -> dict[str, Any]:
    return {"symbol": symbol, "name": symbol, "sector": "Technology", "dateFirstAdded": first, "cik": "1"}


def change(day: str, joined: str = "", left: str = "") -> dict[str, Any]:
    """A swap, or a row about one of the two; a removal repeats its ticker as `symbol`."""
    return {
        "dateAdded": "in words",
        "addedSecurity": f"{joined} Inc." if joined else "",
        "removedTicker": left,
        "removedSecurity": f"{left} Inc." if left else "",
        "date": day,
        "symbol": joined or left,
        "reason": "Market capitalization change.",
    }
