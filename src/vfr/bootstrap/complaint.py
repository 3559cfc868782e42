"""What could not be written, said in the log: at once as an outage begins, and not with every attempt."""

from __future__ import annotations

from threading import Lock
from typing import Final

from vfr.clock import elapsed_ms
from vfr.workflows.outbox import AWAY

__all__ = ["Complaint"]

_SAY_EVERY_MS: Final = 60_000.0


class Complaint:
    """Says what could not be written: the first failure of an outage, then at most once a minute; for many threads.

    Parameters
    ----------
    what : str
        Is written, as the log names it.

    Notes
    -----
    What was dropped meanwhile is added up and not lost. A process that set up no logging, such as a command, stays
    silent.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = Lock()
        self._dropped = 0
        self._error: BaseException | None = None
        self._said = float("-inf")
        self._away = False

    def hear(self, dropped: int, error: BaseException | None) -> None:
        """Take in how many things were dropped, and what failed; None where something was written."""
        with self._lock:
            begins = isinstance(error, AWAY) and not self._away
            self._away = isinstance(error, AWAY)
            self._dropped += dropped
            self._error = error or self._error
            soon = elapsed_ms() - self._said < _SAY_EVERY_MS
        if begins or not soon:
            self.say()

    def say(self) -> None:
        """Write what was heard since the last line, if anything."""
        with self._lock:
            dropped, error, self._dropped, self._error = self._dropped, self._error, 0, None
            if not dropped and error is None:
                return
            self._said = elapsed_ms()
        import structlog

        if not structlog.is_configured():
            return
        if dropped:
            structlog.get_logger().warning("journal_dropped", what=self._what, count=dropped)
        if error is not None:
            structlog.get_logger().warning("journal_failed", what=self._what, error=str(error))
