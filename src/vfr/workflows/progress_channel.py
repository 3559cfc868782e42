"""Where the events of running requests are told and read, by session id, whichever process they run in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

__all__ = ["EXPIRES_S", "MOST_EVENTS", "ProgressChannel", "Told"]

EXPIRES_S: Final = 600
"""Seconds after which a session is forgotten."""

MOST_EVENTS: Final = 1_000
"""Events kept of one session."""


class Told(NamedTuple):
    """One event and its id, after which reading can go on."""

    id: str
    event: dict[str, Any]


class ProgressChannel(Protocol):
    """Events by session id. Whatever it keeps it keeps for minutes; `OSError` where it cannot be used."""

    def claim(self, session_id: str, owner: str) -> bool:
        """Bind a session to whoever opens it first, and say whether that is `owner`."""
        ...

    def begin(self, session_id: str) -> None:
        """Forget the events that an earlier request of the same id left."""
        ...

    def append(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Add an event."""
        ...

    def read(self, session_id: str, after: str | None = None) -> list[Told]:
        """Return the events after one, or all where that one is not known (any more)."""
        ...
