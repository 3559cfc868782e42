"""Yahoo as it answers: chart, quoteSummary, search, and the cookie and crumb that it wants first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
from tests.conformance.market import (
    DIVIDEND,
    LOST,
    NAME,
    NOW,
    OTHER,
    SHIFT,
    SPLIT,
    SYMBOL,
    UNDIVIDED,
    Bar,
    bars,
)
from tests.conformance.replay import Answer, Asked, Change, document, rewrite

__all__ = ["LIES", "MAIN", "chart", "play"]

MAIN: Final = {"bars": "/v8/finance/chart", "profile": "/v10/finance/quoteSummary", "texts": "/v1/finance/search"}
"""Kind that an offer is named by to the path of the document that holds its facts."""

_ZONE: Final = ZoneInfo("America/New_York")


def play(asked: Asked) -> Answer | None:
    """Answer as Yahoo does; whatever is not a document is taken for the page that sets the cookie."""
    if asked.path.endswith("/getcrumb"):
        return Answer(b"cRuMb.123", headers={"Content-Type": "text/plain"})
    if asked.path.startswith(MAIN["bars"]):
        return document(chart(_asked_days(asked))) if asked.path.endswith(f"/{SYMBOL}") else _unknown("chart")
    if asked.path.startswith(MAIN["profile"]):
        return document(summary()) if asked.path.endswith(f"/{SYMBOL}") else _unknown("quoteSummary")
    if asked.path.startswith(MAIN["texts"]):
        return document(news())
    if asked.path.startswith(("/v8", "/v10", "/v1", "/v7")):
        return None
    return Answer(b"", status=404, headers={"Set-Cookie": "A3=d=invented; Path=/; Max-Age=31536000"})


def chart(days: tuple[Bar, ...] | None = None) -> dict[str, Any]:
    """Return a chart answer: prices and volumes on today's share basis, in float32 as Yahoo sends them."""
    shown = bars() if days is None else days
    basis = [SPLIT[1] if bar.day < SPLIT[0] else 1 for bar in shown]
    prices = {
        name: [_float32(getattr(bar, name) / by) for bar, by in zip(shown, basis, strict=True)]
        for name in ("open", "high", "low", "close")
    }
    volume = [bar.volume * by for bar, by in zip(shown, basis, strict=True)]
    dividend, split = _opening(DIVIDEND[0]), _opening(SPLIT[0])
    result: dict[str, Any] = {
        "meta": _meta(),
        "timestamp": [_opening(bar.day) for bar in shown],
        "events": {
            "dividends": {str(dividend): {"amount": DIVIDEND[1] / SPLIT[1], "date": dividend}},
            "splits": {
                str(split): {"date": split, "numerator": SPLIT[1], "denominator": 1, "splitRatio": f"{SPLIT[1]}:1"}
            },
        },
        "indicators": {"quote": [{**prices, "volume": volume}], "adjclose": [{"adjclose": prices["close"]}]},
    }
    return {"chart": {"result": [result], "error": None}}


def summary() -> dict[str, Any]:
    """Return the modules that profile and ratings are read from."""
    months = [{"period": "0m", "strongBuy": 4, "buy": 9, "hold": 6, "sell": 1, "strongSell": 0}]
    months.append({"period": "-1m", "strongBuy": 3, "buy": 9, "hold": 7, "sell": 1, "strongSell": 0})
    result = {
        "assetProfile": {"sector": "Technology", "industry": "Scientific & Technical Instruments"},
        "price": {"symbol": SYMBOL, "longName": NAME, "exchange": "NMS", "exchangeName": "NasdaqGS", "currency": "USD"},
        "recommendationTrend": {"trend": months, "maxAge": 86400},
        "financialData": {"targetMeanPrice": {"raw": 47.5, "fmt": "47.50"}, "financialCurrency": "USD"},
    }
    return {"quoteSummary": {"result": [result], "error": None}}


def news() -> dict[str, Any]:
    """Return two headlines about the company."""
    moment = int(NOW.timestamp())
    stories = [
        {
            "uuid": f"invented-{i}",
            "title": f"{NAME} opens hall {i}",
            "publisher": "Invented Wire",
            "link": f"https://news.example/quarry-{i}",
            "providerPublishTime": moment - 90_000 * i,
            "type": "STORY",
            "relatedTickers": [SYMBOL],
        }
        for i in (1, 2)
    ]
    return {"explains": [], "count": 2, "quotes": [], "news": stories}


def _meta() -> dict[str, Any]:
    return {
        "currency": "USD",
        "symbol": SYMBOL,
        "exchangeName": "NMS",
        "instrumentType": "EQUITY",
        "regularMarketTime": int(NOW.timestamp()),
        "gmtoffset": -14400,
        "timezone": "EDT",
        "exchangeTimezoneName": "America/New_York",
        "dataGranularity": "1d",
    }


def _asked_days(asked: Asked) -> tuple[Bar, ...]:
    first, last = (int(float(asked.params[name])) for name in ("period1", "period2"))
    return tuple(bar for bar in bars() if first <= _opening(bar.day) < last)


