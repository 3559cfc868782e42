"""Read Yahoo's chart document: daily bars brought back to the shares that traded, splits and dividends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import numpy as np

from vfr.adapters.providers.live.daily import (
    FIGURES,
    NEW_YORK,
    Action,
    actions_batch,
    bars_batch,
    session_days,
    today,
)
from vfr.adapters.providers.live.reading import figure, figures, listing, moment, record, words
from vfr.adapters.providers.live.splits import later_splits
from vfr.adapters.providers.live.yahoo_answer import only_result
from vfr.data.bitemporal.tables import empty
from vfr.data.provider import Batch, Order
from vfr.data.sessions import closes_utc
from vfr.errors import BadAnswer
from vfr.typing import DateArray, FloatArray

__all__ = ["read_chart"]

_PRICE_DIGITS: Final = 4
"""Yahoo sends float32: more digits are noise."""

_DIVIDEND_DIGITS: Final = 6

_OPEN: Final = time(9, 30)


def read_chart(document: Any, order: Order, ticker: str) -> tuple[Batch, Batch]:
    """Return bars and actions of a chart document.

    Parameters
    ----------
    document : object
        As parsed.
    order : Order
        What was asked. The document must reach to `order.now`: prices of a day are brought to that day's shares with
        every split after it.
    ticker : str
        The symbol as Yahoo spells it.

    Returns
    -------
    tuple of Batch
        Bars as traded, finished sessions only, and the splits and dividends as paid.

    Raises
    ------
    UnknownAtSource
        If Yahoo says that it does not find the symbol.
    BadAnswer
        If the document is about another symbol, granularity or time zone, arrays differ in length, or a figure is no
        number. An unknown figure (null) stays unknown.
    """
    result = only_result(document, "chart", order.subject)
    if result is None:
        nothing = Batch("bars", order.subject, empty("bars"), order.since)
        return nothing, actions_batch(order, "yahoo", ())
    where = f"yahoo, {order.subject}"
    meta = record(result.get("meta"), f"{where}: meta")
    _check_meta(meta, where, ticker)
    actions = _actions(result.get("events"), order, where)
    return _bars(result, meta, order, actions), actions_batch(order, "yahoo", _as_paid(actions))


def _check_meta(meta: dict[str, Any], where: str, ticker: str) -> None:
    wanted = {"symbol": ticker, "dataGranularity": "1d", "exchangeTimezoneName": NEW_YORK}
    for name, value in wanted.items():
        told = words(meta.get(name), f"{where}: {name}")
        if told != value:
            about = {"symbol": f"yahoo answered about {ascii(told)[:24]} when asked about {ticker}"}
            raise BadAnswer(about.get(name, f"{where}: {name} is {ascii(told)[:40]}; only {value} is read"))


def _actions(events: Any, order: Order, where: str) -> list[Action]:
    """Return splits and dividends until the day of asking, the latter as Yahoo sends them: on today's share basis."""
    told = record(events or {}, f"{where}: events")
    out = []
    for one in record(told.get("splits") or {}, f"{where}: splits").values():
        split = record(one, f"{where}: split")
        new, old = (_positive(split.get(name), f"{where}: split {name}") for name in ("numerator", "denominator"))
        out.append(_action("split", split, new / old, where))
    for one in record(told.get("dividends") or {}, f"{where}: dividends").values():
        dividend = record(one, f"{where}: dividend")
        out.append(_action("dividend", dividend, _positive(dividend.get("amount"), f"{where}: dividend"), where))
    last = today(order.now)
    return [one for one in out if one.day <= last]


def _action(action: Literal["split", "dividend"], event: dict[str, Any], value: float, where: str) -> Action:
    stamp = moment(event.get("date"), f"{where}: date of a {action}")
    return Action(session_days([stamp], where)[0].item(), action, value)


def _positive(value: Any, where: str) -> float:
    number = figure(value, where)
    if number is None or number <= 0:
        raise BadAnswer(f"{where} is not a positive number")
    return number


def _as_paid(actions: Sequence[Action]) -> list[Action]:
    """Return the actions with each dividend as it was paid on the shares of its day."""
    days = np.array([one.day for one in actions], dtype="datetime64[D]")
    shares = _shares(days, actions).tolist()
    return [
        Action(one.day, one.action, round(one.value * now, _DIVIDEND_DIGITS) if one.action == "dividend" else one.value)
        for one, now in zip(actions, shares, strict=True)
    ]


def _shares(days: DateArray, actions: Sequence[Action]) -> FloatArray:
    splits = [one for one in actions if one.action == "split"]
    on = np.array([one.day for one in splits], dtype="datetime64[D]")
    return later_splits(days, on, np.array([one.value for one in splits], dtype=np.float64))


def _bars(result: dict[str, Any], meta: dict[str, Any], order: Order, actions: Sequence[Action]) -> Batch:
    where = f"yahoo, {order.subject}"
    stamps = [moment(one, f"{where}: timestamp") for one in listing(result.get("timestamp") or [], where)]
    columns = _columns(result, len(stamps), where)
    days = session_days(stamps, where)
    keep = _kept(stamps, days, meta)
    days = days[keep]
    shares = _shares(days, actions)
    traded: dict[str, list[float | None]] = {}
    for name in FIGURES:
        told = np.array(columns[name], dtype=np.float64)[keep]  # None becomes NaN
        value = np.round(told / shares) if name == "volume" else np.round(told * shares, _PRICE_DIGITS)
        traded[name] = [None if np.isnan(one) else one for one in value.tolist()]
    currency = words(meta.get("currency"), f"{where}: currency")
    if currency is None:
        raise BadAnswer(f"{where}: the currency is missing")
    return bars_batch(order, "yahoo", currency, days, traded)


def _columns(result: dict[str, Any], length: int, where: str) -> dict[str, list[float | None]]:
    """Return the figures of the bars; every array is as long as the timestamps."""
    indicators = record(result.get("indicators"), f"{where}: indicators")
    quote = _first(indicators.get("quote"), f"{where}: quote")
    columns = {name: figures(quote.get(name) or [], f"{where}: {name}") for name in FIGURES}
    adjusted = _first(indicators.get("adjclose") or [{}], f"{where}: adjclose").get("adjclose")
    lengths = {name: len(values) for name, values in columns.items()}
    if adjusted is not None:
        lengths["adjclose"] = len(listing(adjusted, f"{where}: adjclose"))
    for name, count in lengths.items():
        if count != length:
            raise BadAnswer(f"{where}: {count} figures of {name} came for {length} timestamps")
    return columns


def _first(value: Any, where: str) -> dict[str, Any]:
    values = listing(value, where)
    if len(values) != 1:
        raise BadAnswer(f"{where} holds {len(values)} series where one is documented")
    return record(values[0], where)


def _kept(stamps: Sequence[int], days: DateArray, meta: dict[str, Any]) -> list[int]:
    """Return which bars are sessions: not the running one, nor the copy that Yahoo sends of the latest.

    Yahoo stamps a finished bar with the open of its session, and the latest with its last trade. At times it sends the
    latest session twice, stamped both ways; the second is the newer.
    """
    keep = list(range(len(stamps)))
    if not keep:
        return keep
    if len(keep) > 1 and days[-1] == days[-2] and stamps[-1] == meta.get("regularMarketTime"):
        del keep[-2]
    last = datetime.fromtimestamp(stamps[-1], ZoneInfo(NEW_YORK))
    if last.time() > _OPEN and np.datetime64(stamps[-1], "s") < closes_utc(days)[-1]:
        keep.pop()
    return keep
