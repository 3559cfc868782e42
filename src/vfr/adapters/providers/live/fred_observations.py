"""Observations of FRED, one row per figure and vintage, to rows of the table of macro series."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

from vfr.adapters.providers.live.filing_days import end_of_day, iso_day
from vfr.adapters.providers.live.reading import listing, record
from vfr.errors import BadAnswer

__all__ = ["Frequency", "Observation", "Sheet", "assumed_release", "macro_rows", "read_sheet"]

Frequency: TypeAlias = Literal["daily", "monthly"]

_UNKNOWN: Final = "."
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
_NEXT_DAY: Final = timedelta(days=1)
_SIX_WEEKS: Final = timedelta(days=45)


@dataclass(frozen=True, slots=True)
class Observation:
    """A figure for a day or for the month that begins on it, and the first day it was in force.

    `value` is None where FRED writes a point: the figure is unknown, or was withdrawn.
    """

    day: date
    since: date
    value: float | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """One page of an answer, and how many observations all pages hold."""

    observations: tuple[Observation, ...]
    count: int


def read_sheet(document: Any, where: str) -> Sheet:
    """Return one page of ``series/observations``.

    Parameters
    ----------
    document : object
        The parsed answer, of output type 1 (observations by real-time period) and in the series' own units.
    where : str
        Source and series, for messages.

    Raises
    ------
    BadAnswer
        If it has another shape than documented, or a value is neither a number nor a point.
    """
    page = record(document, where)
    count = page.get("count")
    if isinstance(count, bool) or not isinstance(count, int) or page.get("units", "lin") != "lin":
        raise BadAnswer(f"{where}: the answer does not say how much it holds, or is in other units than asked")
    rows = [record(row, where) for row in listing(page.get("observations"), where)]
    return Sheet(tuple(_observation(row, where) for row in rows), count)


def assumed_release(day: date, frequency: Frequency) -> date:
    """Return when a figure counts as released if nobody recorded it: the next day, or 45 days after its month.

    Examples
    --------
    >>> assumed_release(date(2024, 1, 1), "monthly")
    datetime.date(2024, 3, 16)
    """
    return day + _NEXT_DAY if frequency == "daily" else _last_day(day, frequency) + _SIX_WEEKS


def macro_rows(series: str, observations: Iterable[Observation], frequency: Frequency) -> list[tuple[Any, ...]]:
    """Return the rows of the table of macro series: one per change of a figure.

    Parameters
    ----------
    series : str
    observations : iterable of Observation
        In any order, of one or several windows. `since` is clipped to the window a question was about, so the first
        row of a window may only repeat what was in force; repeats are left out.
    frequency : Frequency

    Returns
    -------
    list of tuple
        `known_at` is the end of the New York day on which a vintage began. A vintage that began before the day or
        month it describes was over was not recorded when the figure came out (1776-07-04 is FRED's way to say so, and
        clipping hides it): there the release is assumed, see `assumed_release`. An unknown figure gives no row, but
        one that takes a known figure's place gives a row with a null value.
    """
    known: dict[date, list[_Version]] = {}
    for one in sorted(observations, key=lambda o: (o.day, o.since)):
        _add(known.setdefault(one.day, []), (_known_at(one, frequency), one.value))
    return [(series, day, value, "fred", at) for day, versions in known.items() for at, value in versions]


_Version: TypeAlias = tuple[datetime, float | None]


def _add(versions: list[_Version], new: _Version) -> None:
    # An assumed release may lie after a recorded one: what was in force later counts from its own day.
    while versions and versions[-1][0] >= new[0]:
        versions.pop()
    if new[1] != (versions[-1][1] if versions else None):
        versions.append(new)


def _known_at(one: Observation, frequency: Frequency) -> datetime:
    recorded = one.since >= _last_day(one.day, frequency)
    return end_of_day(one.since if recorded else assumed_release(one.day, frequency))


def _last_day(day: date, frequency: Frequency) -> date:
    if frequency == "daily":
        return day
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def _observation(row: dict[str, Any], where: str) -> Observation:
    text = row.get("value")
    if not isinstance(text, str) or not (text == _UNKNOWN or _NUMBER.fullmatch(text)):
        raise BadAnswer(f"{where}: {ascii(text)[:24]} is neither a number nor a point")
    value = None if text == _UNKNOWN else float(text)
    return Observation(iso_day(row.get("date"), where), iso_day(row.get("realtime_start"), where), value)
