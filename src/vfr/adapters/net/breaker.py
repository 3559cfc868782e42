"""Leave a failing source alone for a while. pybreaker reads the wall clock itself; here time is an argument."""

from __future__ import annotations

import threading

__all__ = ["Breaker"]


class Breaker:
    """Counts failures in a row and closes the door for a rest; after it, one question may try. Safe in threads.

    Parameters
    ----------
    limit : int
        Failures in a row that open it.
    rest : float
        Seconds a source is left alone.

    Examples
    --------
    >>> breaker = Breaker(limit=1, rest=60.0)
    >>> breaker.failed(now=0.0)
    True
    >>> breaker.refuses_until(now=1.0)
    60.0
    >>> breaker.refuses_until(now=61.0) is None  # the one that tries
    True
    """

    def __init__(self, limit: int, rest: float) -> None:
        self._limit = limit
        self._rest = rest
        self._failures = 0
        self._until = 0.0
        self._lock = threading.Lock()

    def refuses_until(self, now: float) -> float | None:
        """Return None if a question may be asked, which must then be reported, else when the rest ends.

        The question that tries after a rest starts another one for everybody else. If it is never reported, the next
        may try when that is over.
        """
        with self._lock:
            if self._failures < self._limit:
                return None
            if now < self._until:
                return self._until
            self._until = now + self._rest
            return None

    def failed(self, now: float) -> bool:
        """Report a failure of the source; return whether it is left alone from now on."""
        with self._lock:
            self._failures += 1
            if self._failures < self._limit:
                return False
            self._until = now + self._rest
            return True

    def answered(self) -> None:
        """Report that the source is well, whatever it said."""
        with self._lock:
            self._failures = 0
