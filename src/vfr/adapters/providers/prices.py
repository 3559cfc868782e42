"""Long bars to a panel: clean what is harmless and counted, refuse what is contradictory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vfr.adapters.providers.bars import SHOWN, Bars, read_bars
from vfr.adapters.providers.tables import read_table
from vfr.data.last_session import THIN, sessions_to_keep
from vfr.data.panel import PRICE_FIELDS, Panel
from vfr.data.quality import Finding, Severity, finding
from vfr.data.sessions import sessions_between
from vfr.errors import ImportRejected
from vfr.typing import DateArray

__all__ = ["read_panel"]


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
    bars = _with_close(bars, findings)
    return _without_thin_tail(_panel(bars), findings), findings, read


def _known_symbols(bars: Bars, findings: list[Finding]) -> Bars:
    bad = [s for s in bars.symbols if s.startswith("?")]
    if not bad:
        return bars
    keep = np.array([not s.startswith("?") for s in bars.symbols])[bars.code]
    if not keep.any():
        raise ImportRejected(f"{bars.file}: no column or row names a US ticker (found {bad[0][1:]}); write AAPL, BRK.B")
    message = "symbols that are not US tickers; their rows were dropped."
    findings.append(finding("malformed_symbols", "error", [s[1:] for s in bad], message))
    return bars.keep(keep)


def _without_zero_prices(bars: Bars, findings: list[Finding]) -> Bars:
    zero = np.zeros(bars.row.size, dtype=np.bool_)
    for field in PRICE_FIELDS:
        here = bars.figures[field] == 0
        bars.figures[field][here] = np.nan
        zero |= here
    if zero.any():
        examples = [bars.label(i) for i in np.flatnonzero(zero)[:SHOWN]]
        message = "rows with a price of zero; that price is taken as unknown."
        findings.append(finding("zero_prices", "warning", examples, message, int(zero.sum())))
    return bars


def _on_sessions(bars: Bars, sessions: DateArray, findings: list[Finding]) -> Bars:
    open_day = np.isin(bars.day, sessions)
    count = int((~open_day).sum())
    if count:
        days = np.unique(bars.day[~open_day])
        severity: Severity = "error" if count > 0.1 * bars.row.size else "warning"
        message = f"rows on {days.size} day(s) the New York exchange was closed; dropped."
        examples = [bars.label(i) for i in np.flatnonzero(~open_day)[:SHOWN]]
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
    order = np.argsort(key, kind="stable")
    late = (np.diff(order) < 0) & (np.diff(bars.code[order]) == 0)
    if late.any():
        message = "rows came after a later day of their symbol; sorted."
        findings.append(finding("unsorted_rows", "info", (), message, int(late.sum())))
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
            f"{'; '.join(named[:SHOWN])}; keep the right row of each"
        )
    message = "rows repeated another row exactly; dropped."
    findings.append(finding("duplicate_rows", "warning", [bars.label(i) for i in one[:SHOWN]], message, repeat.size))
    return bars.keep(np.delete(order, repeat + 1))


def _with_close(bars: Bars, findings: list[Finding]) -> Bars:
    known = np.isfinite(bars.figures["close"])
    if not known.any():
        raise ImportRejected(f"{bars.file}: column close: no row on a session has one; fill it in")
    if not known.all():
        examples = [bars.label(i) for i in np.flatnonzero(~known)[:SHOWN]]
        message = "rows without a close; the bar is unknown."
        findings.append(finding("rows_without_close", "warning", examples, message, int((~known).sum())))
    return bars.keep(known)


def _without_thin_tail(panel: Panel, findings: list[Finding]) -> Panel:
    stop = sessions_to_keep(panel)
    if stop == panel.sessions.size:
        return panel
    dropped = [str(day) for day in panel.sessions[stop:]]
    message = f"last sessions with bars of under {THIN:.0%} of the symbols; dropped."
    findings.append(finding("thin_last_sessions", "warning", dropped, message))
    cut = panel.rows(0, stop)
    return cut.take(np.flatnonzero(np.isfinite(cut.close).any(axis=0)))


def _panel(bars: Bars) -> Panel:
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
