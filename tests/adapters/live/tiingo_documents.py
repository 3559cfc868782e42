"""Tiingo's documents in the form it documents, with invented figures."""

from __future__ import annotations

from datetime import date
from typing import Any


def bar(day: date, price: float = 10.0, /, **change: Any) -> dict[str, Any]:
    """One row of a price answer."""
    return {
        "date": f"{day}T00:00:00.000Z",
        "open": price,
        "high": price,
        "low": price,
        "close": price,
        "volume": 1000,
        "adjOpen": price / 2,
        "adjHigh": price / 2,
        "adjLow": price / 2,
        "adjClose": price / 2,
        "adjVolume": 2000,
        "divCash": 0.0,
        "splitFactor": 1.0,
    } | change


def about(**change: Any) -> dict[str, Any]:
    """The description of a ticker."""
    return {
        "ticker": "QXZ",
        "name": "Quarry Cross",
        "exchangeCode": "NASDAQ",
        "description": "Invented.",
        "startDate": "2010-01-04",
        "endDate": "2024-06-05",
    } | change
