"""Keep in memory what a database says, never older than a moment: asked by every request, read by one thread."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread
from typing import Final, Generic, Protocol, TypeVar

import structlog

from vfr.clock import elapsed_ms

__all__ = ["ANYWAY_S", "EVERY_S", "Bell", "Follower", "Pulse"]

EVERY_S: Final = 0.25
"""Seconds between two looks: a change is in force everywhere well within a second."""

ANYWAY_S: Final = 5.0
"""Seconds after which it is read although its pulse says that nothing is new."""

_T = TypeVar("_T")


class Bell(Protocol):
    """Tells other processes that there is something to see, so that they need not wait for their next look."""

    def wait(self, seconds: float) -> None:
        """Wait until it rings, at most so long; never raises."""

    def ring(self) -> None:
        """Ring it in every process; never raises, and never waits long."""


class Pulse(Protocol):
    """Tells cheaply whether there may be something to see."""

    def beat(self) -> object:
        """Return what stays equal while there is nothing new, None where that cannot be told; never raises."""

    def close(self) -> None:
        """Let go of what it holds."""


class Follower(Generic[_T]):
    """What was last read, and a thread that looks again.

    Parameters
    ----------
    name : str
        Of the thread.
    read : callable
        Takes what is known, None at first, and returns what is known now: the same object if nothing changed. It may
        raise `DataError`; then what was known holds.
    bell : Bell, optional
        Makes the thread look at once.
    pulse : Pulse, optional
        Saves the thread reading what did not change; the thread closes it.

    Attributes
    ----------
    known : object or None
        What was last read; None until the database could be read for the first time. Reading the attribute costs
        nothing.

    Notes
    -----
    The thread ends with the process, with `close`, or when nobody holds the follower any more.
    """

    def __init__(
        self, name: str, read: Callable[[_T | None], _T], *, bell: Bell | None = None, pulse: Pulse | None = None
    ) -> None:
        self.known: _T | None = None
        self._name = name
        self._read = read
        self._bell = bell
        self._pulse = pulse
        self._lock = Lock()
        self._ended = Event()
        self._thread: Thread | None = None
        self._away = False
        self._seen: object = None
        self._until = 0.0

    def look(self) -> _T | None:
        """Read now, in the caller's thread, and return what is known then."""
        with self._lock:
            try:
                self.known = self._read(self.known)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next look may see again
                # A process that set up no logging, such as a command, stays silent.
                if not self._away and structlog.is_configured():
                    structlog.get_logger("vfr.database").warning(
                        "cannot be followed", what=self._name, error=str(error)
                    )
                self._away = True
            else:
                self._away = False
            return self.known

    def glance(self) -> None:
        """Look if there may be something new, or nobody looked for a while; for one thread."""
        # Felt before the look: what is committed meanwhile is seen by the next one.
        beat = None if self._pulse is None else self._pulse.beat()
        if beat is None or beat != self._seen or elapsed_ms() >= self._until:
            self.look()
            self._seen, self._until = None if self._away else beat, elapsed_ms() + 1e3 * ANYWAY_S

    def start(self) -> None:
        """Follow from now on; once started, nothing happens."""
        with self._lock:
            if self._thread is None and not self._ended.is_set():
                arguments = (weakref.ref(self), self._ended, self._bell, self._pulse)
                self._thread = Thread(target=_follow, args=arguments, name=self._name, daemon=True)
                self._thread.start()

    def changed(self) -> None:
        """Look at what this process changed, and tell the others."""
        self.look()
        if self._bell is not None:
            self._bell.ring()

    def close(self) -> None:
        """Follow no longer."""
        self._ended.set()


def _follow(followed: weakref.ref[Follower[_T]], ended: Event, bell: Bell | None, pulse: Pulse | None) -> None:
    while not ended.is_set():
        follower = followed()
        if follower is None:
            break
        with suppress(Exception):  # Not even a log that cannot be written ends it: what is off must stay followed.
            follower.glance()
        del follower
        if bell is None:
            ended.wait(EVERY_S)
        else:
            bell.wait(EVERY_S)
    if pulse is not None:
        pulse.close()