def _opening(day: date) -> int:
    return int(datetime.combine(day, time(9, 30), _ZONE).timestamp())


def _float32(price: float) -> float:
    return float(np.float32(price))


def _unknown(root: str) -> Answer:
    error = {"code": "Not Found", "description": "No data found, symbol may be delisted"}
    return replace(document({root: {"result": None, "error": error}}), status=404)


def _result(body: Any) -> Any:
    return body["chart"]["result"][0]


def _at(result: Any, day: date) -> int:
    return int(result["timestamp"].index(_opening(day)))


def _empty_chart(body: Any) -> Any:
    result = {"meta": _result(body)["meta"], "indicators": {"quote": [{}], "adjclose": [{}]}}
    return {"chart": {"result": [result], "error": None}}


def _other_chart(body: Any) -> Any:
    _result(body)["meta"]["symbol"] = OTHER
    return body


def _lost_session(body: Any) -> Any:
    result = _result(body)
    at = _at(result, LOST)
    columns = [*result["indicators"]["quote"][0].values(), result["indicators"]["adjclose"][0]["adjclose"]]
    for values in (result["timestamp"], *columns):
        del values[at]
    return body


def _undivided(days: Sequence[date]) -> Change:
    def changed(body: Any) -> Any:
        result = _result(body)
        quote = result["indicators"]["quote"][0]
        for at in (_at(result, day) for day in days):
            for name in ("open", "high", "low", "close"):
                quote[name][at] *= SPLIT[1]
            quote["volume"][at] //= SPLIT[1]
        return body

    return rewrite(changed)


def _invented_split(ratio: int) -> Change:
    def changed(body: Any) -> Any:
        on = _opening(LOST)
        split = {"date": on, "numerator": ratio, "denominator": 1, "splitRatio": f"{ratio}:1"}
        _result(body)["events"]["splits"][str(on)] = split
        return body

    return rewrite(changed)


def _absurd_dividend(body: Any) -> Any:
    for dividend in _result(body)["events"]["dividends"].values():
        dividend["amount"] *= 1000
    return body


def _spike(body: Any) -> Any:
    result = _result(body)
    result["indicators"]["quote"][0]["high"][_at(result, LOST)] *= 10
    return body


def _other_currency(body: Any) -> Any:
    _result(body)["meta"]["currency"] = "GBp"
    return body


def _figure(value: Any) -> Change:
    def changed(body: Any) -> Any:
        result = _result(body)
        result["indicators"]["quote"][0]["close"][_at(result, LOST)] = value
        return body

    return rewrite(changed)


def _shifted(by: timedelta) -> Change:
    def changed(body: Any) -> Any:
        result = _result(body)
        result["timestamp"] = [moment + int(by.total_seconds()) for moment in result["timestamp"]]
        return body

    return rewrite(changed)


def _summary(**change: Any) -> Change:
    """Change one field of one module: ``price__symbol="X"``."""

    def changed(body: Any) -> Any:
        for place, value in change.items():
            module, name = place.split("__")
            body["quoteSummary"]["result"][0][module][name] = value
        return body

    return rewrite(changed)


def _trend(value: Any) -> Change:
    def changed(body: Any) -> Any:
        body["quoteSummary"]["result"][0]["recommendationTrend"]["trend"][0]["buy"] = value
        return body

    return rewrite(changed)


def _other_news(body: Any) -> Any:
    return body | {"news": [story | {"relatedTickers": [OTHER]} for story in body["news"]]}


def _fixed(body: Any) -> Change:
    return lambda _healthy: document(body)


LIES: Final[Mapping[tuple[str, str], Change]] = {
    ("bars", "empty"): rewrite(_empty_chart),
    ("bars", "other_subject"): rewrite(_other_chart),
    ("bars", "missing"): rewrite(_lost_session),
    ("bars", "undivided"): _undivided(UNDIVIDED),
    ("bars", "nan_text"): _figure("NaN"),
    ("bars", "nan_token"): _figure(float("nan")),
    ("bars", "divided_nowhere"): _undivided([bar.day for bar in bars() if bar.day < SPLIT[0]]),
    ("bars", "invented_split"): _invented_split(2),
    ("bars", "absurd_split"): _invented_split(1000),
    ("bars", "absurd_dividend"): rewrite(_absurd_dividend),
    ("bars", "spike"): rewrite(_spike),
    ("bars", "other_currency"): rewrite(_other_currency),
    ("bars", "shifted"): _shifted(SHIFT),
    ("bars", "shifted_back"): _shifted(-SHIFT),
    ("profile", "empty"): _fixed({"quoteSummary": {"result": [], "error": None}}),
    ("profile", "other_subject"): _summary(price__symbol=OTHER),
    ("profile", "nan_text"): _trend("NaN"),
    ("profile", "nan_token"): _trend(float("nan")),
    ("texts", "other_subject"): rewrite(_other_news),
    ("texts", "empty"): _fixed({"explains": [], "count": 0, "quotes": [], "news": []}),
}
"""(Kind the offer is named by, fault) to what the fault makes of its document."""
