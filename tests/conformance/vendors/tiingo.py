"""Tiingo as it documents itself: bars as traded with their dividend and split, and the name of a ticker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from tests.conformance.market import DIVIDEND, LOST, NAME, OTHER, SHIFT, SPLIT, SYMBOL, UNDIVIDED, Bar, bars
from tests.conformance.replay import Answer, Asked, Change, document, rewrite

__all__ = ["LIES", "MAIN", "play", "prices"]

MAIN: Final = {"bars": f"/tiingo/daily/{SYMBOL}/prices", "profile": f"/tiingo/daily/{SYMBOL}"}

_PRICES: Final = ("open", "high", "low", "close")
_NO_TICKER: Final = {"detail": "Error: Ticker not found"}


def play(asked: Asked) -> Answer | None:
    """Answer as Tiingo does."""
    if asked.path == MAIN["bars"]:
        first = date.fromisoformat(asked.params["startDate"])
        last = date.fromisoformat(asked.params.get("endDate", "9999-12-31"))
        return document([row for row in prices() if first.isoformat() <= row["date"][:10] <= last.isoformat()])
    if asked.path == MAIN["profile"]:
        return document(
            {
                "ticker": SYMBOL,
                "name": NAME,
                "exchangeCode": "NASDAQ",
                "description": "Invented.",
                "startDate": "2010-01-04",
                "endDate": "2024-07-03",
            }
        )
    return replace(document(_NO_TICKER), status=404)


def prices() -> list[dict[str, Any]]:
    """Return every bar with the split factor and dividend of its day, and the vendor's adjusted columns."""
    return [_row(bar) for bar in bars()]


def _row(bar: Bar) -> dict[str, Any]:
    by = SPLIT[1] if bar.day < SPLIT[0] else 1
    raw = {name: getattr(bar, name) for name in _PRICES}
    return {
        "date": f"{bar.day}T00:00:00.000Z",
        **raw,
        "volume": bar.volume,
        **{f"adj{name.title()}": value / by for name, value in raw.items()},
        "adjVolume": bar.volume * by,
        "divCash": DIVIDEND[1] if bar.day == DIVIDEND[0] else 0.0,
        "splitFactor": float(SPLIT[1]) if bar.day == SPLIT[0] else 1.0,
    }


def _undivided(rows: Any) -> Any:
    days = {day.isoformat() for day in UNDIVIDED}
    return [row | {name: row[name] / SPLIT[1] for name in _PRICES} if row["date"][:10] in days else row for row in rows]


def _figure(value: Any) -> Change:
    return _on(LOST, lambda _row: {"close": value})


def _shifted(by: timedelta) -> Change:
    def moved(text: str) -> str:
        return f"{datetime.fromisoformat(text) + by:%Y-%m-%dT%H:%M:%S.000Z}"

    return rewrite(lambda rows: [row | {"date": moved(row["date"])} for row in rows])


def _divided_nowhere(rows: Any) -> Any:
    return [
        row | {name: row[name] * SPLIT[1] for name in _PRICES} if row["date"][:10] >= str(SPLIT[0]) else row
        for row in rows
    ]


def _on(day: date, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Change the row of one day."""
    return rewrite(lambda rows: [row | change(row) if row["date"][:10] == day.isoformat() else row for row in rows])


def _another_company(rows: Any) -> Any:
    """Return prices that move by themselves, on another level."""
    return [
        row | {name: round(row[name] * (0.7 + 0.02 * (i % 7)), 2) for name in _PRICES} for i, row in enumerate(rows)
    ]


def _fixed(body: Any) -> Change:
    return lambda _healthy: document(body)


def _over(_healthy: Answer) -> Answer:
    text = "Error: You have run over your hourly request allocation. Then try again, or upgrade your plan."
    return Answer(text.encode(), headers={"Content-Type": "text/plain"})


LIES: Final[Mapping[tuple[str, str], Change]] = {
    ("bars", "empty"): _fixed([]),
    ("bars", "missing"): rewrite(lambda rows: [row for row in rows if row["date"][:10] != LOST.isoformat()]),
    ("bars", "undivided"): rewrite(_undivided),
    ("bars", "nan_text"): _figure("NaN"),
    ("bars", "nan_token"): _figure(float("nan")),
    ("bars", "divided_nowhere"): rewrite(_divided_nowhere),
    ("bars", "invented_split"): _on(LOST, lambda _row: {"splitFactor": 2.0}),
    ("bars", "absurd_split"): _on(LOST, lambda _row: {"splitFactor": 1000.0}),
    ("bars", "absurd_dividend"): _on(DIVIDEND[0], lambda _row: {"divCash": 850.0}),
    ("bars", "spike"): _on(LOST, lambda row: {"high": row["close"] * 10}),
    ("bars", "other_subject"): rewrite(_another_company),
    ("bars", "shifted"): _shifted(SHIFT),
    ("bars", "shifted_back"): _shifted(-SHIFT),
    ("bars", "unknown_in_words"): _fixed(_NO_TICKER),
    ("bars", "throttled_in_words"): _over,
    ("profile", "other_subject"): rewrite(lambda body: body | {"ticker": OTHER}),
    ("profile", "empty"): _fixed({}),
    ("profile", "unknown_in_words"): _fixed(_NO_TICKER),
    ("profile", "throttled_in_words"): _over,
}
"""(Kind the offer is named by, fault) to what the fault makes of its document."""
