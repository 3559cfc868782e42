"""A price table, long or wide, to long bars; what cannot be read, and negative figures, are refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from vfr.adapters.providers.days import session_days
from vfr.adapters.providers.tables import Table, distinct, numbers, texts
from vfr.data.quality import Finding, finding
from vfr.data.symbols import normalise
from vfr.errors import ImportRejected, InvalidField
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["SHOWN", "Bars", "read_bars", "tickers"]

SHOWN: Final = 5
"""Examples named in a message."""

_LONG_MARKS: Final = ("symbol", "close", "adj_close")
_BAR_FIELDS: Final = frozenset({"open", "high", "low", "volume"})


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


def read_bars(table: Table) -> tuple[Bars, list[Finding]]:
    """Return a long or wide table as long bars; wide means one date column and a column of closes per symbol."""
    # OPEN and LOW are tickers too, so bar fields mark a long table only where nothing else is beside them.
    bars_only = {c.strip().lower() for c in table.frame.columns[1:]} <= _BAR_FIELDS and len(table.frame.columns) > 1
    if bars_only or any(table.find(mark) for mark in _LONG_MARKS):
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
    values, _, code = distinct(series)
    names, place = np.unique(np.array([_canonical(text) for text in values.to_list()]), return_inverse=True)
    return tuple(names.tolist()), place[code].astype(np.int64)


def _canonical(text: str) -> str:
    try:
        return normalise(text)
    except InvalidField:
        return "?" + ascii(text[:24])


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
            f"{table.file}: column {column} names {len(zones)} time zones ({', '.join(zones[:SHOWN])}); "
            "bring every row to one, and leave the column out"
        )


def _wide(table: Table) -> Bars:
    date = _date_column(table)
    columns = [c for c in table.frame.columns if c != date]
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
    known = np.isfinite(close)
    if not known.any():
        raise ImportRejected(f"{table.file}: no column holds a close; expected a date column and closes by symbol")
    return bars.keep(known)


def _date_column(table: Table) -> str:
    """Return the column called date, else the first that holds dates (pandas writes its index last), else the first."""
    typed = (c for c, kind in table.frame.schema.items() if kind.is_temporal())
    return table.find("date") or next(typed, table.frame.columns[0])


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
