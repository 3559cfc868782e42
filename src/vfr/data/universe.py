"""Which column of a panel a ticker of another source means, and who was in the index when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.records import Membership
from vfr.data.renames import lineage
from vfr.typing import DateArray, IntArray

__all__ = ["Listings", "Matches", "membership"]

_WAIT: Final = 280
_OWN_WAIT: Final = 30
"""Sessions before its first bar at which a record may already mean a column: statements come before index entries."""


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """Columns found for M tickers, -1 where none.

    `renamed` lists the tickers matched under another name as ``OLD=NEW``; `unmatched` those never matched.
    """

    column: IntArray
    renamed: tuple[str, ...]
    unmatched: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Listings:
    """First and last row with a known close of each symbol of a panel, shape (N,); -1 where there is none."""

    sessions: DateArray
    columns: dict[str, int]
    first: IntArray
    last: IntArray

    @classmethod
    def of(cls, panel: Panel) -> Listings:
        """Read the listings off a panel's closes."""
        known = np.isfinite(panel.close)
        ever = known.any(axis=0)
        first = np.where(ever, known.argmax(axis=0), -1)
        last = np.where(ever, panel.sessions.size - 1 - known[::-1].argmax(axis=0), -1)
        columns = {symbol: c for c, symbol in enumerate(panel.symbols)}
        return cls(panel.sessions, columns, first.astype(np.int64), last.astype(np.int64))

    def candidates(self, symbol: str, day: np.datetime64) -> list[int]:
        """Return the columns of every ticker of the company that `symbol` meant on a day, its own first."""
        return [self.columns[name] for name in lineage(symbol, day) if name in self.columns]

    def locate(self, symbol: str, day: np.datetime64) -> int:
        """Return the column a ticker meant on a day, -1 if none.

        Of several names of one company the one listed that day with the longer history wins: the ticker's own column
        may by now belong to another company. If none is listed yet, one listed within a year and a bit counts, the
        ticker's own within six weeks.
        """
        found = self.candidates(symbol, day)
        if not found or lineage(symbol, day) == (symbol,):
            return found[0] if found else -1
        row = min(max(int(np.searchsorted(self.sessions, day)), 0), self.sessions.size - 1)
        listed = [c for c in found if self.first[c] <= row <= self.last[c]]
        if listed:
            return max(listed, key=lambda c: int(self.last[c] - self.first[c]))
        own = self.columns.get(symbol)
        wait = {c: int(self.first[c]) - row for c in found}
        soon = [c for c in found if 0 < wait[c] <= (_OWN_WAIT if c == own else _WAIT)]
        return min(soon, key=wait.__getitem__, default=-1)

    def match(self, symbols: Sequence[str], days: DateArray) -> Matches:
        """Return the columns of M (ticker, day) pairs."""
        names, inverse = np.unique(np.asarray(symbols, dtype=np.str_), return_inverse=True)
        column = np.full(len(symbols), -1, dtype=np.int64)
        renamed, unmatched = [], []
        by_column = {c: s for s, c in self.columns.items()}
        order = np.argsort(inverse, kind="stable")
        for name, rows in zip(names.tolist(), np.split(order, np.cumsum(np.bincount(inverse))[:-1]), strict=True):
            moments, place = np.unique(days[rows], return_inverse=True)
            if lineage(name, moments[0]) == (name,):
                column[rows] = self.columns.get(name, -1)
            else:
                column[rows] = np.array([self.locate(name, day) for day in moments])[place]
            found = set(column[rows].tolist()) - {-1}
            renamed += [f"{name}={by_column[c]}" for c in sorted(found) if by_column[c] != name]
            if not found:
                unmatched.append(name)
        return Matches(column, tuple(renamed), tuple(unmatched))


def membership(index: str, symbols: Sequence[str], start: DateArray, end: DateArray, listings: Listings) -> Membership:
    """Return who was in an index at each session of a panel.

    Parameters
    ----------
    index : str
        Name of the index.
    symbols : sequence of str, length M
        Ticker of each interval.
    start, end : datetime64[D] arrays, shape (M,)
        First day in the index and first day no longer in it; NaT as an end means still in.
    listings : Listings
        The panel to align to.

    Returns
    -------
    Membership
        An interval counts for the columns of its company while they are listed; members that were never matched are
        named, except those whose interval does not meet the panel's sessions.
    """
    t, n = listings.sessions.size, len(listings.columns)
    member, size = np.zeros((t, n), dtype=np.bool_), np.zeros(t, dtype=np.int64)
    begin = np.searchsorted(listings.sessions, start)
    stop = np.where(np.isnat(end), t, np.searchsorted(listings.sessions, end))
    renamed, matched, missing = set(), set(), set()
    for symbol, day, r0, r1 in zip(symbols, start, begin.tolist(), stop.tolist(), strict=True):
        if r0 >= r1:
            continue
        size[r0:r1] += 1
        used = _mark(member, r0, r1, listings, listings.candidates(symbol, day))
        if not used:
            missing.add(symbol)
            continue
        matched.add(symbol)
        if any(c != listings.columns.get(symbol) for c in used):
            renamed.add(symbol)
    return Membership(index, member, size, len(renamed), tuple(sorted(missing - matched)))


def _mark(member: np.ndarray, r0: int, r1: int, listings: Listings, candidates: list[int]) -> list[int]:
    """Mark rows [r0, r1) for the candidates, the one listed longest within them first; return those used."""

    def overlap(column: int) -> int:
        return max(0, min(r1, int(listings.last[column]) + 1) - max(r0, int(listings.first[column])))

    free = np.ones(r1 - r0, dtype=np.bool_)
    used = []
    for column in sorted(candidates, key=overlap, reverse=True):
        rows = np.arange(r0, r1)
        take = free & (rows >= listings.first[column]) & (rows <= listings.last[column])
        if overlap(column) and take.any():
            member[rows[take], column] = True
            free &= ~take
            used.append(column)
    return used
