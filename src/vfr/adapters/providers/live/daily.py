"""Daily bars and actions as rows of the archive: which day a moment belongs to, and when a bar was known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from vfr.data.bitemporal.tables import TABLES, conform
from vfr.data.provider import Batch, Order
from vfr.data.sessions import closes_utc
from vfr.data.trading_days import SETTLE
from vfr.errors import BadAnswer
from vfr.typing import DateArray

__all__ = ["FIGURES", "NEW_YORK", "Action", "actions_batch", "bars_batch", "session_days", "today"]

NEW_YORK: Final = "America/New_York"

FIGURES: Final = ("open", "high", "low", "close", "volume")
"""The figures of a bar, as vendors and the archive name them."""

_EVENING: Final = timedelta(hours=17)
"""No bar is stamped this late in New York: sessions end at 16:00, the last funds trade until 16:15."""

_FRIDAY: Final = 5


@dataclass(frozen=True, slots=True)
class Action:
    """A split (`value`: new shares for one old) or a dividend (`value`: per share as paid) on its ex-date."""

    day: date
    action: Literal["split", "dividend"]
    value: float


Columns: TypeAlias = Mapping[str, Sequence[float | None]]


def session_days(stamps: Sequence[int], where: str) -> DateArray:
    """Return the New York day of each moment of a session.

    Parameters
    ----------
    stamps : sequence of int, length T
        Seconds since 1970 UTC: the open of a session, or the last trade of a running one.
    where : str
        Source and subject for the message.

    Returns
    -------
    datetime64[D] array, shape (T,)

    Raises
    ------
    BadAnswer
        If one falls on a weekend or late in the evening of New York: then the source counts in another time zone.

    Examples
    --------
    >>> session_days([1646663400], "yahoo, AAPL").tolist()
    [datetime.date(2022, 3, 7)]
    """
    local = (
        pl.from_epoch(pl.Series("t", stamps, pl.Int64), "s").dt.replace_time_zone("UTC").dt.convert_time_zone(NEW_YORK)
    )
    late = (local - local.dt.truncate("1d")) >= _EVENING
    odd = local.filter(late | (local.dt.weekday() > _FRIDAY))
    if odd.len():
        shown = f"{odd.item(0):%A %Y-%m-%d %H:%M}"
        raise BadAnswer(f"{where}: nothing trades on {shown} in {NEW_YORK}; its times are in another time zone")
    days: DateArray = local.dt.date().to_numpy().astype("datetime64[D]")
    return days


def today(now: datetime) -> date:
    """Return the day it is in New York."""
    from zoneinfo import ZoneInfo

    return now.astimezone(ZoneInfo(NEW_YORK)).date()


def bars_batch(order: Order, source: str, currency: str, days: DateArray, columns: Columns) -> Batch:
    """Return the finished bars of an answer, each known from the close of its session.

    Parameters
    ----------
    order : Order
        What was asked; bars before its `since` are left out.
    source : str
        Name of the provider.
    currency : str
        ISO code of the prices.
    days : datetime64[D] array, shape (T,)
        Sessions as the source sent them.
    columns : mapping of str to sequence
        `FIGURES`, each of length T, as traded; None is unknown. A bar without a close is left out.

    Raises
    ------
    BadAnswer
        If two bars fall on one day, the days are not in order, or one has not begun by the time of asking.

    Notes
    -----
    A session counts as finished 15 minutes after its close.
    """
    where = f"{source}, {order.subject}"
    if (np.diff(days) <= np.timedelta64(0, "D")).any():
        raise BadAnswer(f"{where}: two bars fall on one day, or days go back; its times are in another time zone")
    if days.size and days[-1] > np.datetime64(today(order.now)):
        raise BadAnswer(f"{where}: a bar of {days[-1]}, which has not begun; its times are in another time zone")
    known = closes_utc(days).astype("datetime64[us]")
    frame = pl.DataFrame(
        {"date": days, "known_at": known, **{name: pl.Series(columns[name], dtype=pl.Float64) for name in FIGURES}}
    ).with_columns(
        pl.col("known_at").dt.replace_time_zone("UTC"),
        symbol=pl.lit(order.subject),
        currency=pl.lit(currency),
        source=pl.lit(source),
    )
    finished = pl.col("known_at") + SETTLE <= order.now
    wanted = frame.filter(finished, pl.col("date") >= order.since, pl.col("close").is_not_null())
    return Batch("bars", order.subject, conform("bars", wanted), order.since)


def actions_batch(order: Order, source: str, actions: Sequence[Action]) -> Batch:
    """Return splits and dividends from `since` to the day of asking, each known from the start of its ex-date, UTC."""
    last = today(order.now)
    told = [one for one in actions if order.since <= one.day <= last]
    frame = pl.DataFrame(
        {
            "date": [one.day for one in told],
            "action": [one.action for one in told],
            "value": [one.value for one in told],
        },
        schema={name: TABLES["actions"].columns[name] for name in ("date", "action", "value")},
    ).with_columns(
        symbol=pl.lit(order.subject),
        source=pl.lit(source),
        known_at=pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
    )
    return Batch("actions", order.subject, conform("actions", frame.sort("date", "action")), order.since)
