"""Memory in front of a shared cache."""

from __future__ import annotations

from collections.abc import Sequence

from vfr.cache.protocol import Cache, Entry, TierStats

__all__ = ["TwoTier"]


class TwoTier:
    """A near cache in front of a far one; implements `vfr.cache.protocol.Cache`.

    Parameters
    ----------
    near, far : Cache
        What the far one finds is kept in the near one too, and every value is written to both. That a value is missing
        is not remembered.

    Notes
    -----
    A value that another process has written anew stays the old one here until it expires. That is no fault: keys carry
    versions, so both are the same value.
    """

    def __init__(self, near: Cache, far: Cache) -> None:
        self._near = near
        self._far = far

    def get(self, key: str) -> Entry | None:
        """Return what is kept under a key, nearest first."""
        return self._near.get(key) or self._farther([key]).get(key)

    def get_many(self, keys: Sequence[str]) -> dict[str, Entry]:
        """Return what is kept under each of some keys, nearest first."""
        found = self._near.get_many(keys)
        return found | self._farther([key for key in keys if key not in found])

    def put(self, key: str, entry: Entry) -> None:
        """Keep a value in both."""
        self._near.put(key, entry)
        self._far.put(key, entry)

    def delete(self, key: str) -> None:
        """Forget a value in both."""
        self._near.delete(key)
        self._far.delete(key)

    def claim(self, key: str, lease_ms: int) -> bool:
        """Return whether the far one lets the caller make a value."""
        return self._far.claim(key, lease_ms)

    def release(self, key: str) -> None:
        """Give up a claim in the far one."""
        self._far.release(key)

    def stats(self) -> tuple[TierStats, ...]:
        """Return what each tier has done, the near one first."""
        return (*self._near.stats(), *self._far.stats())

    def _farther(self, keys: Sequence[str]) -> dict[str, Entry]:
        found = self._far.get_many(keys) if keys else {}
        for key, entry in found.items():
            self._near.put(key, entry)
        return found
