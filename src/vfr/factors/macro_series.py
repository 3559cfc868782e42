"""Readings of macro series as they were known on a day: levels, spreads, changes, each with its date and age limit.

Every reading is a `Reading` [R]: its value, the date of the observation it rests on, and why it is missing. What had
not been released by a day is not seen on that day, and what is too old for its kind is STALE, not a reading.

Where a series has several vintages of an observation, the one last known by the day counts, for the newest observation
and for every other that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Macro
from vfr.factors.scores import Reason
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["DAILY", "MONTHLY", "Kind", "Reading", "change_over_year", "first_of", "growth_over_year", "level", "spread"]


class Kind(NamedTuple):
    """How long an observation counts: `max_age` after its date, or after the end of its month if `monthly`."""

    max_age: np.timedelta64
    monthly: bool

    def stale(self, date: DateArray, days: DateArray) -> BoolArray:
        """Tell which observations are too old on a day."""
        ends = (date.astype("datetime64[M]") + 1).astype("datetime64[D]") if self.monthly else date
        return np.asarray(days - ends > self.max_age, dtype=np.bool_)


DAILY: Final = Kind(np.timedelta64(10, "D"), monthly=False)
"""Ten days: a week and a long weekend."""

MONTHLY: Final = Kind(np.timedelta64(100, "D"), monthly=True)
"""A hundred days: a month, the longest delay of a release, and some."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A macro measurement on R days: `value` (NaN unless `reason` is PRESENT) and the `date` of its newest input."""

    value: FloatArray
    date: DateArray
    reason: NDArray[np.int8]

    def at(self, days: IntArray | slice) -> Reading:
        """Return the readings of some of the days."""
        return Reading(self.value[days], self.date[days], self.reason[days])


def level(macro: Macro, name: str, days: DateArray, kind: Kind) -> Reading:
    """Return the newest observation of a series known on each day, in the series' own unit.

    Parameters
    ----------
    macro : Macro
        A series it lacks gives NO_INPUT.
    name : str
        Identifier of the series.
    days : datetime64[D] array, shape (R,)
        In any order.
    kind : Kind
        Says how old an observation may be; an older one is STALE.

    Returns
    -------
    Reading
        R readings; NO_HISTORY before the first release.
    """
    series = _vintages(macro, name)
    if series is None:
        return _missing(days)
    return _read(series.date, series.first_known(), series.at, days, kind)


def spread(macro: Macro, long: str, short: str, days: DateArray, kind: Kind) -> Reading:
    """Return the difference of two series on the newest date both were observed on, known on each day."""
    a, b = _vintages(macro, long), _vintages(macro, short)
    if a is None or b is None:
        return _missing(days)
    both, i, j = np.intersect1d(a.date, b.date, return_indices=True)
    known_at = np.maximum(a.first_known()[i], b.first_known()[j])
    return _read(both, known_at, lambda date, day: a.at(date, day) - b.at(date, day), days, kind)


def growth_over_year(macro: Macro, name: str, days: DateArray, kind: Kind) -> Reading:
    """Return the growth of a monthly series over twelve months, percent."""
    return _against_year_before(macro, name, days, kind, lambda now, before: 100.0 * (now / before - 1.0))


def change_over_year(macro: Macro, name: str, days: DateArray, kind: Kind) -> Reading:
    """Return the change over twelve months of a monthly series' three-month average, in the series' unit."""
    return _against_year_before(macro, name, days, kind, lambda now, before: now - before, average=3)


def first_of(*readings: Reading) -> Reading:
    """Return the first reading that is present on each day; where none is, the reason of the first that has input."""
    value, date, reason = readings[0].value.copy(), readings[0].date.copy(), readings[0].reason.copy()
    for other in readings[1:]:
        better = (reason == Reason.NO_INPUT) | ((reason != Reason.PRESENT) & (other.reason == Reason.PRESENT))
        value[better], date[better], reason[better] = other.value[better], other.date[better], other.reason[better]
    return Reading(value, date, reason)


def _against_year_before(
    macro: Macro,
    name: str,
    days: DateArray,
    kind: Kind,
    compare: Callable[[FloatArray, FloatArray], FloatArray],
    average: int = 1,
) -> Reading:
    series = _vintages(macro, name)
    if series is None:
        return _missing(days)
    newest = _read(series.date, series.first_known(), series.at, days, kind)
    months = series.monthly()

    def smooth(back: int) -> FloatArray:
        """Return the average of the months that end `back` months before the newest, as known on each day."""
        month = newest.date.astype("datetime64[M]") - back
        lagged = [months.at((month - lag).astype("datetime64[D]"), days) for lag in range(average)]
        return np.asarray(np.mean(lagged, axis=0))

    return _known(compare(smooth(0), smooth(12)), newest)


