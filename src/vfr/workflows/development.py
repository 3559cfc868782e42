"""Which outcomes development may read, and which are kept for counted release runs."""

from __future__ import annotations

import numpy as np

from vfr.data.snapshot import Snapshot

__all__ = ["DEVELOPMENT_END", "development"]

DEVELOPMENT_END = np.datetime64("2017-12-31")
"""Development reads no outcome after this day; later ones belong to counted release runs."""


def development(snapshot: Snapshot, *, release: bool) -> tuple[Snapshot, str]:
    """Cut a data set at the end of development, unless the run is a release run or too little lies before it."""
    if release:
        return snapshot, "release"
    before = int(np.searchsorted(snapshot.sessions, DEVELOPMENT_END, side="right"))
    if before < snapshot.sessions.size // 3:
        return snapshot, "all outcomes (most of the data lies after the development period)"
    return snapshot.upto(DEVELOPMENT_END), f"development (outcomes to {DEVELOPMENT_END})"
