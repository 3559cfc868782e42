"""Sessions of the New York Stock Exchange; the calendar library is loaded only when a range is asked for."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.errors import InvalidField
from vfr.typing import DateArray, TimeArray

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EARLIEST", "LATEST", "closes_utc", "parse_day", "sessions_between"]

EARLIEST: Final = np.datetime64("1900-01-01", "D")
LATEST: Final = np.datetime64("2200-12-31", "D")
"""The days the calendar is asked about; anything outside is a mistake in the data, not a session."""

_ONE_AT_A_TIME: Final = Lock()
"""Filters of warnings belong to the process, not to a thread; and two threads should not make the same calendar."""

_ISO_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_MARGIN: Final = np.timedelta64(10, "D")


def parse_day(field: str, text: str) -> np.datetime64:
    """Return a day written as ISO ``YYYY-MM-DD``.

    Parameters
    ----------
    field : str
        Name of the field, for the error message.
    text : str
        The day.

    Raises
    ------
    InvalidField
        If it is not an ISO date, not a day of the calendar, or outside 1900-2200.

    Examples
    --------
    >>> parse_day("as_of", "2019-06-28")
    np.datetime64('2019-06-28')
    """
    if not _ISO_DAY.fullmatch(text):
        raise InvalidField(field, "must be a date written YYYY-MM-DD")
    try:
        day = np.datetime64(text, "D")
    except ValueError:
        raise InvalidField(field, f"{text} is not a day of the calendar") from None
    if not EARLIEST <= day <= LATEST:
        raise InvalidField(field, f"{text} is outside {EARLIEST} to {LATEST}")
    return day


def sessions_between(start: np.datetime64, end: np.datetime64) -> DateArray:
    """Return the exchange's sessions from `start` to `end`, both included, oldest first.

    Raises
    ------
    InvalidField
        If the range is empty or leaves `EARLIEST` to `LATEST`.
    """
    return _cut(_calendar(start, end)["close"].index.to_numpy().astype("datetime64[D]"), start, end)


def closes_utc(sessions: DateArray) -> TimeArray:
    """Return the UTC time of each session's close: 16:00 in New York, 13:00 or so on early-close days.

    Parameters
    ----------
    sessions : datetime64[D] array, shape (T,)
        Increasing; a day that is not a session of the exchange closes at 16:00 New York like any other.

    Returns
    -------
    datetime64[s] array, shape (T,)
    """
    if sessions.size == 0:
        return np.empty(0, dtype="datetime64[s]")
    closes = _calendar(sessions[0], sessions[-1])["close"]
    known = closes.index.to_numpy().astype("datetime64[D]")
    times = closes.dt.tz_convert(None).to_numpy().astype("datetime64[s]")
    place = np.minimum(np.searchsorted(known, sessions), known.size - 1)
    out: TimeArray = np.where(known[place] == sessions, times[place], _four_in_new_york(sessions))
    return out


def _calendar(start: np.datetime64, end: np.datetime64) -> Mapping[str, Any]:
    if not EARLIEST <= start <= end <= LATEST:
        raise InvalidField("date", f"{start} to {end} is not a range of days between {EARLIEST} and {LATEST}")
    first, last = (day.astype("datetime64[Y]").astype(int) + 1970 for day in (start, end))
    with _ONE_AT_A_TIME:
        return _years(int(first), int(last))


@lru_cache(maxsize=32)
def _years(first: int, last: int) -> Mapping[str, Any]:
    """Return the schedule of whole years; making one costs a good part of a second."""
    import exchange_calendars

    start, end = np.datetime64(f"{first}-01-01", "D"), np.datetime64(f"{last}-12-31", "D")
    with warnings.catch_warnings():
        # The library calls parts of pandas that newer versions warn about; its users can do nothing about it.
        warnings.simplefilter("ignore")
        # A margin, because the library refuses a range of one day or one that holds no session.
        schedule: Mapping[str, Any] = exchange_calendars.get_calendar(
            "XNYS", start=str(start - _MARGIN), end=str(end + _MARGIN)
        ).schedule
    return schedule


def _cut(days: DateArray, start: np.datetime64, end: np.datetime64) -> DateArray:
    return days[(days >= start) & (days <= end)]


def _four_in_new_york(days: DateArray) -> TimeArray:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    zone = ZoneInfo("America/New_York")
    local = [datetime(d.year, d.month, d.day, 16, tzinfo=zone) for d in days.tolist()]
    return np.array([int(t.timestamp()) for t in local], dtype="datetime64[s]")
