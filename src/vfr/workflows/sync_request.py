"""What a sync is asked to bring up to date."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

from vfr.data.provider import DataProvider, Subject
from vfr.workflows.sync_plan import Task

__all__ = ["STALE_ANSWER", "SyncRequest"]

STALE_ANSWER: Final = timedelta(hours=12)
"""Staged answers of a stopped sync count this long; older ones are asked again."""


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What to bring up to date.

    Parameters
    ----------
    providers : sequence of DataProvider
        In order of trust.
    subjects : mapping
        What to ask about: tickers, macro series, indices.
    start : date
        First day of the history wanted.
    now : datetime
        When the sync begins, aware, UTC; what is due is decided by it.
    last_close : datetime
        When the bars of the last completed session were settled.
    refetch : bool
        Ask for the whole history again.
    replace : frozenset of str
        Symbols whose whole history is asked for again and believed where it contradicts what is stored.
    members : bool
        Ask first who belongs to the index, then about everybody who did since `start`.
    universe : str
        What the user asked for in words, remembered for the next sync.
    named : sequence of str
        Providers that the user named, remembered with those named before.
    lanes : mapping of str to int
        Questions that a provider may be asked at the same time; 1 where not named.
    clock : callable, optional
        Returns the time, aware: a long sync asks and publishes later than it began. By default time stands still.
    """

    providers: Sequence[DataProvider]
    subjects: Mapping[Subject, Sequence[str]]
    start: date
    now: datetime
    last_close: datetime
    refetch: bool = False
    replace: frozenset[str] = frozenset()
    members: bool = False
    universe: str = ""
    named: Sequence[str] = ()
    lanes: Mapping[str, int] = field(default_factory=dict)
    clock: Callable[[], datetime] | None = None

    def time(self) -> datetime:
        """Return the time it is."""
        return self.now if self.clock is None else self.clock()

    def oldest_staged(self, task: Task) -> datetime:
        """Return since when a staged answer counts; prices of before the last close lack a session."""
        recent = self.now - STALE_ANSWER
        return max(recent, self.last_close) if "bars" in task.offer.kinds else recent
