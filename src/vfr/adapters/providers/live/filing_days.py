"""Days and moments as filings carry them: New York's, brought to UTC, never earlier than the public could know."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from vfr.errors import BadAnswer

__all__ = ["NEW_YORK", "end_of_day", "instant", "iso_day", "keeps_hours", "public_at", "wall_clock"]

NEW_YORK: Final = ZoneInfo("America/New_York")

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_STAMP: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.0+)?Z?", re.ASCII)
_LAST_SECOND: Final = time(23, 59, 59)
_WEEK: Final = timedelta(days=7)

_OPENS, _EVENING, _CLOSES = time(6), time(17, 30), time(22, 5)
_OWNERSHIP: Final = frozenset({"3", "4", "5"})


def iso_day(value: Any, where: str) -> date:
    """Return a day written as ``YYYY-MM-DD``.

    Raises
    ------
    BadAnswer
        If it is anything else, null included.

    Examples
    --------
    >>> iso_day("2022-10-28", "filed")
    datetime.date(2022, 10, 28)
    """
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise BadAnswer(f"{where} is {ascii(value)[:24]} where a day like 2024-03-01 is documented")


def wall_clock(value: Any, where: str) -> datetime:
    """Return the digits of a time as they stand, without a zone; a ``Z`` at the end is not believed here.

    Raises
    ------
    BadAnswer
        If it is no time, null included.
    """
    found = _STAMP.fullmatch(value) if isinstance(value, str) else None
    if found:
        try:
            return datetime.fromisoformat(f"{found[1]}T{found[2]}")
        except ValueError:
            pass
    raise BadAnswer(f"{where} is {ascii(value)[:24]} where a time like 2024-03-01 16:05:00 is documented")


def instant(digits: datetime, zone: ZoneInfo) -> datetime:
    """Return the moment that the digits of a time mean in a zone, in UTC."""
    return digits.replace(tzinfo=zone).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """Return the last second of a New York day, in UTC.

    Examples
    --------
    >>> end_of_day(date(2024, 1, 2)).isoformat()
    '2024-01-03T04:59:59+00:00'
    """
    return datetime.combine(day, _LAST_SECOND, NEW_YORK).astimezone(UTC)


def keeps_hours(form: str, filed: date, local: datetime) -> bool:
    """Tell whether a time of acceptance goes with the SEC's hours and the filing date.

    Parameters
    ----------
    form : str
    filed : date
        Filing date.
    local : datetime
        Acceptance in New York.

    Notes
    -----
    Filings are accepted from 6:00 to 22:00. What comes after 17:30 carries the filing date of the next business day;
    ownership reports carry that of the same day.
    """
    if not _OPENS <= local.time() < _CLOSES:
        return False
    if form.removesuffix("/A") in _OWNERSHIP or local.time() < _EVENING:
        return local.date() == filed
    return local.date() < filed <= local.date() + _WEEK


def public_at(accepted: datetime | None, filed: date, form: str) -> datetime:
    """Return when a filing counts as public.

    Parameters
    ----------
    accepted : datetime or None
        When it was accepted, aware; None if nobody says.
    filed : date
        Its filing date.
    form : str
        Its form, for the hours it may be accepted at.

    Returns
    -------
    datetime
        The acceptance, in UTC. Without one, or with one that does not go with the filing date (see `keeps_hours`), the
        later of it and the end of the filing day: a figure may be known here too late, never too early.
    """
    if accepted is None:
        return end_of_day(filed)
    if keeps_hours(form, filed, accepted.astimezone(NEW_YORK)):
        return accepted.astimezone(UTC)
    return max(accepted.astimezone(UTC), end_of_day(filed))
