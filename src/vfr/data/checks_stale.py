"""Checks for bars that were not traded but repeated from the session before."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.quality import Finding, Severity, finding
from vfr.typing import BoolArray, FloatArray, IntArray

__all__ = ["stale_cells", "stale_findings"]

_STUCK: Final = 5
_SAME: Final = 1e-9
"""Prices adjusted for dividends differ in the last digits though they were the same price."""

_BEFORE: Final = 60
_LEAST: Final = 20
_TRADED: Final = 0.1
_HIDDEN: Final = 4.0
_STOOD_STILL: Final = 3.0
_MAD_TO_SIGMA: Final = 1.4826
_LEAST_SCALE: Final = 0.006
"""Least daily deviation assumed: the target of a takeover, or a stock that hardly trades, rightly stands still."""

_AT_ONCE: Final = 10_000
_NEXT_ROW: Final = np.array([1, 0])


def stale_findings(panel: Panel) -> list[Finding]:
    """Return what repeats: bars that hide a move, other bars without a range, whole bars, closes stuck for days."""
    hidden, quiet = stale_cells(panel)
    found: tuple[tuple[str, Severity, IntArray, str], ...] = (
        (
            "stale_bars",
            "warning",
            hidden,
            "bars that repeat the close before and hide a move, seen a session late; kept.",
        ),
        ("flat_bars", "info", quiet, "bars without a range at the close before, though shares were traded; kept."),
        ("repeated_bars", "warning", _repeated(panel), "bars that repeat every price of the session before; kept."),
        ("stuck_closes", "info", _stuck(panel), "closes without a range that stand still for five sessions; kept."),
    )
    out = []
    for check, severity, cells, text in found:
        examples = [f"{panel.symbols[c]} {panel.sessions[r]}" for r, c in cells[:8].tolist()]
        out.append(finding(check, severity, examples, text, len(cells)))
    return out


def stale_cells(panel: Panel) -> tuple[IntArray, IntArray]:
    """Return the flat bars of a panel, those that hide a move and the others.

    A bar is *flat* if its open, high and low equal its close and the close before, though at least a tenth of the usual
    volume was traded: a price that did not move once while shares changed hands is a vendor's placeholder. A flat bar
    *hides a move* if the next session opens or closes abnormally far from it, or the universe's median moved so far
    that day that standing still is not credible. "Abnormal" is in units of the symbol's own robust deviation of the 60
    sessions before (at least 0.6 %), the next move less the universe's median.

    Returns
    -------
    tuple of int64 arrays, shapes (K, 2) and (L, 2)
        Row and column of each.
    """
    cells = _flat(panel)
    hides = _hides_a_move(panel, cells)
    return cells[hides], cells[~hides]


def _same(a: FloatArray, b: FloatArray) -> BoolArray:
    return np.asarray(np.abs(a - b) <= _SAME * b)


def _flat(panel: Panel) -> IntArray:
    """Return (row, column) of bars without a range at the close before, on which shares were traded as usual."""
    close, before = panel.close[1:], panel.close[:-1]
    flat = _same(close, before) & _same(panel.high[1:], close) & _same(panel.low[1:], close) & (panel.volume[1:] > 0)
    cells = np.argwhere(flat) + _NEXT_ROW
    usual = _median_before(panel.volume, cells)
    row, column = cells.T
    return np.asarray(cells[panel.volume[row, column] >= _TRADED * usual])


def _hides_a_move(panel: Panel, cells: IntArray) -> BoolArray:
    moves = np.full(panel.shape, np.nan)
    moves[1:] = np.log(panel.adj_close[1:] / panel.adj_close[:-1])
    row, column = cells[cells[:, 0] + 1 < panel.shape[0]].T
    out = np.zeros(len(cells), dtype=np.bool_)
    if row.size == 0:
        return out
    scale = np.maximum(_MAD_TO_SIGMA * _median_before(np.abs(moves), np.column_stack([row, column])), _LEAST_SCALE)
    peers = np.array([_median(moves[r]) for r in row])
    peers_next = np.array([_median(moves[r + 1]) for r in row])
    closed = moves[row + 1, column] - peers_next
    # The open is split-adjusted only; shifting it by the close's adjustment puts it beside the adjusted close before.
    opened = closed + peers_next + np.log(panel.open[row + 1, column] / panel.close[row + 1, column])
    late = np.fmax(np.abs(closed), np.abs(opened)) >= _HIDDEN * scale
    still = np.abs(peers) >= _STOOD_STILL * scale
    out[cells[:, 0] + 1 < panel.shape[0]] = late | still
    return out


def _repeated(panel: Panel) -> IntArray:
    """Return (row, column) of bars with a range that equal the bar before in every price, shares traded or unknown."""
    fields = (panel.open, panel.high, panel.low, panel.close)
    same = np.logical_and.reduce([_same(f[1:], f[:-1]) for f in fields])
    ranged = ~_same(panel.high[1:], panel.low[1:]) & ~(panel.volume[1:] == 0)
    found: IntArray = np.argwhere(same & ranged) + _NEXT_ROW
    return found


def _stuck(panel: Panel) -> IntArray:
    """Return (row, column) of closes known without a range that did not move for five sessions."""
    same = _same(panel.close[1:], panel.close[:-1])
    row = np.arange(same.shape[0])[:, None]
    moved = np.maximum.accumulate(np.where(same, -1, row), axis=0)
    found: IntArray = np.argwhere(same & (row - moved >= _STUCK) & ~np.isfinite(panel.high[1:])) + _NEXT_ROW
    return found


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _median_before(values: FloatArray, cells: IntArray) -> FloatArray:
    """Return the median of the 60 rows before each cell, NaN with fewer than 20 known."""
    out = np.full(len(cells), np.nan)
    for start in range(0, len(cells), _AT_ONCE):
        row, column = cells[start : start + _AT_ONCE].T
        rows = row[:, None] - np.arange(1, _BEFORE + 1)
        window = np.where(rows >= 0, values[np.maximum(rows, 0), column[:, None]], np.nan)
        window[np.isfinite(window).sum(axis=1) < _LEAST] = 0
        middle = np.nanmedian(window, axis=1)
        out[start : start + _AT_ONCE] = np.where(middle > 0, middle, np.nan)
    return out
