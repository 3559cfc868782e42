"""A price table, long or wide, to a panel: clean what is harmless and counted, refuse what is contradictory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from vfr.adapters.providers.days import session_days
from vfr.adapters.providers.tables import Table, numbers, read_table, texts
from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.quality import Finding, Severity, finding
from vfr.data.sessions import sessions_between
from vfr.data.symbols import normalise
from vfr.errors import ImportRejected, InvalidField
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["Bars", "read_bars", "read_panel", "tickers"]

_LONG_MARKS: Final = ("symbol", "open", "high", "low", "close", "adj_close", "volume")
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Bars:
    """Long bars, M rows: index into `symbols`, day, and figures by field, NaN where unknown."""

    file: str
    row: IntArray
    symbols: tuple[str, ...]
    code: IntArray
    day: DateArray
    figures: dict[str, FloatArray]
    split_only: bool

    def keep(self, rows: BoolArray | IntArray) -> Bars:
        """Return the rows where a condition holds, or the given rows in the given order."""
        figures = {name: f[rows] for name, f in self.figures.items()}
        return replace(self, row=self.row[rows], code=self.code[rows], day=self.day[rows], figures=figures)

    def label(self, index: int) -> str:
        """Return ``AAPL 2015-01-02`` for a row."""
        return f"{self.symbols[self.code[index]]} {self.day[index]}"


def read_panel(path: Path) -> tuple[Panel, list[Finding], int]:
    """Return the panel of a price file, the findings of its rows, and how many rows were read.

    Raises
    ------
    ImportRejected
        If the file is unreadable, lacks a column, holds a negative or non-numeric price, contradicts itself about a
        (symbol, day), or leaves fewer than two sessions.
    """
    bars, findings = read_bars(read_table(path))
    read = bars.row.size
    bars = _known_symbols(bars, findings)
    bars = _without_zero_prices(bars, findings)
    sessions = sessions_between(bars.day.min(), bars.day.max())
    bars = _on_sessions(bars, sessions, findings)
    bars = _unique(bars, findings)
    bars = bars.keep(np.isfinite(bars.figures["close"]))
    return _panel(bars), findings, read


def read_bars(table: Table) -> tuple[Bars, list[Finding]]:
    """Return a long or wide table as long bars; wide means one date column and a column of closes per symbol."""
    if any(table.find(mark) for mark in _LONG_MARKS):
        return _long(table), []
    return _wide(table), [
        finding("closes_only", "info", (), f"{table.file} is wide: closes only, no open, high, low or volume.", 1)
    ]


def tickers(table: Table, column: str) -> tuple[tuple[str, ...], IntArray]:
    """Return the distinct tickers of a column, canonical and sorted, and each row's index into them.

    A text that is no ticker is kept as it is, marked with a leading ``?``, for the caller to drop and name.
    """
    series = texts(table, column)
    if series.null_count():
        row = table.row(int(series.is_null().arg_max() or 0))
        raise ImportRejected(f"{table.file}: column {column}, row {row}: the symbol is missing; fill it in")
    raw, inverse = np.unique(series.to_numpy().astype(np.str_), return_inverse=True)
    names, place = np.unique(np.array([_canonical(text) for text in raw.tolist()]), return_inverse=True)
    return tuple(names.tolist()), place[inverse].astype(np.int64)


def _canonical(text: str) -> str:
    try:
        return normalise(text)
    except InvalidField:
        return "?" + text[:24]


def _long(table: Table) -> Bars:
    symbol, date, close = table.need("symbol"), table.need("date"), table.need("close")
    _refuse_second_zone(table)
    names, code = tickers(table, symbol)
    figures = {"close": numbers(table, close)}
    for field in ("open", "high", "low", "adj_close", "volume"):
        column = table.find(field)
        figures[field] = numbers(table, column) if column else np.full(code.size, np.nan)
    split_only = table.find("adj_close") is not None
    if not split_only:
        figures["adj_close"] = figures["close"].copy()
    rows = np.arange(code.size) + table.first_row
    bars = Bars(table.file, rows, names, code, session_days(table, date), figures, split_only)
    _refuse_negative(bars)
    return bars


def _refuse_second_zone(table: Table) -> None:
    column = next((c for c in ("time_zone", "timezone", "tz") if table.find(c)), None)
    if column is None:
        return
    zones = texts(table, table.need(column)).unique().drop_nulls().sort().to_list()
    if len(zones) > 1:
        raise ImportRejected(
            f"{table.file}: column {column} names {len(zones)} time zones ({', '.join(zones[:_SHOWN])}); "
            "bring every row to one, and leave the column out"
        )


def _wide(table: Table) -> Bars:
    date, *columns = table.frame.columns
    if not columns:
        raise ImportRejected(
            f"{table.file}: only the column {date}; expected symbol, date, close ... or a date column and closes"
        )
    days = session_days(table, date)
    raw = [_canonical(c) for c in columns]
    names = tuple(sorted(set(raw)))
    code = np.repeat(np.array([names.index(n) for n in raw]), days.size)
    close = np.concatenate([numbers(table, c) for c in columns])
    figures = {f: np.full(close.size, np.nan) for f in ("open", "high", "low", "volume")}
    figures |= {"close": close, "adj_close": close.copy()}
    rows = np.tile(np.arange(days.size), len(columns)) + table.first_row
    bars = Bars(table.file, rows, names, code, np.tile(days, len(columns)), figures, split_only=False)
    _refuse_negative(bars)
    return bars


def _refuse_negative(bars: Bars) -> None:
    for field, figures in bars.figures.items():
        bad = figures < 0
        if bad.any():
            first = int(np.argmax(bad))
            kind = "a volume cannot be negative" if field == "volume" else "a price must be positive"
            raise ImportRejected(
                f"{bars.file}: column {field}, row {bars.row[first]} ({bars.label(first)}): {figures[first]:g}; {kind};"
                f" correct or remove it ({int(bad.sum())} such values)"
            )


def _known_symbols(bars: Bars, findings: list[Finding]) -> Bars:
    bad = [s for s in bars.symbols if s.startswith("?")]
    if not bad:
        return bars
    keep = np.array([not s.startswith("?") for s in bars.symbols])[bars.code]
    if not keep.any():
        raise ImportRejected(
            f"{bars.file}: no column or row names a US ticker (found {bad[0][1:]!a}); write AAPL, BRK.B"
        )
    message = "symbols that are not US tickers; their rows were dropped."
    findings.append(finding("malformed_symbols", "error", [ascii(s[1:]) for s in bad], message))
    return bars.keep(keep)


def _without_zero_prices(bars: Bars, findings: list[Finding]) -> Bars:
    zero = np.zeros(bars.row.size, dtype=np.bool_)
    for field in PRICE_FIELDS:
        here = bars.figures[field] == 0
        bars.figures[field][here] = np.nan
        zero |= here
    if zero.any():
        examples = [bars.label(i) for i in np.flatnonzero(zero)[:_SHOWN]]
        message = "rows with a price of zero; that price is taken as unknown."
        findings.append(finding("zero_prices", "warning", examples, message, int(zero.sum())))
    return bars


def _on_sessions(bars: Bars, sessions: DateArray, findings: list[Finding]) -> Bars:
    open_day = np.isin(bars.day, sessions)
    count = int((~open_day).sum())
    if count:
        days = np.unique(bars.day[~open_day])
        severity: Severity = "error" if count > 0.1 * bars.row.size else "warning"
        message = f"rows on {days.size} days the New York exchange was closed; dropped."
        examples = [bars.label(i) for i in np.flatnonzero(~open_day)[:_SHOWN]]
        findings.append(finding("closed_days", severity, examples, message, count))
    if np.unique(bars.day[open_day]).size < 2:
        raise ImportRejected(
            f"{bars.file}: fewer than two sessions of the New York exchange ({open_day.sum()} rows on them); "
            "a score needs a history, a year or more is best"
        )
    return bars.keep(open_day)


def _unique(bars: Bars, findings: list[Finding]) -> Bars:
    """Order rows by (symbol, day), drop identical repeats, refuse contradictions."""
    key = bars.code * 1_000_000 + bars.day.astype(np.int64)
    if (np.diff(key) < 0).any():
        findings.append(finding("unsorted_rows", "info", (), "rows were not in order; sorted by symbol and day.", 1))
    order = np.argsort(key, kind="stable")
    repeat = np.flatnonzero(np.diff(key[order]) == 0)
    if repeat.size == 0:
        return bars.keep(order)
    one, two = order[repeat], order[repeat + 1]
    differ = np.zeros(repeat.size, dtype=np.bool_)
    for figures in bars.figures.values():
        a, b = figures[one], figures[two]
        differ |= (a != b) & ~(np.isnan(a) & np.isnan(b))
    if differ.any():
        named = [
            f"{bars.label(i)} (rows {bars.row[i]} and {bars.row[j]})"
            for i, j in zip(one[differ], two[differ], strict=True)
        ]
        raise ImportRejected(
            f"{bars.file}: {len(named)} (symbol, date) pairs come twice with different values: "
            f"{'; '.join(named[:_SHOWN])}; keep the right row of each"
        )
    message = "rows repeated another row exactly; dropped."
    findings.append(finding("duplicate_rows", "warning", [bars.label(i) for i in one[:_SHOWN]], message, repeat.size))
    return bars.keep(np.delete(order, repeat + 1))


def _panel(bars: Bars) -> Panel:
    if bars.row.size == 0:
        raise ImportRejected(f"{bars.file}: no row has a close")
    sessions = sessions_between(bars.day.min(), bars.day.max())
    if sessions.size < 2:
        raise ImportRejected(
            f"{bars.file}: closes of one session only; a score needs a history, a year or more is best"
        )
    used = np.unique(bars.code)
    column, row = np.searchsorted(used, bars.code), np.searchsorted(sessions, bars.day)
    fields = {}
    for name, figures in bars.figures.items():
        fields[name] = np.full((sessions.size, used.size), np.nan)
        fields[name][row, column] = figures
    symbols = tuple(bars.symbols[c] for c in used)
    return Panel(sessions=sessions, symbols=symbols, adjustment="split" if bars.split_only else "dividend", **fields)
