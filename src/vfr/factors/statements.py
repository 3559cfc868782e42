"""Which statement of each symbol was the latest known on a day, and which one came a year before it."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.records import Fundamentals
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["MAX_AGE", "dates", "item", "latest_known", "take", "year_before"]

MAX_AGE: Final = np.timedelta64(460, "D")
"""A statement is stale this long after it became known: a year, a quarter, and a few days of late filing."""

_YEAR: Final = 365
_YEAR_SLACK: Final = 45


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
        Row of the statement with the latest period among those known, -1 where there is none. A late publication of
        an older period never replaces a newer one.
    """
    chosen = _newest_period_so_far(statements)
    if usable is not None:
        chosen &= usable
    rows = np.flatnonzero(chosen)
    order = np.argsort(days, kind="stable")
    first_day = np.searchsorted(days[order], statements.known_at[rows], side="left")
    seen = first_day < days.size
    latest = np.full((days.size, n_symbols), -1, dtype=np.int64)
    np.maximum.at(latest, (first_day[seen], statements.column[rows[seen]]), rows[seen])
    out = np.empty_like(latest)
    out[order] = np.maximum.accumulate(latest, axis=0)
    return out


def _newest_period_so_far(statements: Fundamentals) -> BoolArray:
    """Tell which statements are of a later period than every statement of the symbol known before them."""
    order = np.argsort(statements.column, kind="stable")
    column, period = statements.column[order], statements.period_end[order].astype(np.int64)
    # Later symbols start above every period of earlier ones, so that one running maximum serves all of them.
    place = period - period.min(initial=0) + column * (np.ptp(period) + 1 if period.size else 1)
    before = np.maximum.accumulate(np.concatenate([[-1], place]))[:-1]
    out = np.zeros(column.size, dtype=np.bool_)
    out[order] = place > before
    return out


def year_before(statements: Fundamentals) -> IntArray:
    """Return for each statement the row of the same symbol's statement a year before, -1 where there is none.

    The period must end 320 to 410 days before (nearest to 365 wins), and it must have been known by the time the
    later one was, so that what is found never depends on what came later.

    Returns
    -------
    int64 array, shape (M,)
    """
    out = np.full(statements.column.size, -1, dtype=np.int64)
    seen: dict[int, list[int]] = {}
    periods = statements.period_end.astype(np.int64).tolist()
    for row, column in enumerate(statements.column.tolist()):
        earlier = seen.setdefault(column, [])
        nearest = _YEAR_SLACK
        for other in earlier:
            gap = abs(periods[row] - periods[other] - _YEAR)
            if gap <= nearest:
                nearest, out[row] = gap, other
        earlier.append(row)
    return out


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


def dates(days: DateArray, rows: IntArray) -> DateArray:
    """Return days at the given statement rows, NaT where the row is -1; any shape of `rows`."""
    out = np.full(rows.shape, np.datetime64("NaT", "D"))
    out[rows >= 0] = days[rows[rows >= 0]]
    return out
