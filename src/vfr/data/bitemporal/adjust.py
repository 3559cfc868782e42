"""Bars as traded, splits and dividends, to the prices of a panel as somebody would have adjusted them on a day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vfr.data.panel import Panel
from vfr.data.records import Actions
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["Dividends", "adjusted", "total_return_factor"]


@dataclass(frozen=True, slots=True, eq=False)
class Dividends:
    """Cash dividends, K rows: `amount` USD per share held before the open of `date` (the ex-date), as paid."""

    column: IntArray
    date: DateArray
    amount: FloatArray


def adjusted(
    sessions: DateArray, symbols: tuple[str, ...], traded: dict[str, FloatArray], splits: Actions, dividends: Dividends
) -> Panel:
    """Return a panel on the split basis of its last session, with total-return closes beside.

    Parameters
    ----------
    sessions : datetime64[D] array, shape (T,)
    symbols : tuple of str, length N
    traded : mapping of str to float64 array, shape (T, N)
        ``open, high, low, close, volume`` as traded; NaN where unknown.
    splits, dividends : Actions, Dividends
        Those in force by the last session; others must not be passed.

    Notes
    -----
    A dividend D with ex-date d multiplies every earlier close by 1 - D / P, P the last known close before d, both on
    the split basis of d: the method of the Center for Research in Security Prices (CRSP). A dividend without a close
    before it, or not below that close, changes nothing.
    """
    factor = splits.split_factor(sessions, len(symbols))
    fields = {name: traded[name] / factor for name in ("open", "high", "low", "close")}
    total = fields["close"] * total_return_factor(sessions, fields["close"], factor, dividends)
    volume = traded["volume"] * factor
    return Panel(sessions=sessions, symbols=symbols, adjustment="split", adj_close=total, volume=volume, **fields)


def total_return_factor(
    sessions: DateArray, close: FloatArray, split_factor: FloatArray, dividends: Dividends
) -> FloatArray:
    """Return [T x N]: what to multiply split-adjusted closes by so that their returns hold the dividends.

    The last session's factor is 1. Parameters as in `adjusted`; `close` is split-adjusted.
    """
    row = np.searchsorted(sessions, dividends.date)
    inside = (row > 0) & (row < sessions.size)
    row, column, amount = row[inside], dividends.column[inside], dividends.amount[inside]
    before = _last_known(close)[row - 1, column]
    # As paid on the ex-date, so on its split basis; closes are on the last session's.
    with np.errstate(invalid="ignore", divide="ignore"):
        kept = 1.0 - amount / split_factor[row, column] / before
    usable: BoolArray = np.isfinite(kept) & (kept > 0)
    log_factor = np.zeros((sessions.size + 1, close.shape[1]))
    np.add.at(log_factor, (row[usable], column[usable]), np.log(kept[usable]))
    after = log_factor[::-1].cumsum(axis=0)[::-1]
    return np.asarray(np.exp(after[1:]), dtype=np.float64)


def _last_known(figures: FloatArray) -> FloatArray:
    """Return the last finite figure on or before each row, NaN before the first."""
    rows = np.where(np.isfinite(figures), np.arange(figures.shape[0])[:, None], -1)
    latest = np.maximum.accumulate(rows, axis=0)
    return np.where(latest >= 0, np.take_along_axis(figures, np.maximum(latest, 0), axis=0), np.nan)
