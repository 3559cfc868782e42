"""Market capitalisation: share counts as reported, brought to the split basis of the prices they are multiplied with.

A statement reports shares on the basis of its period's end, unless the split came before it was filed: then United
States rules (SEC Staff Accounting Bulletin, topic 4.C) have it restated, and the count is on the later basis already.
Filing dates are often only assumed, so that the date alone cannot tell. The count decides: of the possible bases, the
one on which it continues the symbol's last count best. Without one to compare with, the count is unknown: an answer
wrong by the factor of the split is worse than none.

Sources derive counts (net income / earnings per share) and get some wrong by several times. A count that more than
doubles or halves from one statement to the next without a split is not believed until the following statement repeats
it within a tenth, as it does after a merger; a restatement of the same period repeats it, but confirms nothing. Every
statement is judged by itself and what was filed before it only; a late word on an older period teaches nothing about
the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Actions, Fundamentals
from vfr.data.snapshot import Snapshot
from vfr.factors.scores import Reason
from vfr.factors.statements import MAX_AGE, dates, first_known, item, last_filing, newest_period, take, take_rows
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["MarketValue", "ShareCounts", "market_cap", "market_value", "share_counts", "shares_on_price_basis"]

_COMPARABLE: Final = 800
"""Days; counts further apart than this say nothing about each other."""
_MAX_GAP: Final = 5
_BELIEVED: Final = log(2.0)
_REPEATED: Final = log(1.1)


@dataclass(frozen=True, slots=True, eq=False)
class MarketValue:
    """Market value [R x N] in USD, NaN where unknown, and the `Reason` [R x N] why."""

    usd: FloatArray
    reason: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class ShareCounts:
    """Share counts of M statements, those of the first of them being those of a data set that ends with them.

    `shares` [M] is `shares_on_price_basis`; `newest` [M] the row of the newest period with a count once a statement is
    filed, -1 before there is one; `first_known` [M] the day on which a statement's period first became known.
    """

    shares: FloatArray
    newest: IntArray
    first_known: DateArray


def share_counts(statements: Fundamentals, actions: Actions | None) -> ShareCounts:
    """Judge every statement's share count."""
    newest = newest_period(statements, _counted(statements))
    return ShareCounts(shares_on_price_basis(statements, actions), newest, first_known(statements))


def market_cap(snapshot: Snapshot, rows: IntArray, counts: ShareCounts | None = None) -> FloatArray:
    """Return the market value of each symbol on the given sessions, USD.

    Parameters
    ----------
    snapshot : Snapshot
    rows : int64 array, shape (R,)
        Rows of the panel.
    counts : ShareCounts, optional
        As in `market_value`.

    Returns
    -------
    float64 array, shape (R, N)
        NaN where unknown; `market_value` says why.
    """
    return market_value(snapshot, rows, counts).usd


def market_value(snapshot: Snapshot, rows: IntArray, counts: ShareCounts | None = None) -> MarketValue:
    """Return market values and why they are missing: split-adjusted close times share count on the same basis.

    Parameters
    ----------
    snapshot : Snapshot
        The latest statement with a positive share count known on a session counts, for 460 days; if its count is
        not believed, an older one is no better.
    rows : int64 array, shape (R,)
        Rows of the panel.
    counts : ShareCounts, optional
        Those of the snapshot's statements, or of more that begin with them; computed by default.

    Returns
    -------
    MarketValue
        NO_INPUT without statements, NOT_COVERED for a symbol without one, STALE beyond the maximum age. UNUSABLE
        where no count is positive and of a known basis, where the last close is more than five sessions back, and
        throughout where the panel's closes are adjusted for dividends too: nobody paid such a price, and it knows of
        dividends yet to come.
    """
    statements, n_symbols = snapshot.fundamentals, len(snapshot.symbols)
    unknown = np.full((rows.size, n_symbols), np.nan)
    if statements is None:
        return MarketValue(unknown, np.full(unknown.shape, np.int8(Reason.NO_INPUT), dtype=np.int8))
    days = snapshot.sessions[rows]
    counts = counts or share_counts(statements, snapshot.actions)
    latest = take_rows(counts.newest, last_filing(statements, days, n_symbols, usable=_counted(statements)))
    close = _last_close(snapshot, rows) if snapshot.panel.adjustment == "split" else np.nan
    usd = take(counts.shares, latest) * close
    stale = days[:, None] - dates(counts.first_known, latest) > MAX_AGE
    usd[stale] = np.nan
    reason = np.where(np.isfinite(usd), np.int8(Reason.PRESENT), np.int8(Reason.UNUSABLE)).astype(np.int8)
    reason[stale] = np.int8(Reason.STALE)
    reason[last_filing(statements, days, n_symbols) < 0] = np.int8(Reason.NOT_COVERED)
    return MarketValue(usd, reason)


