"""Checks of when symbols are there: sessions missing, symbols that come back, symbols that stop."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.quality import Finding, Severity, finding
from vfr.data.universe import Listings

__all__ = ["ends_early", "missing_sessions", "returned"]

_WEEK: Final = np.timedelta64(7, "D")
_RECENT: Final = 5
"""A symbol that closed within the last few sessions has not left; `Panel.trading` says the same."""


def missing_sessions(panel: Panel, listings: Listings) -> Finding:
    """Find sessions without a close between a symbol's first and last one."""
    row = np.arange(panel.sessions.size)[:, None]
    listed = (row >= listings.first) & (row <= listings.last) & (listings.first >= 0)
    missing = (listed & ~np.isfinite(panel.close)).sum(axis=0)
    expected = listed.sum(axis=0)
    worst = [c for c in np.argsort(-missing, kind="stable").tolist() if missing[c]]
    examples = [f"{panel.symbols[c]}: {missing[c]} of {expected[c]} sessions" for c in worst]
    share = missing.sum() / max(1, expected.sum())
    severity: Severity = "error" if share > 0.2 else "warning" if share > 0.001 else "info"
    message = f"{len(worst)} symbols lack sessions between their first and last bar; left unknown, never filled."
    return finding("missing_sessions", severity, examples, message, int(missing.sum()))


def returned(panel: Panel) -> Finding:
    """Find gaps of over a week between two bars of a symbol, and the move across each."""
    column, row = np.nonzero(np.isfinite(panel.close).T)
    gap = (np.diff(panel.sessions[row]) > _WEEK) & (np.diff(column) == 0)
    examples = []
    for i in np.flatnonzero(gap).tolist():
        c, left, back = column[i], row[i], row[i + 1]
        move = panel.adj_close[back, c] / panel.adj_close[left, c] - 1
        examples.append(f"{panel.symbols[c]} {panel.sessions[left]} to {panel.sessions[back]} {move:+.0%}")
    message = "gaps of over a week inside a symbol's history (left and came back); left unknown, no return spans them."
    return finding("returned_after_gap", "warning", examples, message)


def ends_early(panel: Panel, listings: Listings) -> Finding:
    """Find symbols without a bar on any of the last few sessions."""
    last = panel.sessions.size - _RECENT
    early = [c for c in range(len(panel.symbols)) if 0 <= listings.last[c] < last]
    examples = [f"{panel.symbols[c]} {panel.sessions[listings.last[c]]}" for c in early]
    message = (
        f"symbols whose bars stop over {_RECENT - 1} sessions before the end (acquired, delisted, dropped); "
        "no delisting return known."
    )
    return finding("ends_early", "info", examples, message)
