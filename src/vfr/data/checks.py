"""Checks of a finished panel: what a reader should know before trusting a score. Nothing is changed here."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.quality import Finding, Severity, finding
from vfr.data.universe import Listings
from vfr.typing import BoolArray

__all__ = ["check_panel", "panel_facts"]

_JUMP: Final = 0.5
_STUCK: Final = 5
_TOLERANCE: Final = 1e-6


def check_panel(panel: Panel) -> list[Finding]:
    """Return the findings of every check on a panel.

    Checks: sessions missing inside a symbol's listing, symbols that start late or end early, stale repeats,
    returns beyond 50 %, open or close outside high-low, zero volume, fields missing beside a known close.
    """
    listings = Listings.of(panel)
    checks = (_gaps(panel, listings), _ends(panel, listings), _stale(panel), _jumps(panel), _ranges(panel))
    found = [*checks, _zero_volume(panel), _missing(panel)]
    return [f for f in found if f.count]


def _cells(panel: Panel, where: BoolArray) -> list[str]:
    rows, columns = np.nonzero(where[:, :])
    few = zip(rows[:8].tolist(), columns[:8].tolist(), strict=True)
    return [f"{panel.symbols[c]} {panel.sessions[r]}" for r, c in few]


def _gaps(panel: Panel, listings: Listings) -> Finding:
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


def _ends(panel: Panel, listings: Listings) -> Finding:
    last = panel.sessions.size - 1
    early = [c for c in range(len(panel.symbols)) if 0 <= listings.last[c] < last]
    examples = [f"{panel.symbols[c]} {panel.sessions[listings.last[c]]}" for c in early]
    message = (
        "symbols whose bars stop before the last session (acquired, delisted, dropped); no delisting return known."
    )
    return finding("ends_early", "info", examples, message)


def _stale(panel: Panel) -> Finding:
    close, before = panel.close[1:], panel.close[:-1]
    same = close == before
    flat = same & (panel.high[1:] == close) & (panel.low[1:] == close)
    bare = ~np.isfinite(panel.high[1:])
    run = np.zeros(same.shape, dtype=np.int64)
    for i in range(same.shape[0]):
        run[i] = np.where(same[i], (run[i - 1] if i else 0) + 1, 0)
    stale = flat | (bare & (run >= _STUCK))
    padded = np.vstack([np.zeros((1, same.shape[1]), dtype=np.bool_), stale])
    message = "bars without a range that repeat the close before (five in a row where only closes are known); kept."
    return finding("stale_bars", "info", _cells(panel, padded), message, int(stale.sum()))


def _jumps(panel: Panel) -> Finding:
    with np.errstate(divide="ignore", invalid="ignore"):
        returns = panel.adj_close[1:] / panel.adj_close[:-1] - 1
    big = np.abs(returns) > _JUMP
    rows, columns = np.nonzero(big)
    examples = [
        f"{panel.symbols[c]} {panel.sessions[r + 1]} {returns[r, c]:+.0%}"
        for r, c in zip(rows[:8].tolist(), columns[:8].tolist(), strict=True)
    ]
    return finding("large_returns", "warning", examples, "one-session returns beyond 50 %; kept.", int(big.sum()))


def _ranges(panel: Panel) -> Finding:
    slack = _TOLERANCE * panel.close
    above = (np.fmax(panel.open, panel.close) > panel.high + slack) & np.isfinite(panel.high)
    below = (np.fmin(panel.open, panel.close) < panel.low - slack) & np.isfinite(panel.low)
    bad = above | below | (panel.low > panel.high + slack)
    message = "bars whose open or close lies outside high-low; kept as the source has them."
    return finding("outside_high_low", "warning", _cells(panel, bad), message, int(bad.sum()))


def _zero_volume(panel: Panel) -> Finding:
    zero = panel.volume == 0
    return finding("zero_volume", "info", _cells(panel, zero), "bars without a trade; kept.", int(zero.sum()))


def _missing(panel: Panel) -> Finding:
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
