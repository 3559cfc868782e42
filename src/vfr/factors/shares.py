"""Market capitalisation: share counts as reported, brought to the split basis of the prices they are multiplied with.

A statement reports shares on the basis of its period's end, unless the split came before it was filed: then United
States rules (SEC Staff Accounting Bulletin, topic 4.C) have it restated, and the count is on the later basis already.
Filing dates are often only assumed, so that the date alone cannot tell. The count decides: of the possible bases, the
one on which it continues the symbol's last statement best. Without an earlier statement to compare with, the count is
unknown: an answer wrong by the factor of the split is worse than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Actions, Fundamentals
from vfr.data.snapshot import Snapshot
from vfr.factors.scores import Reason
from vfr.factors.statements import MAX_AGE, dates, item, latest_known, take
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["MarketValue", "market_cap", "market_value", "shares_on_price_basis"]

_COMPARABLE: Final = np.timedelta64(800, "D")
"""Counts further apart than this say nothing about each other's basis."""


@dataclass(frozen=True, slots=True, eq=False)
class MarketValue:
    """Market value [R x N] in USD, NaN where unknown, and the `Reason` [R x N] why."""

    usd: FloatArray
    reason: NDArray[np.int8]


def market_cap(snapshot: Snapshot, rows: IntArray) -> FloatArray:
    """Return the market value of each symbol on the given sessions, USD.

    Parameters
    ----------
    snapshot : Snapshot
    rows : int64 array, shape (R,)
        Rows of the panel.

    Returns
    -------
    float64 array, shape (R, N)
        NaN where unknown; `market_value` says why.
    """
    return market_value(snapshot, rows).usd


def market_value(snapshot: Snapshot, rows: IntArray) -> MarketValue:
    """Return market values and why they are missing: split-adjusted close times share count on the same basis.

    Parameters
    ----------
    snapshot : Snapshot
        The latest usable share count known on a session counts, for 460 days.
    rows : int64 array, shape (R,)
        Rows of the panel.

    Returns
    -------
    MarketValue
        NO_INPUT without statements, NOT_COVERED for a symbol without one, STALE beyond the maximum age. UNUSABLE
        where no count is positive and of a known basis, where there is no close, and throughout where the panel's
        closes are adjusted for dividends too: nobody paid such a price, and it knows of dividends yet to come.
    """
    statements, n_symbols = snapshot.fundamentals, len(snapshot.symbols)
    unknown = np.full((rows.size, n_symbols), np.nan)
    if statements is None:
        return MarketValue(unknown, np.full(unknown.shape, np.int8(Reason.NO_INPUT), dtype=np.int8))
    days = snapshot.sessions[rows]
    shares = shares_on_price_basis(statements, snapshot.actions)
    latest = latest_known(statements, days, n_symbols, usable=np.isfinite(shares))
    usd = take(shares, latest) * (snapshot.panel.close[rows] if snapshot.panel.adjustment == "split" else np.nan)
    stale = days[:, None] - dates(statements.known_at, latest) > MAX_AGE
    usd[stale] = np.nan
    reason = np.where(np.isfinite(usd), np.int8(Reason.PRESENT), np.int8(Reason.UNUSABLE)).astype(np.int8)
    reason[stale] = np.int8(Reason.STALE)
    reason[latest_known(statements, days, n_symbols) < 0] = np.int8(Reason.NOT_COVERED)
    return MarketValue(usd, reason)


def shares_on_price_basis(statements: Fundamentals, actions: Actions | None) -> FloatArray:
    """Return the share count of each statement on the split basis of split-adjusted prices.

    Parameters
    ----------
    statements : Fundamentals
        M statements, sorted by `known_at`; each is judged by itself and its predecessors only.
    actions : Actions or None
        Splits; None means there were none.

    Returns
    -------
    float64 array, shape (M,)
        NaN where the count is missing, not positive, or on a basis that cannot be told.
    """
    counts = item(statements, "shares")
    counts = np.where(np.isfinite(counts) & (counts > 0), counts, np.nan)
    if actions is None:
        return counts
    rolled = counts * actions.factor_after(statements.column, statements.period_end)
    _settle_splits_before_filing(rolled, counts, statements, actions)
    return rolled


def _settle_splits_before_filing(
    rolled: FloatArray, counts: FloatArray, statements: Fundamentals, actions: Actions
) -> None:
    """Correct `rolled` in place where a split fell between a period's end and the day its statement was known."""
    for row in _ambiguous(statements, actions):
        before = _previous_usable(int(row), rolled, statements)
        candidates = _candidates(int(row), counts, statements, actions)
        if before < 0:
            rolled[row] = np.nan
        else:
            rolled[row] = candidates[int(np.argmin(np.abs(np.log(candidates / rolled[before]))))]


def _ambiguous(statements: Fundamentals, actions: Actions) -> IntArray:
    """Return the rows of statements whose period ended before a split and which became known on or after it."""
    hit = np.zeros(statements.column.size, dtype=np.bool_)
    for column, day in zip(actions.column, actions.date, strict=True):
        hit |= (statements.column == column) & (statements.period_end < day) & (day <= statements.known_at)
    return np.flatnonzero(hit)


def _previous_usable(row: int, rolled: FloatArray, statements: Fundamentals) -> int:
    """Return the statement before `row` of the same symbol with a settled count, -1 if none is near enough."""
    same = (statements.column[:row] == statements.column[row]) & np.isfinite(rolled[:row])
    gap = statements.period_end[row] - statements.period_end[:row]
    near = np.flatnonzero(same & (gap > np.timedelta64(0, "D")) & (gap <= _COMPARABLE))
    return int(near[np.argmax(statements.period_end[near])]) if near.size else -1


def _candidates(row: int, counts: FloatArray, statements: Fundamentals, actions: Actions) -> FloatArray:
    """Return the count rolled from each basis it may be on: the period's end, or after each split before filing."""
    own = actions.column == statements.column[row]
    between = own & (actions.date > statements.period_end[row]) & (actions.date <= statements.known_at[row])
    bases: DateArray = np.concatenate([statements.period_end[row : row + 1], np.sort(actions.date[between])])
    column = np.full(bases.size, statements.column[row])
    return np.asarray(counts[row] * actions.factor_after(column, bases), dtype=np.float64)
