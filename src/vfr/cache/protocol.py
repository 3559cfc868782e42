"""What a cache is: bytes by key that may be gone at any time, and never an error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Cache", "Entry", "TierStats"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, until when it counts, and what it cost.

    Parameters
    ----------
    value : bytes
    expires_ms : int
        Epoch milliseconds.
    cost_ms : float
        How long it took to make: what dear values are made anew earlier for.
    """

    value: bytes
    expires_ms: int
    cost_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TierStats:
    """What a tier of a cache has done since this process began.

    Parameters
    ----------
    tier : str
        ``memory`` or ``redis``.
    hits, misses, puts : int
    evictions : int
        Values that made room for others.
    failures : int
        Calls without an answer in time, or answered with an error.
    refused : int
        Calls that were not made because the tier had just failed or has too many to do.
    garbage : int
        Values that nobody here wrote or that were damaged; each was a miss.
    entries, bytes : int
        What it holds, where that is known.
    available : bool
        Whether it is asked at all at the moment.
    """

    tier: str
    hits: int = 0
    misses: int = 0
    puts: int = 0
    evictions: int = 0
    failures: int = 0
    refused: int = 0
    garbage: int = 0
    entries: int = 0
    bytes: int = 0
    available: bool = True


class Cache(Protocol):
    """Bytes by key. Safe in threads; no method raises, and none waits longer than its tier's deadline."""

    def get(self, key: str) -> Entry | None:
        """Return what is kept under a key, None if there is nothing or it has expired."""

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Return what is kept under each of some keys, in one question; those without a value are left out."""

    def put(self, key: str, entry: Entry) -> None:
        """Keep a value until it expires, or until its room is needed; one too large is not kept."""

    def delete(self, key: str) -> None:
        """Forget a value."""

    def claim(self, key: str, lease_ms: int) -> bool:
        """Return whether the caller may make a value: False while another process is at it, for a lease at most."""

    def release(self, key: str) -> None:
        """Give up a claim of this process; one of another stays."""

    def stats(self) -> tuple[TierStats, ...]:
        """Return what each tier has done, the nearest first."""
