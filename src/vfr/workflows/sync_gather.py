"""Ask providers side by side, each in lanes of its own, and stage every usable answer before the next is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from threading import Event
from typing import Final

from vfr.data.provider import DataProvider, Progress, Subject
from vfr.errors import ProviderDenied, ProviderUnavailable, Throttled
from vfr.workflows.staging import Staging
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome, ask
from vfr.workflows.sync_plan import Task

__all__ = ["STALE_ANSWER", "SyncRequest", "gather"]

STALE_ANSWER: Final = timedelta(hours=12)
"""Staged answers of a stopped sync count this long; older ones are asked again."""

_ENOUGH: Final = 3
"""Failures in a row that a provider is at fault for, after which the rest of its questions waits for the next sync."""

_PROVIDER_AT_FAULT: Final = frozenset({Throttled.code, ProviderUnavailable.code})


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
        Aware, UTC.
    last_close : datetime
        Close of the last completed session.
    refetch : bool
        Ask for the whole history again.
    lanes : mapping of str to int
        Questions that a provider may be asked at the same time; 1 where not named.
    """

    providers: Sequence[DataProvider]
    subjects: Mapping[Subject, Sequence[str]]
    start: date
    now: datetime
    last_close: datetime
    refetch: bool = False
    lanes: Mapping[str, int] = field(default_factory=dict)


def gather(
    request: SyncRequest, tasks: Sequence[Task], stored: Stored, staging: Staging, progress: Progress
) -> list[Outcome]:
    """Return an outcome for every task, in the order of the tasks: staged ones, then answers of the providers.

    Every usable answer is staged before the next question of its lane is asked.
    """
    by_name = {provider.name: provider for provider in request.providers}
    outcomes: dict[str, Outcome] = {}
    open_tasks = []
    for task in tasks:
        kept = staging.kept(task, request.now - STALE_ANSWER)
        if kept is None:
            open_tasks.append(task)
        else:
            outcomes[task.key] = kept

    lanes = [
        _Lane(by_name[name], own[n :: request.lanes.get(name, 1)], stored, staging, request.now, halt)
        for name, own in _by_provider(open_tasks)
        for halt in [_Halt()]
        for n in range(request.lanes.get(name, 1))
    ]
    stop = Event()
    total = max(1, len(tasks))
    with ThreadPoolExecutor(max(1, len(lanes)), thread_name_prefix="vfr-sync") as pool:

        def tell(outcome: Outcome) -> None:
            outcomes[outcome.task.key] = outcome
            progress(f"{outcome.task.provider}: {outcome.task.subject}", len(outcomes) / total)

        try:
            for done in as_completed([pool.submit(lane.run, stop, tell) for lane in lanes]):
                done.result()
        except BaseException:
            stop.set()
            raise
    return [outcomes[task.key] for task in tasks]


class _Halt:
    """Why the rest of a provider's questions is not asked; shared by its lanes."""

    def __init__(self) -> None:
        self.reason: Outcome | None = None
        self._failures = 0

    def note(self, outcome: Outcome) -> None:
        """Count failures in a row; a refused key ends it at once."""
        self._failures = self._failures + 1 if outcome.code in _PROVIDER_AT_FAULT else 0
        if self._failures >= _ENOUGH or outcome.code == ProviderDenied.code:
            self.reason = outcome


@dataclass(frozen=True, slots=True, eq=False)
class _Lane:
    """Some of one provider's questions, asked one after the other."""

    provider: DataProvider
    tasks: Sequence[Task]
    stored: Stored
    staging: Staging
    now: datetime
    halt: _Halt

    def run(self, stop: Event, tell: Callable[[Outcome], None]) -> None:
        for task in self.tasks:
            if stop.is_set():
                return
            reason = self.halt.reason
            if reason is not None:
                tell(Outcome(task, self.now, reason.code, reason.message))
                continue
            outcome = ask(self.provider, task, self.stored.rows, self.now)
            self.halt.note(outcome)
            if outcome.code == DONE:
                self.staging.keep(outcome)
            tell(outcome)


def _by_provider(tasks: Sequence[Task]) -> Iterator[tuple[str, list[Task]]]:
    names = dict.fromkeys(task.provider for task in tasks)
    yield from ((name, [task for task in tasks if task.provider == name]) for name in names)
