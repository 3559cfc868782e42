"""Counts of one machine: a file that every server process maps, or memory of this process alone.

Each budget of each payer has a place in a table of fixed size; when the places it may take are full, the one that
soonest counts nothing any more is given away. Updates happen under a lock of the file.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import threading
import time
from array import array
from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

import structlog

from vfr.accounts.limits import Budget, Charge, Verdict
from vfr.accounts.window import COUNTED, HEAD, PARTS, Window
from vfr.clock import elapsed_ms, epoch_ms

__all__ = ["FILE_NAME", "LocalLimiter"]

FILE_NAME: Final = "limits-2.bin"
"""The number is the format's: another format is another file."""

PLACES: Final = 16_384
NEAR: Final = 8
"""Places in the table, and how many of them one payer's budget may take."""

_VOID: Final = 2
_HEAD: Final = 3
_COUNTS: Final = 2 * (_HEAD + HEAD)
"""Where in a place, after the digest of payer and budget, it stands when the record counts nothing any more (epoch ms)
and the figures of its window, in words of 8 bytes; and its counts, in halves of a word."""

_WORDS: Final = (_COUNTS + COUNTED + 1) // 2
_NOTHING: Final = array("q", bytes(8 * _WORDS))

_HELD: Final = (errno.EAGAIN, errno.EACCES)
"""What the system says of a lock that another process holds."""

LOCK_MS: Final = 20.0
LOCK_PAUSE_S: Final = 50e-6


class LocalLimiter:
    """Counts in a file that the processes of one machine share; implements `vfr.accounts.limits.Limiter`.

    Parameters
    ----------
    path : Path or None
        The file, made where it is missing; counts outlive a restart. None counts in memory.
    now_ms : callable
        Epoch milliseconds.
    places : int
        Size of the table.

    Notes
    -----
    Where the file cannot be made, counts are kept in memory. The lock, which is held for microseconds, is waited
    for 20 ms: a holder that the system put aside for longer may lose an update, and cannot keep anybody waiting.

    Examples
    --------
    >>> limiter = LocalLimiter(None, now_ms=lambda: 0)
    >>> [limiter.take("user:a", Budget("requests", 1, 60), 1).allowed for _ in range(2)]
    [True, False]
    """

    def __init__(self, path: Path | None, *, now_ms: Callable[[], int] = epoch_ms, places: int = PLACES) -> None:
        self._now_ms = now_ms
        self._places = places
        self._mutex = threading.Lock()
        self._path = path
        self._descriptor: int | None = None
        self._table: _Table | None = None
        self._granted = self._refused = 0

    async def charge(self, who: str, budget: Budget, n: int) -> Verdict:
        """Take n of a payer's budget; see `Limiter`."""
        return self.take(who, budget, n)

    async def charge_in_turn(self, who: str, charges: Sequence[Charge]) -> Sequence[Verdict]:
        """Take one charge after the other under one lock; see `Limiter`."""
        return self.take_in_turn(who, charges)

    def take(self, who: str, budget: Budget, n: int) -> Verdict:
        """Take n of a payer's budget if that many are left."""
        return self.take_in_turn(who, ((budget, n),))[0]

    def take_in_turn(self, who: str, charges: Sequence[Charge]) -> Sequence[Verdict]:
        """Take one charge after the other under one lock until one is refused."""
        verdicts = []
        with self._mutex:
            if self._table is None:  # Made by the first charge: where nobody is limited there is no file.
                self._descriptor, made = _opened(self._path, self._places * 8 * _WORDS)
                self._table = _Table(made, self._places)
            _lock(self._descriptor)
            try:
                now = self._now_ms()
                for budget, n in charges:
                    verdicts.append(self._taken(self._table, who, budget, n, now))
                    if not verdicts[-1].allowed:
                        break
            finally:
                _unlock(self._descriptor)
        return verdicts

    def stats(self) -> Mapping[str, int]:
        """Return the counters of this process."""
        return {"granted": self._granted, "refused": self._refused, "fallbacks": 0}

    async def close(self) -> None:
        """Let go of the file."""
        with self._mutex:
            if self._table is not None:
                self._table.close()
                self._table = None
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None

    def _taken(self, table: _Table, who: str, budget: Budget, n: int, now_ms: int) -> Verdict:
        place = table.place(*_digest(budget.name, budget.window_s, who))
        window = table.window(place)
        verdict = window.charge(budget, n, now_ms)
        table.words[place + _VOID] = (window.newest + COUNTED) * budget.window_s * 1_000 // PARTS
        if verdict.allowed:
            self._granted += n
        else:
            self._refused += n
        return verdict


