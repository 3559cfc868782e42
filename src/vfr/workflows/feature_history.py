"""Features of all past sessions of a data set, computed while nobody asks and kept outside of memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
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

BEGIN_MS: Final = 3_000.0
"""The same before the first part: whoever asked may wait for the classic answer, which takes long the first times."""

FIRST_MS: Final = 250.0
"""How long the first question has the processor for itself: versions are read for it."""

ANSWERED_MS: Final = 50.0
"""How long after its features are read the members of a question answer: no part is begun before."""

SPARE: Final = 1.5
"""How many times what a part takes must be left of the pause that whoever asks is expected to make."""

PART_MS: Final = 120.0
"""What a part is expected to take before one was computed."""

_LOOK_MS: Final = 25.0
"""How long to wait at most before looking again: whoever asks meanwhile changes what is expected."""


class FeatureHistory:
    """Features of the sessions of one data set, a part of them after the other, newest first, on a thread.

    Once the first question is answered the thread computes the features that run on from bars long ago, which make
    every other cheaper, and then waits for `begin`. A thread of low priority would not do: while it holds the
    interpreter's lock, whoever asks would wait with it. So it computes while nobody has asked for some time, and in the
    pauses of whoever asks for one day after the other, where the last two were long enough.

    Parameters
    ----------
    whole : Snapshot
    along : Carried
        Of `whole`.
    keep : callable, optional
        See `vfr.typing.Keep`; None keeps nothing.
    failed : callable, optional
        Told why no more is computed ahead; each session is then computed when it is asked for.

    Attributes
    ----------
    along : Carried
        What computing reads: with all that runs on once that is there, and without it once it has no use any more.
    whole : bool
        Every session is there.
    """

    def __init__(
        self, whole: Snapshot, along: Carried, keep: Keep | None, failed: Callable[[Exception], None] | None = None
    ) -> None:
        self.along = along
        self.whole = False
        self._keep = keep
        self._failed = failed
        self._parts: dict[int, Matrix32] = {}
        self._pauses = _Pauses()
        self._wanted = Event()
        self._ended = Event()
        self._thread = Thread(target=self._run, args=(whole,), name="vfr-feature-history", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Compute all sessions ahead from now on."""
        self._wanted.set()

    def rows(self, first: int, end: int) -> Matrix32 | None:
        """Return features of some rows by name, [L x N x F]; None while one of them is not there."""
        self._pauses.asked()
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
        self._wanted.set()
        self._thread.join()

    def _run(self, whole: Snapshot) -> None:
        from vfr.features.carried import with_recursive

        try:
            if self._ended.wait(FIRST_MS / 1e3):
                return
            self.along = with_recursive(self.along, whole)
            if self._keep is None:
                return
            self._wanted.wait()
            if self._fill(whole, self._keep):
                self.along = replace(self.along, recursive=None)
                self.whole = True
        except Exception as error:  # noqa: BLE001 - such as no room; whoever asks computes what is not there
            if self._failed is not None:
                self._failed(error)

    def _fill(self, whole: Snapshot, keep: Keep) -> bool:
        """Compute and keep one part after the other; return whether all are there."""
        from vfr.features import compute

        sessions = whole.sessions.size
        for k in reversed(range(-(-sessions // PART))):
            while (left := self._pauses.left()) > 0.0 and not self._ended.is_set():
                self._ended.wait(left / 1e3)
            if self._ended.is_set():
                return False
            began = clock.elapsed_ms()
            rows = slice(k * PART, min((k + 1) * PART, sessions))
            self._parts[k] = keep(by_name(compute(whole, rows, along=self.along).values))
            self._pauses.took(clock.elapsed_ms(began))
        return True


class _Pauses:
    """When it is likely that nobody asks for as long as a part takes."""

    def __init__(self) -> None:
        self._at = clock.elapsed_ms()
        self._last = (0.0, 0.0)
        self._part = PART_MS
        self._quiet = BEGIN_MS

    def asked(self) -> None:
        """Take in that somebody asks."""
        now = clock.elapsed_ms()
        self._last, self._at = (self._last[1], now - self._at), now

    def took(self, part_ms: float) -> None:
        """Take in how long a part took."""
        self._part, self._quiet = part_ms, QUIET_MS

    def left(self) -> float:
        """Return for how many milliseconds to wait before another part, or a look whether it may be begun."""
        since = clock.elapsed_ms(self._at)
        begin = max(since, ANSWERED_MS)
        fits = begin + SPARE * self._part <= min(self._last)
        return min(max((begin if fits else self._quiet) - since, 0.0), _LOOK_MS)


def by_name(values: Matrix32) -> Matrix32:
    """Return [F x R x N] features as [R x N x F]."""
    return values.transpose(1, 2, 0).copy()
