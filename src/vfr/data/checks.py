"""Checks of a finished panel: what a reader should know before trusting a score. Nothing is changed here."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.checks_listings import ends_early, missing_sessions, returned
from vfr.data.checks_stale import stale_findings
from vfr.data.panel import Panel
from vfr.data.quality import Finding, finding
from vfr.data.universe import Listings
from vfr.typing import BoolArray, FloatArray

__all__ = ["check_panel", "panel_facts"]

_JUMP: Final = 0.5
_CORPORATE: Final = 0.4
_TOLERANCE: Final = 1e-6
_GROSS: Final = 0.005


def check_panel(panel: Panel) -> list[Finding]:
    """Return the findings of every check on a panel.

    Checks: sessions missing inside a symbol's listing, symbols that leave and come back or end early, bars that repeat
    the one before (and those among them that hide a move), returns beyond 50 %, jumps of the close alone, open or
    close outside high-low, zero volume, fields missing beside a known close.
    """
    listings = Listings.of(panel)
    found = [
        missing_sessions(panel, listings),
        returned(panel),
        ends_early(panel, listings),
        *stale_findings(panel),
        _large_returns(panel),
        _close_jumps(panel),
        _ranges(panel),
        _zero_volume(panel),
        _missing_fields(panel),
    ]
    return [f for f in found if f.count]


def _cells(panel: Panel, where: BoolArray) -> list[str]:
    return [f"{panel.symbols[c]} {panel.sessions[r]}" for r, c in np.argwhere(where)[:8].tolist()]


def _returns(price: FloatArray) -> FloatArray:
    """Return [T x N] one-session returns; the first row, and a session beside a gap, have none."""
    out = np.full(price.shape, np.nan)
    out[1:] = price[1:] / price[:-1] - 1
    return out


def _moves(panel: Panel, where: BoolArray, returns: FloatArray) -> list[str]:
    cells = np.argwhere(where)[:8].tolist()
    return [f"{panel.symbols[c]} {panel.sessions[r]} {returns[r, c]:+.0%}" for r, c in cells]


def _large_returns(panel: Panel) -> Finding:
    returns = _returns(panel.adj_close)
    big = np.abs(returns) > _JUMP
    message = "one-session returns beyond 50 %, real ones included; kept."
    return finding("large_returns", "warning", _moves(panel, big, returns), message, int(big.sum()))


def _close_jumps(panel: Panel) -> Finding:
    """Find closes that jump while the adjusted close does not: a corporate action that only one of them knows."""
    returns = _returns(panel.close)
    alone = (np.abs(returns) > _CORPORATE) & (np.abs(_returns(panel.adj_close)) <= _CORPORATE)
    message = (
        "closes that move over 40 % in a session while the adjusted close does not (spin-offs, new share classes, "
        "splits not applied); kept: returns are measured on the adjusted close."
    )
    return finding("close_jumps", "warning", _moves(panel, alone, returns), message, int(alone.sum()))


def _ranges(panel: Panel) -> Finding:
    top, bottom = np.fmax(panel.open, panel.close), np.fmin(panel.open, panel.close)
    beyond = np.fmax(np.fmax(top / panel.high, panel.low / bottom), panel.low / panel.high) - 1
    bad = beyond > _TOLERANCE
    gross = int((beyond > _GROSS).sum())
    message = (
        f"bars whose open or close lies outside high-low, {gross} of them by over 0.5 %; kept as the source has them."
    )
    return finding("outside_high_low", "warning", _cells(panel, bad), message, int(bad.sum()))


def _zero_volume(panel: Panel) -> Finding:
    zero = panel.volume == 0
    return finding("zero_volume", "info", _cells(panel, zero), "bars without a trade; kept.", int(zero.sum()))


def _missing_fields(panel: Panel) -> Finding:
    known = np.isfinite(panel.close)
    fields = ("open", "high", "low", "adj_close", "volume")
    counts = {name: int((known & ~np.isfinite(getattr(panel, name))).sum()) for name in fields}
    examples = [f"{name}: {count} of {int(known.sum())} bars" for name, count in counts.items() if count]
    message = "fields unknown beside a known close; scores that need them say so."
    return finding("missing_fields", "info", examples, message, sum(counts.values()))


def panel_facts(panel: Panel, rows_read: int) -> dict[str, str | int | float]:
    """Return what a report says of the panel itself: its size, span and adjustment."""
    return {
        "rowsRead": rows_read,
        "bars": int(np.isfinite(panel.close).sum()),
        "sessions": panel.shape[0],
        "symbols": panel.shape[1],
        "first": str(panel.sessions[0]),
        "last": str(panel.sessions[-1]),
        "adjustment": panel.adjustment,
    }