class _Table:
    """Records in a map of memory, changed in place."""

    def __init__(self, held: mmap.mmap, places: int) -> None:
        self._held = held
        self._places = places
        self.words = memoryview(held).cast("q")
        self._halves = memoryview(held).cast("I")

    def place(self, first: int, second: int) -> int:
        """Return where the record of a digest begins; of a new one, which is empty, where one was given away."""
        words, soonest, given = self.words, None, 0
        for step in range(NEAR):
            at = (first + step) % self._places * _WORDS
            if words[at] == first and words[at + 1] == second:
                return at
            if soonest is None or words[at + _VOID] < soonest:
                soonest, given = words[at + _VOID], at
        words[given : given + _WORDS] = _NOTHING
        words[given], words[given + 1] = first, second
        return given

    def window(self, place: int) -> Window:
        """Return the window of a record: what is charged to it is written here."""
        counts = 2 * place + _COUNTS
        head = self.words[place + _HEAD : place + _HEAD + HEAD]
        return Window(head, self._halves[counts : counts + COUNTED])

    def close(self) -> None:
        self.words.release()
        self._halves.release()
        self._held.close()


@lru_cache(maxsize=4_096)
def _digest(name: str, window_s: int, who: str) -> tuple[int, int]:
    found = blake2b(f"{name}/{window_s}/{who}".encode(), digest_size=16).digest()
    first, second = array("q", found)
    return first, second


@cache
def _lockf() -> Callable[[int, int, int], int]:
    """Return the system's `lockf`, which as it is called here never waits.

    Python's own lets go of the interpreter around it, and under load another thread takes it: what takes a microsecond
    then costs an answer tens of them.
    """
    found = ctypes.PyDLL(None, use_errno=True).lockf
    found.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_long)
    return found


def _lock(descriptor: int | None) -> None:
    """Lock a file, or go on without the lock where its holder does not come back, or the system has none."""
    if descriptor is None:
        return
    began = None
    while began is None or elapsed_ms(began) < LOCK_MS:
        if _lockf()(descriptor, os.F_TLOCK, 0) == 0 or ctypes.get_errno() not in _HELD:
            return
        began = began or elapsed_ms()
        time.sleep(LOCK_PAUSE_S)


def _unlock(descriptor: int | None) -> None:
    if descriptor is not None:
        _lockf()(descriptor, os.F_ULOCK, 0)


def _opened(path: Path | None, size: int) -> tuple[int | None, mmap.mmap]:
    if path is None or not hasattr(os, "lockf"):
        return None, mmap.mmap(-1, size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _fill(descriptor, size)
            return descriptor, mmap.mmap(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise
    except OSError as error:
        structlog.get_logger("vfr.limits").warning("limits are counted in memory", reason=type(error).__name__)
        return None, mmap.mmap(-1, size)


def _fill(descriptor: int, size: int) -> None:
    """Write the zeros a file lacks: to write into a mapped hole of a full disk would end the process."""
    _lock(descriptor)
    try:
        there = os.fstat(descriptor).st_size
        if there < size and os.pwrite(descriptor, bytes(size - there), there) < size - there:
            raise OSError(errno.ENOSPC, "the disk is full")
    finally:
        _unlock(descriptor)
