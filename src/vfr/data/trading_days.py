"""The exchange's sessions by rule, cheap enough for every answer: no calendar library is loaded.

`vfr.data.sessions` asks a library that knows every closure since 1900 and takes seconds to load. This module states the
rules in force since 1990 and is held to that library by the tests; days before 1990 are left to it.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from vfr.data.sessions import sessions_between
from vfr.typing import DateArray

__all__ = ["SETTLE", "last_completed", "new_york_day", "sessions_behind", "trading_days"]

SETTLE: Final = timedelta(minutes=15)
"""Time after the close until a session's bar counts as complete."""

_ZONE: Final = ZoneInfo("America/New_York")
_FIRST_YEAR: Final = 1990
_LAST_YEAR: Final = 2200
_RULED: Final = np.datetime64(f"{_FIRST_YEAR}-01-01", "D")
_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6

_MOURNING_AND_DISASTER: Final = (
    "1994-04-27", "2001-09-11", "2001-09-12", "2001-09-13", "2001-09-14", "2004-06-11", "2007-01-02", "2012-10-29",
    "2012-10-30", "2018-12-05", "2025-01-09",
)  # fmt: skip


def trading_days(start: date, end: date) -> DateArray:
    """Return the exchange's sessions from `start` to `end`, both included, oldest first; empty if there are none.

    Before 1900 there are none: nothing is known of that time.

    Examples
    --------
    >>> from datetime import date
    >>> trading_days(date(2024, 7, 3), date(2024, 7, 8)).astype(str).tolist()
    ['2024-07-03', '2024-07-05', '2024-07-08']
    """
    first, last = np.datetime64(start, "D"), np.datetime64(end, "D")
    if first > last:
        return np.empty(0, dtype="datetime64[D]")
    ruled = np.arange(max(first, _RULED), max(last, _RULED - 1) + 1)
    days: DateArray = ruled[np.is_busday(ruled, busdaycal=_calendar())]
    if first < _RULED:
        old = _before_rules()
        days = np.concatenate([old[(old >= first) & (old <= last)], days])
    return days


def new_york_day(moment: datetime) -> date:
    """Return the day it is in New York at an aware moment."""
    return moment.astimezone(_ZONE).date()


def last_completed(now: datetime) -> date:
    """Return the newest session whose close lies at least `SETTLE` before an aware moment.

    Early closes at 13:00 (the day after Thanksgiving, 24 December, 3 July) are those of the rules since 2013.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> str(last_completed(datetime(2024, 7, 5, 20, 14, tzinfo=UTC)))
    '2024-07-03'
    >>> str(last_completed(datetime(2024, 7, 5, 20, 15, tzinfo=UTC)))
    '2024-07-05'
    """
    local = (now - SETTLE).astimezone(_ZONE)
    today = local.date()
    through = today if local.time() >= _close(today) else today - timedelta(days=1)
    session = np.busday_offset(np.datetime64(through, "D"), 0, roll="backward", busdaycal=_calendar())
    return date.fromisoformat(str(session))


def sessions_behind(newest: date, now: datetime) -> int:
    """Return how many sessions completed at `now` are newer than a bar's day; 0 if none.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> sessions_behind(date(2024, 7, 2), datetime(2024, 7, 8, 12, tzinfo=UTC))
    2
    """
    after, end = np.datetime64(newest, "D") + 1, np.datetime64(last_completed(now), "D") + 1
    return max(0, int(np.busday_count(after, end, busdaycal=_calendar())))


def _close(day: date) -> time:
    early = _is_day_after_thanksgiving(day) or ((day.month, day.day) in {(7, 3), (12, 24)} and day.weekday() < _FRIDAY)
    return time(13) if early else time(16)


def _is_day_after_thanksgiving(day: date) -> bool:
    return day.month == 11 and day == _nth(day.year, 11, _THURSDAY, 4) + timedelta(days=1)


@lru_cache(maxsize=1)
def _calendar() -> np.busdaycalendar:
    ruled = [day for year in range(_FIRST_YEAR, _LAST_YEAR + 1) for day in _holidays(year)]
    return np.busdaycalendar(holidays=np.array([*map(str, ruled), *_MOURNING_AND_DISASTER], dtype="datetime64[D]"))


@lru_cache(maxsize=1)
def _before_rules() -> DateArray:
    return sessions_between(np.datetime64("1900-01-01", "D"), _RULED - 1)


def _holidays(year: int) -> list[date]:
    """Return the days of a year's holidays, moved off weekends as the exchange moves them."""
    new_year = date(year, 1, 1)
    days = [
        _nth(year, 2, _MONDAY, 3),
        _easter(year) - timedelta(days=2),
        _nth(year, 6, _MONDAY, 1) - timedelta(days=7),
        _observed(date(year, 7, 4)),
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 11, _THURSDAY, 4),
        _observed(date(year, 12, 25)),
    ]
    # The year's books close on 31 December, so a New Year's Day on a Saturday is not made up for.
    days += [] if new_year.weekday() == _SATURDAY else [_observed(new_year)]
    days += [_nth(year, 1, _MONDAY, 3)] if year >= 1998 else []
    days += [_observed(date(year, 6, 19))] if year >= 2022 else []
    return days


def _observed(day: date) -> date:
    return day + timedelta(days={_SATURDAY: -1, _SUNDAY: 1}.get(day.weekday(), 0))


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _easter(year: int) -> date:
    """Return Easter Sunday of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