def _last_close(snapshot: Snapshot, rows: IntArray) -> FloatArray:
    """Return the last close on or before each row, at most five sessions back, NaN where there is none, [R x N]."""
    close = snapshot.panel.close
    last = close[rows]
    for back in range(1, _MAX_GAP + 1):
        row, column = np.nonzero(np.isnan(last) & (rows >= back)[:, None])
        last[row, column] = close[rows[row] - back, column]
    return last


def shares_on_price_basis(statements: Fundamentals, actions: Actions | None) -> FloatArray:
    """Return the share count of each statement on the split basis of split-adjusted prices.

    Parameters
    ----------
    statements : Fundamentals
        M statements, every version of them, sorted by `known_at`.
    actions : Actions or None
        Splits; None means there were none.

    Returns
    -------
    float64 array, shape (M,)
        NaN where the count is missing, not positive, not believed, or on a basis that cannot be told.
    """
    counts = item(statements, "shares")
    rolled = counts if actions is None else counts * actions.factor_after(statements.column, statements.period_end)
    unsure = np.zeros(counts.size, dtype=np.bool_) if actions is None else _split_before_filing(statements, actions)
    out = np.full(counts.size, np.nan)
    periods = statements.period_end.astype(np.int64).tolist()
    history: dict[int, _History] = {}
    for row in np.flatnonzero(_counted(statements)).tolist():
        past = history.setdefault(int(statements.column[row]), _History())
        options = _bases(row, counts, statements, actions) if actions and unsure[row] else rolled[row : row + 1]
        out[row] = past.judge(options.tolist(), periods[row])
    return out


def _counted(statements: Fundamentals) -> BoolArray:
    """Return which statements hold a positive share count, [M]."""
    counts = item(statements, "shares")
    return np.isfinite(counts) & (counts > 0)


@dataclass(slots=True)
class _History:
    """One symbol's share count so far: the last believed, the last seen, and the day its period ended (a number)."""

    believed: float = np.nan
    seen: float = np.nan
    seen_at: int | None = None

    def judge(self, options: list[float], period: int) -> float:
        """Return the believed count among the options of a new statement, or NaN; and remember it."""
        comparable = self.seen_at is not None and abs(period - self.seen_at) <= _COMPARABLE
        if len(options) > 1 and not comparable:
            return np.nan
        jumps = [abs(log(x / self.believed)) if comparable else 0.0 for x in options]
        jump = min(jumps)
        count = options[jumps.index(jump)]
        repeated = period != self.seen_at and abs(log(count / self.seen)) <= _REPEATED
        believed = jump <= _BELIEVED or repeated
        if self.seen_at is None or period >= self.seen_at:
            self.seen, self.seen_at = count, period
            self.believed = count if believed else self.believed
        return count if believed else np.nan


def _split_before_filing(statements: Fundamentals, actions: Actions) -> BoolArray:
    """Return which statements' period ended before a split and became known on or after it, [M]."""
    hit = np.zeros(statements.column.size, dtype=np.bool_)
    for column, day in zip(actions.column, actions.date, strict=True):
        hit |= (statements.column == column) & (statements.period_end < day) & (day <= statements.known_at)
    return hit


def _bases(row: int, counts: FloatArray, statements: Fundamentals, actions: Actions) -> FloatArray:
    """Return the count rolled from each basis it may be on: the period's end, or after each split before filing."""
    own = actions.column == statements.column[row]
    between = own & (actions.date > statements.period_end[row]) & (actions.date <= statements.known_at[row])
    days: DateArray = np.concatenate([statements.period_end[row : row + 1], np.sort(actions.date[between])])
    column = np.full(days.size, statements.column[row])
    return np.asarray(counts[row] * actions.factor_after(column, days), dtype=np.float64)
