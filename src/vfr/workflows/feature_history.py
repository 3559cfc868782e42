"""Features of all past sessions of a data set, computed while nobody asks and kept outside of memory."""

from __future__ import annotations

from threading import Event, Thread
from typing import TYPE_CHECKING, Final

import numpy as np

from vfr import clock
from vfr.typing import Keep, Matrix32

if TYPE_CHECKING:
    from vfr.data.snapshot import Snapshot
    from vfr.features.carried import Carried

__all__ = ["PART", "QUIET_MS", "FeatureHistory", "by_name"]

PART: Final = 32
"""Sessions computed and kept together: for 480 names 8 MB, and a tenth of a second that a question may share."""


QUIET_MS: Final = 1_000.0
"""How long nobody may have asked for a past day before another part is computed."""


class FeatureHistory:
    """Features of the sessions of one data set, a part of them after the other, newest first, on a thread.

    A thread of low priority would not do: while it holds the interpreter's lock, whoever asks would wait with it.

    Parameters
    ----------
    whole : Snapshot
    along : Carried
        Of `whole`.
    keep : callable
        See `vfr.typing.Keep`.

    Attributes
    ----------
    whole : bool
        Every session is there.
    """

    def __init__(self, whole: Snapshot, along: Carried, keep: Keep) -> None:
        self.whole = False
        self._parts: dict[int, Matrix32] = {}
        self._asked_ms = clock.elapsed_ms()
        self._ended = Event()
        self._thread = Thread(target=self._fill, args=(whole, along, keep), name="vfr-feature-history", daemon=True)
        self._thread.start()

    def rows(self, first: int, end: int) -> Matrix32 | None:
        """Return features of some rows by name, [L x N x F]; None while one of them is not there."""
        self._asked_ms = clock.elapsed_ms()
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

    def _fill(self, whole: Snapshot, along: Carried, keep: Keep) -> None:
        from vfr.features import compute

        sessions = whole.sessions.size
        for k in reversed(range(-(-sessions // PART))):
            while (left := QUIET_MS - clock.elapsed_ms(self._asked_ms)) > 0.0 and not self._ended.is_set():
                self._ended.wait(left / 1e3)
            if self._ended.is_set():
                return
            rows = slice(k * PART, min((k + 1) * PART, sessions))
            try:
                self._parts[k] = keep(by_name(compute(whole, rows, along=along).values))
            except (OSError, RuntimeError):  # No room, or no more threads at the end of a process: as if never begun.
                return
        self.whole = True


def by_name(values: Matrix32) -> Matrix32:
    """Return [F x R x N] features as [R x N x F]."""
    return values.transpose(1, 2, 0).copy()
