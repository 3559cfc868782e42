"""Whether the newest session speaks for the whole universe: the newest answer must not be about a few stragglers."""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.panel import Panel
from vfr.data.quality import Finding, finding

__all__ = ["THIN", "sessions_to_keep", "unfinished"]

THIN: Final = 0.05
"""A last session with bars of a smaller share of the symbols than this is left out."""

_RECENT: Final = 20
_MANY: Final = 0.05


def sessions_to_keep(panel: Panel) -> int:
    """Return how many sessions remain when last ones with a few stragglers only are left out."""
    known = np.isfinite(panel.close)
    stop = panel.sessions.size
    while stop > 2:
        recent = int(known[max(0, stop - 1 - _RECENT) : stop - 1].any(axis=0).sum())
        if recent < _RECENT or known[stop - 1].sum() >= THIN * recent:
            break
        stop -= 1
    return stop


def unfinished(panel: Panel) -> list[Finding]:
    """Return a finding if symbols that had a bar the session before lack one in the last session."""
    if panel.sessions.size < 2:
        return []
    before, last = np.isfinite(panel.close[-2]), np.isfinite(panel.close[-1])
    lacking = [panel.symbols[c] for c in np.flatnonzero(before & ~last)]
    if not lacking:
        return []
    share = len(lacking) / int(before.sum())
    message = (
        f"symbols without a bar on {panel.sessions[-1]}, the last session, of {int(before.sum())} that had one the "
        "session before; their scores rest on older prices."
    )
    return [finding("last_session_unfinished", "warning" if share > _MANY else "info", lacking, message)]
