"""The nearest tier: values in this process's memory, least recently used first out."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Any, Final

from vfr import clock
from vfr.cache.protocol import Entry, TierStats

__all__ = ["MemoryCache"]

OVERHEAD: Final = 256
"""Bytes counted for an entry beside its key and its value."""


class MemoryCache:
    """A cache with a budget of bytes; implements `vfr.cache.protocol.Cache`.

    Parameters
    ----------
    budget : int
        Bytes held at most; a value larger than that is not kept.
    now : callable
        Gives the time in epoch milliseconds.

    Examples
    --------
    >>> cache = MemoryCache(1_000, now=lambda: 0)
    >>> cache.put("a", Entry(b"value", expires_ms=1))
    >>> cache.get("a").value
    b'value'
    """

    def __init__(self, budget: int, now: Callable[[], int] = clock.epoch_ms) -> None:
        self._budget = budget
        self._now = now
        self._held: OrderedDict[str, Entry] = OrderedDict()
        self._bytes = 0
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def get(self, key: str) -> Entry | None:
        """Return what is kept under a key."""
        with self._lock:
            return self._get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Return what is kept under each of some keys."""
        with self._lock:
            return {key: entry for key in keys if (entry := self._get(key)) is not None}

    def put(self, key: str, entry: Entry) -> None:
        """Keep a value, in place of the least recently used ones if it needs their room."""
        size = _size(key, entry)
        with self._lock:
            self._drop(key)
            if size > self._budget or entry.expires_ms <= self._now():
                return
            self._held[key] = entry
            self._bytes += size
            self._counts["puts"] += 1
            while self._bytes > self._budget:
                self._drop(next(iter(self._held)))
                self._counts["evictions"] += 1

    def delete(self, key: str) -> None:
        """Forget a value."""
        with self._lock:
            self._drop(key)

    def claim(self, key: str, lease_ms: int) -> bool:
        """Return True: no other process shares this memory."""
        del key, lease_ms
        return True

    def release(self, key: str) -> None:
        """Do nothing: there are no claims."""

    def stats(self) -> tuple[TierStats, ...]:
        """Return what this tier has done."""
        with self._lock:
            counts: dict[str, Any] = dict(self._counts)
            return (TierStats("memory", **counts, entries=len(self._held), bytes=self._bytes),)

    def _get(self, key: str) -> Entry | None:
        entry = self._held.get(key)
        if entry is not None and entry.expires_ms <= self._now():
            self._drop(key)
            entry = None
        self._counts["misses" if entry is None else "hits"] += 1
        if entry is not None:
            self._held.move_to_end(key)
        return entry

    def _drop(self, key: str) -> None:
        entry = self._held.pop(key, None)
        if entry is not None:
            self._bytes -= _size(key, entry)


def _size(key: str, entry: Entry) -> int:
    return OVERHEAD + len(key) + len(entry.value)
