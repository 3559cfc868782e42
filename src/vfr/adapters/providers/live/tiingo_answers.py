"""Read Tiingo's documents: prices, the description of a ticker, and refusals in words."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time
from typing import Any, Final

import numpy as np
import polars as pl

from vfr.adapters.providers.live.daily import FIGURES, Action, actions_batch, bars_batch
from vfr.adapters.providers.live.reading import figure, listing, record, words
from vfr.data.bitemporal.tables import conform, empty
from vfr.data.provider import Batch, Order
from vfr.errors import BadAnswer, ProviderDenied, ProviderError, Throttled, UnknownAtSource

__all__ = ["over_allocation", "read_about", "read_prices", "refusal"]

_OVER: Final = re.compile(
    r"run over your \w+ (request|bandwidth|symbol)|request allocation|bandwidth allocation", re.IGNORECASE
)

_SATURDAY: Final = 5


def over_allocation(text: str) -> bool:
    """Say whether a text is Tiingo's way to ask for fewer questions.

    Examples
    --------
    >>> over_allocation("Error: You have run over your hourly request allocation.")
    True
    """
    return bool(_OVER.search(text))


def refusal(document: Any, subject: str) -> ProviderError | None:
    """Return the error that a document stands for whose only word is its ``detail``, None if it is no refusal.

    Its own words are never repeated: they may hold the key.

    Parameters
    ----------
    document : object
        As parsed.
    subject : str
        For the message.
    """
    told = document.get("detail") if isinstance(document, dict) else None
    if not isinstance(told, str):
        return None
    if over_allocation(told):
        return Throttled("tiingo asks for fewer questions: the allocation of the key is used up; ask again later")
    said = told.casefold()
    if "not found" in said:
        return UnknownAtSource(f"tiingo does not know {subject}; check its spelling")
    if "token" in said or "credentials" in said or "permission" in said:
        return ProviderDenied("tiingo refuses the key, or its plan does not include what was asked")
    return BadAnswer(f"tiingo, {subject}: it refuses to answer, in words that are not documented")


def read_prices(document: Any, order: Order) -> tuple[Batch, Batch]:
    """Return bars and actions of a price document; its plain columns are as traded and as paid.

    Prices are in USD: every ticker that begins with a letter is one of a United States exchange there.

    Raises
    ------
    BadAnswer
        If a row lacks a column, a figure is no number, or a day is no midnight UTC, on a weekend or repeated.
    """
    where = f"tiingo, {order.subject}"
    columns: dict[str, list[float | None]] = {name: [] for name in FIGURES}
    days: list[date] = []
    actions: list[Action] = []
    for one in listing(document, where):
        row = record(one, where)
        missing = [name for name in (*FIGURES, "divCash", "splitFactor") if name not in row]
        if missing:
            raise BadAnswer(f"{where}: {missing[0]} is missing from a bar")
        days.append(_day(row.get("date"), where))
        for name in FIGURES:
            columns[name].append(figure(row[name], f"{where}: {name}"))
        actions += _actions(row, days[-1], where)
    bars = bars_batch(order, "tiingo", "USD", np.array(days, dtype="datetime64[D]"), columns)
    return bars, actions_batch(order, "tiingo", actions)


def _day(value: Any, where: str) -> date:
    text = words(value, f"{where}: date")
    try:
        at = datetime.fromisoformat(text or "")
    except ValueError:
        raise BadAnswer(f"{where}: {ascii(text)[:40]} is no date") from None
    if at.tzinfo is None or at.astimezone(UTC).time() != time() or at.weekday() >= _SATURDAY:
        raise BadAnswer(
            f"{where}: {ascii(text)[:40]} is no weekday at midnight UTC; its times are in another time zone"
        )
    return at.date()


def _actions(row: dict[str, Any], day: date, where: str) -> list[Action]:
    dividend, split = (figure(row[name], f"{where}: {name}") for name in ("divCash", "splitFactor"))
    if dividend is None or dividend < 0 or split is None or split <= 0:
        raise BadAnswer(f"{where}: dividend or split of {day} is unknown or not positive")
    out = [Action(day, "split", split)] if split != 1 else []
    return [*out, Action(day, "dividend", dividend)] if dividend else out


def read_about(document: Any, order: Order, ticker: str) -> Batch:
    """Return name and exchange of a ticker, known from the moment of asking.

    Raises
    ------
    BadAnswer
        If the document is about another ticker, or a field is no text.
    """
    where = f"tiingo, {order.subject}"
    about = record(document, where)
    told = words(about.get("ticker"), f"{where}: ticker")
    if told is None or told.upper() != ticker:
        raise BadAnswer(f"tiingo answered about {ascii(told)[:24]} when asked about {ticker}")
    fields = {"name": about.get("name"), "exchange": about.get("exchangeCode")}
    known = {field: text for field, value in fields.items() if (text := words(value, f"{where}: {field}"))}
    if not known:
        return Batch("profile", order.subject, empty("profile"), order.since)
    frame = pl.DataFrame({"field": list(known), "text": list(known.values())}).with_columns(
        symbol=pl.lit(order.subject), source=pl.lit("tiingo"), known_at=pl.lit(order.now)
    )
    return Batch("profile", order.subject, conform("profile", frame), order.since)
