"""Readings of macro series as they were known on a day: levels, spreads, changes, each with its date and age limit.

Every reading is a `Reading` [R]: its value, the date of the observation it rests on, and why it is missing. What had
not been released by a day is not seen on that day, and what is too old for its kind is STALE, not a reading.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Macro, MacroSeries
from vfr.factors.scores import Reason
from vfr.typing import BoolArray, DateArray, FloatArray

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
    series = _clean(macro, name)
    return _missing(days) if series is None else _at(series, days, kind)


def spread(macro: Macro, long: str, short: str, days: DateArray, kind: Kind) -> Reading:
    """Return the difference of two series on the newest date both were observed on, known on each day."""
    a, b = _clean(macro, long), _clean(macro, short)
    if a is None or b is None:
        return _missing(days)
    both, i, j = np.intersect1d(a.date, b.date, return_indices=True)
    known_at = np.maximum(a.known_at[i], b.known_at[j])
    return _at(_in_order(MacroSeries(both, known_at, a.value[i] - b.value[j], a.revised or b.revised)), days, kind)


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
    series = _clean(macro, name)
    if series is None:
        return _missing(days)
    if series.date.size == 0:
        return _missing(days, Reason.NO_HISTORY)
    month = series.date.astype("datetime64[M]")
    smooth = np.mean([_lagged(month, series.value, lag) for lag in range(average)], axis=0)
    value = compare(smooth, _lagged(month, smooth, 12))
    return _at(MacroSeries(series.date, series.known_at, value, series.revised), days, kind)


def _lagged(month: DateArray, value: FloatArray, lag: int) -> FloatArray:
    """Return the value `lag` calendar months before each month, NaN where that month is missing."""
    wanted = month - np.timedelta64(lag, "M")
    at = np.searchsorted(month, wanted)
    return np.where(month[np.minimum(at, month.size - 1)] == wanted, value[np.minimum(at, month.size - 1)], np.nan)


def _clean(macro: Macro, name: str) -> MacroSeries | None:
    """Return a series without unknown values, or None if the source lacks it."""
    series = macro.series.get(name)
    if series is None:
        return None
    known = np.isfinite(series.value)
    return _in_order(MacroSeries(series.date[known], series.known_at[known], series.value[known], series.revised))


def _in_order(series: MacroSeries) -> MacroSeries:
    """Sort by release and drop what was released after a newer observation already was, so that dates increase."""
    order = np.lexsort((series.date, series.known_at))
    date = series.date[order]
    newest = np.maximum.accumulate(date) if date.size else date
    newer = np.concatenate([np.ones(min(date.size, 1), dtype=np.bool_), date[1:] > newest[:-1]])
    keep = order[newer]
    return MacroSeries(series.date[keep], series.known_at[keep], series.value[keep], series.revised)


def _at(series: MacroSeries, days: DateArray, kind: Kind) -> Reading:
    """Read a series whose dates and release dates increase on each day."""
    row = np.searchsorted(series.known_at, days, side="right") - 1
    if series.date.size == 0:
        return _missing(days, Reason.NO_HISTORY)
    value, date = series.value[row], series.date[row]
    reason = np.where(np.isfinite(value), np.int8(Reason.PRESENT), np.int8(Reason.NO_HISTORY)).astype(np.int8)
    reason[kind.stale(date, days)] = np.int8(Reason.STALE)
    reason[row < 0] = np.int8(Reason.NO_HISTORY)
    gone = reason != Reason.PRESENT
    return Reading(np.where(gone, np.nan, value), np.where(gone, np.datetime64("NaT", "D"), date), reason)


def _missing(days: DateArray, reason: Reason = Reason.NO_INPUT) -> Reading:
    nat = np.full(days.size, np.datetime64("NaT", "D"))
    return Reading(np.full(days.size, np.nan), nat, np.full(days.size, np.int8(reason), dtype=np.int8))
