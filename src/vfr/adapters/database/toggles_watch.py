"""The switches as one process knows them: answered from memory, followed by one thread, off until they were read."""

from __future__ import annotations

import os
from collections.abc import Callable
from threading import Event, Lock
from typing import TYPE_CHECKING, Final

from vfr.adapters.database.follower import Bell, Follower, Pulse
from vfr.clock import elapsed_ms
from vfr.workflows.toggles import UNKNOWN, ToggleState

if TYPE_CHECKING:
    from vfr.adapters.database.toggles import SqlToggles

__all__ = ["FIRST_S", "WatchedToggles"]

FIRST_S: Final = 10.0
"""Longest wait for the first look, counted from its beginning: a database may have to be made, or may hang."""


class WatchedToggles:
    """Implements `vfr.workflows.toggles.Toggles`.

    Parameters
    ----------
    opened : callable
        Opens the store; None while there is none, in which nothing was ever turned. May raise `DataError`.
    bell : callable
        Makes the bell of a process, or None without one.
    pulse : callable
        Makes what tells a process that the store changed, or None without one.

    Notes
    -----
    Nothing is opened before the first question, and no thread runs. While the database is away what was last known
    holds; before it was ever known, machine learning is off. A forked process follows by itself.
    """

    def __init__(
        self,
        opened: Callable[[], SqlToggles | None],
        bell: Callable[[], Bell | None],
        pulse: Callable[[], Pulse | None] = lambda: None,
    ) -> None:
        self._opened = opened
        self._bell = bell
        self._pulse = pulse
        self._lock = Lock()
        self._state = UNKNOWN
        self._pid = 0
        self._since = 0.0
        self._looked = Event()
        self._store: SqlToggles | None = None
        self._follower: Follower[ToggleState] | None = None

    def read(self) -> ToggleState:
        """Return the switches; what a process asks at its beginning waits for the first look."""
        if self._pid != os.getpid() or not self._looked.is_set():
            self.follow(FIRST_S)
        return self._state

    def follow(self, patience: float) -> None:
        """Follow from now on, and wait some seconds at most until the first look is over."""
        with self._lock:
            if self._pid != os.getpid():
                self._looked, self._store, self._since = Event(), None, elapsed_ms()
                self._follower = Follower("vfr-toggles", self._look, bell=self._bell(), pulse=self._pulse())
                self._follower.start()
                self._pid = os.getpid()
        # Whichever thread asks waits, as long as the first one may: a database that hangs is waited for once.
        self._looked.wait(min(patience, max(FIRST_S - elapsed_ms(self._since) / 1e3, 0.0)))

    def changed(self) -> None:
        """Look at what this process changed, and tell the others; a process that follows nothing only tells."""
        follower = self._follower if self._pid == os.getpid() else None
        if follower is not None:
            follower.changed()
        elif (bell := self._bell()) is not None:
            bell.ring()

    def close(self) -> None:
        """Follow no longer; what is known holds."""
        if self._follower is not None:
            self._follower.close()

    def _look(self, known: ToggleState | None) -> ToggleState:
        try:
            if self._store is None:
                self._store = self._opened()
            self._state = ToggleState() if self._store is None else self._store.read(known)
            return self._state
        finally:
            self._looked.set()
