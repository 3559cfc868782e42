"""What a sync keeps on the way, so that a killed one goes on where it was: answers not yet published, and a diary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from vfr.workflows.sync_ask import Outcome
    from vfr.workflows.sync_plan import Task

__all__ = ["ProviderDiary", "Staging", "SyncDiary"]


@dataclass(frozen=True, slots=True)
class ProviderDiary:
    """How a provider did: its last usable answer, and its last failure since (code and sentence, "" if none)."""

    answered_at: datetime | None = None
    failed_at: datetime | None = None
    code: str = ""
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "answeredAt": self.answered_at and self.answered_at.isoformat(),
            "failedAt": self.failed_at and self.failed_at.isoformat(),
            "code": self.code,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class SyncDiary:
    """What earlier syncs left: when each topic was answered, how each provider did, and how the last sync was asked.

    `unknown` says when a source last did not know a topic.
    `universe` and `start` (first day of the history, None where it was never named) repeat the last sync's, so that a
    scheduled one need not be told again; `named` are all providers that a user ever named.
    """

    asked: Mapping[str, datetime] = field(default_factory=dict)
    unknown: Mapping[str, datetime] = field(default_factory=dict)
    providers: Mapping[str, ProviderDiary] = field(default_factory=dict)
    finished_at: datetime | None = None
    universe: str = ""
    start: date | None = None
    named: tuple[str, ...] = ()


class Staging(Protocol):
    """Keeps the answers of a running sync until they are published; each is kept whole or not at all."""

    def keep(self, outcome: Outcome) -> None:
        """Keep a usable answer; `DataError` if it cannot be written."""
        ...

    def kept(self, task: Task, not_before: datetime) -> Outcome | None:
        """Return the answer to a task if one was kept since a moment."""
        ...

    def clear(self, tasks: Iterable[Task] | None = None, *, before: datetime | None = None) -> None:
        """Forget the answers to some tasks and those kept before a moment; without tasks every answer."""
        ...

    def diary(self) -> SyncDiary:
        """Return what earlier syncs left."""
        ...

    def write_diary(self, diary: SyncDiary) -> None:
        """Replace the diary in one step; `DataError` if it cannot be written."""
        ...
