"""Documents as Financial Modeling Prep writes them, about invented companies."""

from __future__ import annotations

from typing import Any

SYMBOL = "QXZ"


def statement(year: int, **figures: Any) -> dict[str, Any]:
    head = {
        "date": f"{year}-12-31",
        "symbol": SYMBOL,
        "reportedCurrency": "USD",
        "cik": "0009900017",
        "fillingDate": f"{year + 1}-02-23",
        "acceptedDate": f"{year + 1}-02-22 18:12:05",
        "calendarYear": str(year),
        "period": "FY",
        "link": f"https://www.sec.gov/Archives/edgar/data/9900017/x/0009900017-{(year + 1) % 100:02d}-000009-index.htm",
    }
    return head | figures


def recommendation(day: str, **counts: Any) -> dict[str, Any]:
    told = {"StrongBuy": 4, "buy": 9, "Hold": 6, "Sell": 1, "StrongSell": 0} | counts
    return {"symbol": SYMBOL, "date": day} | {f"analystRatings{name}": count for name, count in told.items()}


def profile(**change: Any) -> dict[str, Any]:
    told = {
        "symbol": SYMBOL,
        "companyName": "Quarry Cross Instruments",
        "sector": "Technology",
        "industry": "Scientific & Technical Instruments",
        "exchange": "NASDAQ Global Select",
        "exchangeShortName": "NASDAQ",
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
