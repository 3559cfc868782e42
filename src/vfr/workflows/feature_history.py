"""Features of all past sessions of a data set, computed ahead and kept outside of memory: a past day reads its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.typing import Matrix32

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.features.carried import Carried

__all__ = ["PART", "Ahead", "FeatureHistory", "by_name"]

PART: Final = 64
"""Sessions computed and kept together: for 480 names 16 MB."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """How all past sessions are computed ahead.

    Parameters
    ----------
    keep : callable
        Gives the same figures from where they take no memory, such as a file; raises `OSError` where there is no room.
    calm : callable
        Lets the thread that calls it stand back behind all others.
    """

    keep: Callable[[Any], Any]
    calm: Callable[[], object]


class FeatureHistory:
    """Features of the sessions of one data set, a part of them after the other, newest first, on a thread.

    Parameters
    ----------
    whole : Snapshot
    along : Carried
        Of `whole`.
    ahead : Ahead

    Attributes
    ----------
    whole : bool
        Every session is there.
    """

    def __init__(self, whole: Snapshot, along: Carried, ahead: Ahead) -> None:
        self.whole = False
        self._parts: dict[int, Matrix32] = {}
        self._ended = Event()
        self._thread = Thread(target=self._fill, args=(whole, along, ahead), name="vfr-feature-history", daemon=True)
        self._thread.start()

    def rows(self, first: int, end: int) -> Matrix32 | None:
        """Return features of some rows by name, [L x N x F]; None while one of them is not there."""
        found = []
        for k in range(first // PART, -(-end // PART)):
            part = self._parts.get(k)
            if part is None:
                return None
            found.append(part[max(first - k * PART, 0) : end - k * PART])
        return np.concatenate(found)

    def close(self) -> None:
        """Compute no more, and wait for what is being computed."""
        self._ended.set()
        self._thread.join()

    def _fill(self, whole: Snapshot, along: Carried, ahead: Ahead) -> None:
        from vfr.features import compute

        ahead.calm()
        sessions = whole.sessions.size
        for k in reversed(range(-(-sessions // PART))):
            if self._ended.is_set():
                return
            rows = slice(k * PART, min((k + 1) * PART, sessions))
            try:
                self._parts[k] = ahead.keep(by_name(compute(whole, rows, along=along).values))
            except (OSError, RuntimeError):  # No room, or no more threads at the end of a process: as if never begun.
                return
        self.whole = True


def by_name(values: Matrix32) -> Matrix32:
    """Return [F x R x N] features as [R x N x F]."""
    return values.transpose(1, 2, 0).copy()
