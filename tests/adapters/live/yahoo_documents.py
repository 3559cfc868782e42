"""Yahoo's documents in the form it sends them, with invented figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

ZONE = ZoneInfo("America/New_York")

Figures = tuple[Any, Any, Any, Any, Any]


def at(day: date, hour: int = 9, minute: int = 30) -> int:
    """Seconds since 1970 of a time of day in New York."""
    return int(datetime.combine(day, time(hour, minute), ZONE).timestamp())


def float32(price: float) -> float:
    """A price as Yahoo sends it."""
    return float(np.float32(price))


def flat(price: float, volume: float = 1000) -> Figures:
    """Open, high, low, close and volume of a session at one price."""
    return price, price, price, price, volume


def chart(
    bars: Mapping[int, Figures],
    splits: Mapping[date, tuple[Any, Any]] | None = None,
    dividends: Mapping[date, Any] | None = None,
    **meta: Any,
) -> dict[str, Any]:
    """A chart of bars by their stamp; splits as (numerator, denominator), dividends on today's share basis."""
    quote = dict(
        zip(("open", "high", "low", "close", "volume"), map(list, zip(*bars.values(), strict=True)), strict=True)
    )
    events: dict[str, Any] = {}
    if splits:
        events["splits"] = {
            str(at(day)): {"date": at(day), "numerator": new, "denominator": old, "splitRatio": f"{new}:{old}"}
            for day, (new, old) in splits.items()
        }
    if dividends:
        events["dividends"] = {str(at(day)): {"amount": paid, "date": at(day)} for day, paid in dividends.items()}
    about = {
        "currency": "USD",
        "symbol": "QXZ",
        "exchangeTimezoneName": "America/New_York",
        "dataGranularity": "1d",
        "regularMarketTime": max(bars),
    }
    result = {
        "meta": about | meta,
        "timestamp": list(bars),
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": list(quote["close"])}]},
    }
    return {"chart": {"result": [result | ({"events": events} if events else {})], "error": None}}


def empty_chart() -> dict[str, Any]:
    """What Yahoo sends for a range without a session."""
    document = chart({0: flat(1.0)})
    result = document["chart"]["result"][0]
    del result["timestamp"]
    result["indicators"] = {"quote": [{}], "adjclose": [{}]}
    return document


def refusal(root: str, code: str, description: str) -> dict[str, Any]:
    """What Yahoo sends where it has no answer."""
    return {root: {"result": None, "error": {"code": code, "description": description}}}


def summary(**modules: Any) -> dict[str, Any]:
    """A quoteSummary; a module given as None is left out."""
    parts = {
        "assetProfile": {"sector": "Technology", "industry": "Scientific & Technical Instruments"},
        "price": {"symbol": "QXZ", "longName": "Quarry Cross", "exchangeName": "NasdaqGS", "currency": "USD"},
        "recommendationTrend": {
            "trend": [
                {"period": "0m", "strongBuy": 4, "buy": 9, "hold": 6, "sell": 1, "strongSell": 0},
                {"period": "-1m", "strongBuy": 1, "buy": 1, "hold": 1, "sell": 1, "strongSell": 1},
            ]
        },
        "financialData": {"targetMeanPrice": 47.5, "financialCurrency": "EUR"},
    } | modules
    return {"quoteSummary": {"result": [{k: v for k, v in parts.items() if v is not None}], "error": None}}


def story(number: int, published: datetime, **change: Any) -> dict[str, Any]:
    """One headline."""
    return {
        "uuid": f"invented-{number}",
        "title": f"Quarry Cross opens hall {number}",
        "link": f"https://news.example/{number}",
        "providerPublishTime": int(published.timestamp()),
        "relatedTickers": ["QXZ"],
    } | change


def search(stories: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A search answer."""
    return {"count": len(stories), "quotes": [], "news": list(stories)}


def utc(*parts: int) -> datetime:
    """A moment in UTC."""
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]
