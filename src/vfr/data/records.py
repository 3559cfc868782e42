"""What is known beside prices: statements, macro series, texts, corporate actions, membership. Plain arrays, dated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vfr.typing import BoolArray, DateArray, FloatArray, IntArray, TimeArray

__all__ = [
    "Actions",
    "Benchmark",
    "Fundamentals",
    "Macro",
    "MacroSeries",
    "Membership",
    "Securities",
    "Texts",
    "renumbered",
]


@dataclass(frozen=True, slots=True, eq=False)
class Securities:
    """Static description of the N symbols of a panel, in its column order; "" where unknown."""

    name: tuple[str, ...]
    sector: tuple[str, ...]
    sub_industry: tuple[str, ...]

    def take(self, columns: IntArray) -> Securities:
        """Return the descriptions of the given columns."""
        chosen = columns.tolist()
        rows = ([words[c] for c in chosen] for words in (self.name, self.sector, self.sub_industry))
        return Securities(*map(tuple, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Actions:
    """Splits, K rows: `ratio` new shares for one old, in force from the open of `date` (2.0 is a two-for-one)."""

    column: IntArray
    date: DateArray
    ratio: FloatArray

    def split_factor(self, sessions: DateArray, n_symbols: int) -> FloatArray:
        """Return [T x N]: product of the splits after each session.

        Multiply shares counted on a session's basis by it (or divide per-share figures by it) to bring them to the
        basis of split-adjusted prices; multiply a split-adjusted price by it to get the price as traded.
        """
        log_factor = np.zeros((sessions.size + 1, n_symbols))
        # A split of day d applies to every session before d: add it at the last such row and sum backwards.
        last_before = np.searchsorted(sessions, self.date, side="left")
        np.add.at(log_factor, (last_before, self.column), np.log(self.ratio))
        after = log_factor[::-1].cumsum(axis=0)[::-1]
        return np.asarray(np.exp(after[1:]), dtype=np.float64)

    def factor_after(self, column: IntArray, day: DateArray) -> FloatArray:
        """Return for each (column, day) pair the product of the splits after that day, shape of the pairs."""
        out = np.ones(column.size)
        for c, d, r in zip(self.column, self.date, self.ratio, strict=True):
            out[(column == c) & (day < d)] *= r
        return out

    def take(self, columns: IntArray) -> Actions:
        """Return the splits of the given columns, renumbered from 0 in their order."""
        column, rows = renumbered(self.column, columns)
        return Actions(column, self.date[rows], self.ratio[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Fundamentals:
    """Statements, M rows sorted by `known_at`: every version of each (symbol, period), each whole.

    The first version is the statement as first published, later ones restate it; on any day the version in force is
    the last one known by then, and of several of one day the last in order. `values` maps a canonical item
    (``revenue``, ``net_income``, ``total_assets`` ...) to M figures in USD (shares in shares, ``eps`` in USD per
    share) as reported, NaN where unknown. `known_at` is the filing date, or the date the source lets one assume.
    `vfr.data.restate` makes whole versions of
    filings that repeat only part of a statement.
    """

    column: IntArray
    period_end: DateArray
    known_at: DateArray
    values: Mapping[str, FloatArray]

    def known_by(self, day: np.datetime64) -> Fundamentals:
        """Drop every statement not yet public at the end of a day."""
        n = int(np.searchsorted(self.known_at, day, side="right"))
        values = {item: figures[:n] for item, figures in self.values.items()}
        return Fundamentals(self.column[:n], self.period_end[:n], self.known_at[:n], values)

    def take(self, columns: IntArray) -> Fundamentals:
        """Return the statements of the given columns, renumbered from 0 in their order."""
        column, rows = renumbered(self.column, columns)
        values = {item: figures[rows] for item, figures in self.values.items()}
        return Fundamentals(column, self.period_end[rows], self.known_at[rows], values)


@dataclass(frozen=True, slots=True, eq=False)
class MacroSeries:
    """One series, sorted by `known_at` (the release date, not the period); `revised` if levels are later revisions.

    An observation `date` may have several rows, its vintages: on any day the one last known by then is in force, and
    of several of one day the last in order. A vintage of NaN withdraws the observation until a later one. Such a
    series holds what was known, so it is not `revised`.
    """

    date: DateArray
    known_at: DateArray
    value: FloatArray
    revised: bool

    def known_by(self, day: np.datetime64) -> MacroSeries:
        """Drop every observation not yet released at the end of a day."""
        n = int(np.searchsorted(self.known_at, day, side="right"))
        return MacroSeries(self.date[:n], self.known_at[:n], self.value[:n], self.revised)


@dataclass(frozen=True, slots=True, eq=False)
class Macro:
    """Macro series by identifier (FRED's where it has one: ``VIXCLS``, ``DGS10``, ``CPIAUCSL``, ``UNRATE`` ...)."""

    series: Mapping[str, MacroSeries]

    def known_by(self, day: np.datetime64) -> Macro:
        """Drop every observation not yet released at the end of a day."""
        return Macro({name: s.known_by(day) for name, s in self.series.items()})


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Dated texts about symbols, M rows sorted by `created_at` (UTC)."""

    column: IntArray
    created_at: TimeArray
    text: tuple[str, ...]

    def known_by(self, moment: np.datetime64) -> Texts:
        """Drop every text written after a moment (UTC)."""
        n = int(np.searchsorted(self.created_at, moment, side="right"))
        return Texts(self.column[:n], self.created_at[:n], self.text[:n])

    def take(self, columns: IntArray) -> Texts:
        """Return the texts about the given columns, renumbered from 0 in their order."""
        column, rows = renumbered(self.column, columns)
        return Texts(column, self.created_at[rows], tuple(self.text[i] for i in rows.tolist()))


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """Index membership as of each session.

    `member` [T x N] is true where a symbol of the panel was in the index; `index_size` [T] counts all members, priced
    here or not, so that coverage (members priced / index size) can be printed beside every result. `renamed` counts
    symbols matched through a rename, `unreconciled` names the members no symbol of the panel was matched to.
    """

    index: str
    member: BoolArray
    index_size: IntArray
    renamed: int
    unreconciled: tuple[str, ...]

    def rows(self, start: int, stop: int) -> Membership:
        """Return the sessions [start, stop)."""
        cut = self.member[start:stop], self.index_size[start:stop]
        return Membership(self.index, *cut, self.renamed, self.unreconciled)

    def take(self, columns: IntArray) -> Membership:
        """Return the given columns; the size of the index and what was never matched stay those of the whole."""
        return Membership(self.index, self.member[:, columns], self.index_size, self.renamed, self.unreconciled)


@dataclass(frozen=True, slots=True, eq=False)
class Benchmark:
    """The market, aligned to the panel's sessions: close [T] and, unless price-only, total-return adj_close [T]."""

    symbol: str
    close: FloatArray
    adj_close: FloatArray
    price_only: bool

    def rows(self, start: int, stop: int) -> Benchmark:
        """Return the sessions [start, stop)."""
        return Benchmark(self.symbol, self.close[start:stop], self.adj_close[start:stop], self.price_only)


def renumbered(column: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
    """Return for rows about some columns their new numbers, places in `columns`, and which rows those are.

    Examples
    --------
    >>> number, rows = renumbered(np.array([4, 0, 7, 4]), np.array([0, 4]))
    >>> number.tolist(), rows.tolist()
    ([1, 0, 1], [0, 1, 3])
    """
    place = np.full(max(column.max(initial=-1), columns.max(initial=-1)) + 1, -1, dtype=np.int64)
    place[columns] = np.arange(columns.size)
    rows = np.flatnonzero(place[column] >= 0)
    return place[column[rows]], rows
