"""Which statement of each symbol was the latest known on a day, in which version, and which one came a year before it.

A restatement is one more filing. Every filing of a symbol fixes, from its day until the next one's, the pair that is in
force: the newest period and the one a year before it, each in its last version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.data.records import Fundamentals
from vfr.factors.transforms import newest
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = [
    "MAX_AGE",
    "Following",
    "dates",
    "first_known",
    "following",
    "item",
    "last_filing",
    "latest_known",
    "newest_period",
    "take",
    "take_rows",
    "year_before",
]

MAX_AGE: Final = np.timedelta64(460, "D")
"""A statement is stale this long after its period first became known: a year, a quarter, a few days of late filing."""

_YEAR: Final = 365
_YEAR_SLACK: Final = 45


@dataclass(frozen=True, slots=True, eq=False)
class Following:
    """What is in force once each of M statements is filed, whatever is filed later.

    `newest_period`, `year_before` and `first_known`, [M] each.
    """

    newest: IntArray
    year_before: IntArray
    first_known: DateArray


def following(statements: Fundamentals) -> Following:
    """Put every statement in its place among those filed before it."""
    return Following(newest_period(statements), year_before(statements), first_known(statements))


def latest_known(
    statements: Fundamentals, days: DateArray, n_symbols: int, *, usable: BoolArray | None = None
) -> IntArray:
    """Return the row of the latest statement of each symbol that was known at the end of each day.

    Parameters
    ----------
    statements : Fundamentals
        M statements, sorted by `known_at`.
    days : datetime64[D] array, shape (R,)
        In any order.
    n_symbols : int
        Symbols N of the panel.
    usable : bool array, shape (M,), optional
        Statements that may be chosen; all by default.

    Returns
    -------
    int64 array, shape (R, N)
        Row of the statement with the latest period among those known, in its last version known; -1 where there is
        none. A late publication or a restatement of an older period never replaces a newer one.
    """
    return take_rows(newest_period(statements, usable), last_filing(statements, days, n_symbols, usable=usable))


def last_filing(
    statements: Fundamentals, days: DateArray, n_symbols: int, *, usable: BoolArray | None = None
) -> IntArray:
    """Return the row of the last statement of each symbol filed by the end of each day, of whatever period.

    What `newest_period` and `year_before` say of that row is in force on that day. Parameters and shape as in
    `latest_known`; -1 where nothing was filed yet.
    """
    rows = np.arange(statements.column.size) if usable is None else np.flatnonzero(usable)
    return take_rows(rows, newest(statements.known_at[rows], statements.column[rows], days, n_symbols))


def newest_period(statements: Fundamentals, usable: BoolArray | None = None) -> IntArray:
    """Return for each statement the row that is the symbol's latest once it is filed: newest period, last version.

    Returns
    -------
    int64 array, shape (M,)
        Its own row, unless it is about an older period than one already known. -1 before a usable one.
    """
    order = np.argsort(statements.column, kind="stable")
    column, period = statements.column[order], statements.period_end[order].astype(np.int64)
    # Later symbols start above every period of earlier ones, so that one running maximum serves all of them.
    place = period - period.min(initial=0) + column * (np.ptp(period) + 1 if period.size else 1)
    may = np.ones(order.size, dtype=np.bool_) if usable is None else usable[order]
    newest = np.maximum.accumulate(np.where(may, place, -1))
    held = np.where(may & (place == newest), np.arange(order.size), -1)
    last = np.maximum.accumulate(held)
    own = (last >= 0) & (column[last] == column)
    out = np.empty(order.size, dtype=np.int64)
    out[order] = np.where(own, order[last], -1)
    return out


def first_known(statements: Fundamentals) -> DateArray:
    """Return for each statement the day on which its period first became known, shape (M,).

    The age of a statement counts from there: restating old figures does not make them young.
    """
    key = statements.period_end.astype(np.int64) + statements.column * 1_000_000
    _, first, version_of = np.unique(key, return_index=True, return_inverse=True)
    return np.asarray(statements.known_at[first[version_of]], dtype="datetime64[D]")


def year_before(statements: Fundamentals) -> IntArray:
    """Return for each statement the row to compare the latest one with once it is filed, -1 where there is none.

    That is the last version known of the period that ended 320 to 410 days before the newest period known (nearest to
    365 wins, then the later one). A year that is published or restated after the newest statement takes part from its
    own day on; what is found never depends on what came later.

    Returns
    -------
    int64 array, shape (M,)
        To be read at the row `last_filing` gives, as `newest_period`.
    """
    out = np.full(statements.column.size, -1, dtype=np.int64)
    known: dict[int, dict[int, int]] = {}
    periods = statements.period_end.astype(np.int64).tolist()
    for row, column in enumerate(statements.column.tolist()):
        versions = known.setdefault(column, {})
        versions[periods[row]] = row
        out[row] = _a_year_before(max(versions), versions)
    return out


def _a_year_before(newest: int, versions: dict[int, int]) -> int:
    """Return the row of the period nearest to a year before the newest one, given rows by period (a day's number)."""
    gaps = [(abs(newest - period - _YEAR), -period, row) for period, row in versions.items()]
    gap, _, row = min(gaps)
    return row if gap <= _YEAR_SLACK else -1


def item(statements: Fundamentals, name: str) -> FloatArray:
    """Return the M figures of a canonical item, NaN throughout where the source lacks it."""
    figures = statements.values.get(name)
    return np.full(statements.column.size, np.nan) if figures is None else figures


def take(figures: FloatArray, rows: IntArray) -> FloatArray:
    """Return figures at the given statement rows, NaN where the row is -1; any shape of `rows`.

    Examples
    --------
    >>> take(np.array([1.0, 2.0]), np.array([[1, -1]]))
    array([[ 2., nan]])
    """
    if figures.size == 0:
        return np.full(rows.shape, np.nan)
    return np.where(rows >= 0, figures[rows], np.nan)


def take_rows(of: IntArray, rows: IntArray) -> IntArray:
    """Return what an array [M] of rows says at the given rows, -1 where the row is -1; any shape of `rows`."""
    return np.append(of, -1)[rows]


def dates(days: DateArray, rows: IntArray) -> DateArray:
    """Return days at the given statement rows, NaT where the row is -1; any shape of `rows`."""
    out = np.full(rows.shape, np.datetime64("NaT", "D"))
    out[rows >= 0] = days[rows[rows >= 0]]
    return out