def _known(value: FloatArray, newest: Reading) -> Reading:
    """Return a reading derived from a newest observation; where it cannot be derived, history is missing."""
    gone = np.isnan(value)
    reason = np.where(gone & (newest.reason == Reason.PRESENT), np.int8(Reason.NO_HISTORY), newest.reason)
    return Reading(value, np.where(gone, np.datetime64("NaT", "D"), newest.date), reason.astype(np.int8))


@dataclass(frozen=True, slots=True, eq=False)
class _Vintages:
    """A series by observation: its V vintages sorted by date, then by the day each became known.

    `date` [U] lists the observation dates once; `key` [V] orders vintages by both days at once.
    """

    date: DateArray
    start: IntArray
    day: DateArray
    known_at: DateArray
    value: FloatArray
    key: IntArray

    @classmethod
    def of(cls, day: DateArray, known_at: DateArray, value: FloatArray) -> _Vintages:
        """Sort vintages; an unknown figure that takes back nothing is left out."""
        order = np.lexsort((known_at, day))
        day, known_at, value = day[order], known_at[order], value[order]
        known = np.isfinite(value)
        takes_back = np.zeros(known.size, dtype=np.bool_)
        takes_back[1:] = known[:-1] & (day[1:] == day[:-1])
        use = known | takes_back
        day, known_at, value = day[use], known_at[use], value[use]
        date, start = np.unique(day, return_index=True)
        return cls(date, start, day, known_at, value, _key(day, known_at))

    def monthly(self) -> _Vintages:
        """Return the same figures dated by the first day of their month."""
        month = self.day.astype("datetime64[M]").astype("datetime64[D]")
        return _Vintages.of(month, self.known_at, self.value)

    def first_known(self) -> DateArray:
        """Return the day each observation first became known, [U]."""
        return self.known_at[self.start]

    def at(self, date: DateArray, days: DateArray) -> FloatArray:
        """Return the figure of each observation date in force on the day beside it, NaN where there is none."""
        if self.day.size == 0:
            return np.full(days.size, np.nan)
        row = np.searchsorted(self.key, _key(date, days), side="right") - 1
        return np.where((row >= 0) & (self.day[row] == date), self.value[row], np.nan)


def _key(date: DateArray, days: DateArray) -> IntArray:
    """Return numbers that sort as (date, day) pairs do."""
    return np.asarray(date.astype(np.int64) * 2**24 + days.astype(np.int64), dtype=np.int64)


def _vintages(macro: Macro, name: str) -> _Vintages | None:
    """Return a series by observation, or None if the source lacks it."""
    series = macro.series.get(name)
    return None if series is None else _Vintages.of(series.date, series.known_at, series.value)


def _read(
    date: DateArray,
    known_at: DateArray,
    value: Callable[[DateArray, DateArray], FloatArray],
    days: DateArray,
    kind: Kind,
) -> Reading:
    """Read on each day the newest of U observations that is known then and not withdrawn.

    `date` increases, `known_at` is when each first became known, `value` gives figures by (date, day).
    """
    if date.size == 0:
        return _missing(days, Reason.NO_HISTORY)
    order = np.argsort(known_at, kind="stable")
    newest = np.maximum.accumulate(order)
    row = np.searchsorted(known_at[order], days, side="right") - 1
    place = np.where(row >= 0, newest[row], -1)
    found = value(date[place], days)
    while (gone := (place >= 0) & np.isnan(found)).any():
        # Withdrawn, or not known yet though a later one is: the observation before it is the newest.
        place[gone] -= 1
        found[gone] = value(date[place[gone]], days[gone])
    reason = np.where(place >= 0, np.int8(Reason.PRESENT), np.int8(Reason.NO_HISTORY)).astype(np.int8)
    reason[(place >= 0) & kind.stale(date[place], days)] = np.int8(Reason.STALE)
    gone = reason != Reason.PRESENT
    return Reading(np.where(gone, np.nan, found), np.where(gone, np.datetime64("NaT", "D"), date[place]), reason)


def _missing(days: DateArray, reason: Reason = Reason.NO_INPUT) -> Reading:
    nat = np.full(days.size, np.datetime64("NaT", "D"))
    return Reading(np.full(days.size, np.nan), nat, np.full(days.size, np.int8(reason), dtype=np.int8))
