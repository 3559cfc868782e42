"""Read Yahoo's quoteSummary document: name and sector of a company, and what analysts say of it."""

from __future__ import annotations

from typing import Any, Final

import polars as pl

from vfr.adapters.providers.live.reading import figure, listing, record, words
from vfr.adapters.providers.live.sectors import gics_name
from vfr.adapters.providers.live.yahoo_answer import only_result
from vfr.data.bitemporal.tables import TABLES, conform, empty
from vfr.data.provider import Batch, Order
from vfr.errors import BadAnswer

__all__ = ["MODULES", "read_summary"]

MODULES: Final = ("assetProfile", "price", "recommendationTrend", "financialData")
"""The parts of the document that are asked for."""

_COUNTS: Final = {
    "strongBuy": "strong_buy",
    "buy": "buy",
    "hold": "hold",
    "sell": "sell",
    "strongSell": "strong_sell",
}

_THIS_MONTH: Final = "0m"


def read_summary(document: Any, order: Order, ticker: str) -> tuple[Batch, Batch]:
    """Return the profile and the ratings of a quoteSummary document, both known from the moment of asking.

    Parameters
    ----------
    document : object
        As parsed.
    order : Order
        What was asked.
    ticker : str
        The symbol as Yahoo spells it.

    Returns
    -------
    tuple of Batch
        Without rows for what Yahoo leaves out: a fund has no analysts.

    Raises
    ------
    UnknownAtSource
        If Yahoo says that it does not find the symbol.
    BadAnswer
        If the document is about another symbol, or a count or the target is no number.
    """
    where = f"yahoo, {order.subject}"
    result = only_result(document, "quoteSummary", order.subject)
    parts = {name: record((result or {}).get(name) or {}, f"{where}: {name}") for name in MODULES}
    if result is not None:
        told = words(parts["price"].get("symbol"), f"{where}: symbol")
        if told != ticker:
            raise BadAnswer(f"yahoo answered about {ascii(told)[:24]} when asked about {ticker}")
    return (
        Batch("profile", order.subject, _profile(parts, order, where), order.since),
        Batch("ratings", order.subject, _ratings(parts, order, where), order.since),
    )


def _profile(parts: dict[str, dict[str, Any]], order: Order, where: str) -> pl.DataFrame:
    price, about = parts["price"], parts["assetProfile"]
    sector = words(about.get("sector"), f"{where}: sector")
    told = {
        "name": words(price.get("longName"), f"{where}: longName") or words(price.get("shortName"), f"{where}: name"),
        "sector": gics_name(sector) if sector else None,
        "sub_industry": words(about.get("industry"), f"{where}: industry"),
        "exchange": words(price.get("exchangeName"), f"{where}: exchangeName"),
        "currency": words(price.get("currency"), f"{where}: currency"),
    }
    known = {field: text for field, text in told.items() if text}
    if not known:
        return empty("profile")
    return _stamped("profile", {"field": list(known), "text": list(known.values())}, order)


def _ratings(parts: dict[str, dict[str, Any]], order: Order, where: str) -> pl.DataFrame:
    told: dict[str, float | None] = {}
    for one in listing(parts["recommendationTrend"].get("trend") or [], f"{where}: trend"):
        month = record(one, f"{where}: trend")
        if month.get("period") == _THIS_MONTH:
            told = {measure: _count(month.get(name), f"{where}: {name}") for name, measure in _COUNTS.items()}
    target = _plain(parts["financialData"].get("targetMeanPrice"), f"{where}: targetMeanPrice")
    # The target is in the currency of the price; financialCurrency is that of the statements.
    if parts["price"].get("currency") == "USD":
        told["target_mean"] = target
    known = {measure: value for measure, value in told.items() if value is not None}
    if not known:
        return empty("ratings")
    rows: dict[str, list[Any]] = {
        "measure": list(known),
        "value": list(known.values()),
        "date": [order.now.date()] * len(known),
    }
    return _stamped("ratings", rows, order)


def _plain(value: Any, where: str) -> float | None:
    """Return a number sent as it is or as ``{"raw": 1.5, "fmt": "1.50"}``; Yahoo does both."""
    return figure(value.get("raw") if isinstance(value, dict) else value, where)


def _count(value: Any, where: str) -> float | None:
    count = _plain(value, where)
    if count is not None and (count < 0 or not count.is_integer()):
        raise BadAnswer(f"{where} is no count of analysts")
    return count


def _stamped(kind: Any, rows: dict[str, list[Any]], order: Order) -> pl.DataFrame:
    schema = {name: dtype for name, dtype in TABLES[kind].columns.items() if name in rows}
    frame = pl.DataFrame(rows, schema_overrides=schema).with_columns(
        symbol=pl.lit(order.subject), source=pl.lit("yahoo"), known_at=pl.lit(order.now)
    )
    return conform(kind, frame)
