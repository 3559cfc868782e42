"""A bounded line of things to be written, and one thread that writes them in batches: putting never waits."""

from __future__ import annotations

import atexit
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Condition, Thread, current_thread
from typing import Final, Generic, TypeVar
from weakref import ref

from vfr.clock import elapsed_ms
from vfr.errors import VfrError

__all__ = ["AWAY", "Outbox"]

_T = TypeVar("_T")

_EVERY_S: Final = 1.0
_IDLE: Final = 10
"""Empty rounds after which the thread ends; the next thing put starts another."""

_SLOWEST_S: Final = 10.0
"""Longest time between two attempts while writing fails: what is put meanwhile must find room."""

_AT_EXIT_S: Final = 1.0

_LATE_MS: Final = 5_000.0
"""A batch that has been on its way for longer is told of: a store that hangs raises nothing for a minute."""

AWAY: Final = (VfrError, OSError)
"""What a store raises that may be back later."""


class Outbox(Generic[_T]):
    """Things on their way to a store that may be slow or away.

    Parameters
    ----------
    name : str
        Of the thread.
    write : callable
        Writes a batch whole or raises; a batch that failed with `VfrError` or `OSError` is written again later, one
        that failed with anything else is dropped: it would fail for ever, and hold up what comes behind it.
    capacity : int
        Things that may wait; one more is dropped and counted.
    batch : int
        Most things written at once.
    every : float
        Seconds between two batches: what gathers meanwhile is written together. While a whole batch waits nothing is
        waited for.
    at_exit : float
        Seconds that a process which ends without closing waits for what is left.
    told : callable, optional
        Told how many things were dropped since it was last told, and the error of a batch that failed (None if none
        did), at most once per round; of a batch that is late, once, while it is, by who puts something; and, with
        nothing of either, that a batch is written after one that failed or was late.

    Notes
    -----
    A process that is killed loses what waits here and nothing else. `dropped`, `written` and `failures` count.

    Examples
    --------
    >>> kept: list[int] = []
    >>> box = Outbox("example", kept.extend, capacity=2, batch=10)
    >>> box.put(1, 2), box.put(3), box.close(), kept, box.dropped
    (True, False, True, [1, 2], 1)
    """

    def __init__(
        self,
        name: str,
        write: Callable[[Sequence[_T]], None],
        *,
        capacity: int,
        batch: int,
        every: float = _EVERY_S,
        at_exit: float = _AT_EXIT_S,
        told: Callable[[int, BaseException | None], None] | None = None,
    ) -> None:
        self.dropped = self.written = self.failures = 0
        self._name = name
        self._write = write
        self._capacity = capacity
        self._batch = batch
        self._every = every
        self._told = told
        self._changed = Condition()
        self._line: deque[_T] = deque()
        self._writing = 0
        self._begun: float | None = None
        self._thread: Thread | None = None
        self._closed = False
        atexit.register(_close, ref(self), at_exit)

    def put(self, *things: _T) -> bool:
        """Add things to the line, all or none; return False if they were dropped."""
        added = self._put(things)
        if self._late() and self._told is not None:
            self._told(0, TimeoutError(f"no answer for more than {_LATE_MS / 1e3:.0f} s"))
        return added

    def _put(self, things: Sequence[_T]) -> bool:
        with self._changed:
            if self._closed or len(self._line) + len(things) > self._capacity:
                self.dropped += len(things)
                return False
            self._line.extend(things)
            if self._thread is None and things:
                thread = Thread(target=self._run, name=self._name, daemon=True)
                with suppress(RuntimeError):  # Out of threads: the next thing put tries again.
                    thread.start()
                    self._thread = thread
        return True

    @property
    def closed(self) -> bool:
        """Whether it takes nothing more, since it was closed or the process ends."""
        return self._closed

    @property
    def waiting(self) -> int:
        """Things not written yet."""
        with self._changed:
            return len(self._line) + self._writing

    def close(self, timeout: float = _AT_EXIT_S) -> bool:
        """Take nothing more and write what waits, within some seconds; return whether the line is empty."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self.waiting == 0

    def _run(self) -> None:
        wait, idle, known, away = self._every, 0, 0, False
        try:
            while True:
                batch = self._next(wait)
                idle = 0 if batch else idle + 1
                if self._ended(idle):
                    return
                error = self._written(batch) if batch else None
                back = bool(batch) and error is None and (away or self._begun is None)
                if self._told is not None and (error is not None or self.dropped > known or back):
                    self._told(self.dropped - known, error)
                known = self.dropped
                away = isinstance(error, AWAY)
                wait = min(2.0 * wait, _SLOWEST_S) if away else self._every
                if away and self._closed:  # One last attempt was enough.
                    return
        finally:
            with self._changed:
                if self._thread is current_thread():
                    self._thread, self._writing = None, 0

    def _next(self, wait: float) -> list[_T]:
        with self._changed:
            whole = wait == self._every and len(self._line) >= self._batch > 1
            self._changed.wait_for(lambda: self._closed or whole, timeout=wait)
            self._writing = min(self._batch, len(self._line))
            self._begun = elapsed_ms() if self._writing else None
            return [self._line.popleft() for _ in range(self._writing)]

    def _ended(self, idle: int) -> bool:
        """Whether the thread has nothing left to do; then the next thing put starts another."""
        with self._changed:
            over = idle > 0 and not self._line and (self._closed or idle >= _IDLE)
            if over:
                self._thread = None
            return over

    def _late(self) -> bool:
        """Whether a batch has been on its way for long, and nobody was told of it yet."""
        begun = self._begun
        if begun is None or elapsed_ms(begun) < _LATE_MS:
            return False
        with self._changed:
            first, self._begun = self._writing > 0 and self._begun == begun, None
        return first

    def _written(self, batch: list[_T]) -> BaseException | None:
        try:
            self._write(batch)
        except AWAY as error:
            self.failures += 1
            with self._changed:
                self._line.extendleft(reversed(batch))
                self._writing = 0
            return error
        except Exception as error:  # noqa: BLE001 - one thing that cannot be written must not end the thread of all
            self.failures += 1
            with self._changed:
                self.dropped += len(batch)
                self._writing = 0
            return error
        with self._changed:
            self.written += len(batch)
            self._writing = 0
        return None


def _close(box: ref[Outbox[_T]], timeout: float) -> None:
    found = box()
    if found is not None:
        found.close(timeout)
