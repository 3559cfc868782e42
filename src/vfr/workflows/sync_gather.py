"""Ask providers side by side, each in lanes of its own, and stage every usable answer before the next is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from threading import Event, Lock
from typing import Final, NamedTuple

from vfr.data.provider import DataProvider, Offer, Progress
from vfr.errors import ProviderDenied, ProviderUnavailable, Throttled
from vfr.workflows.staging import Staging
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome, ask
from vfr.workflows.sync_plan import Task
from vfr.workflows.sync_request import SyncRequest

__all__ = ["Gathered", "gather"]

_ENOUGH: Final = 3
"""Failures in a row after which the rest of a provider's questions, or of one kind of them, waits for the next sync."""

_PROVIDER_AT_FAULT: Final = frozenset({Throttled.code, ProviderUnavailable.code})

_LOOK_S: Final = 0.5
"""Seconds between two looks at the lanes: a wait without an end would not hear Ctrl-C."""


class Gathered(NamedTuple):
    """An outcome for every task, in their order, and how many a stopped sync had staged."""

    outcomes: list[Outcome]
    resumed: int


def gather(
    request: SyncRequest, tasks: Sequence[Task], stored: Stored, staging: Staging, progress: Progress
) -> Gathered:
    """Return an outcome for every task: staged ones, then answers of the providers.

    Every usable answer is staged before the next question of its lane is asked.
    """
    staged = {task.key: staging.kept(task, request.oldest_staged(task)) for task in tasks}
    outcomes = {key: outcome for key, outcome in staged.items() if outcome is not None}
    resumed = len(outcomes)
    total = max(1, len(tasks))

    def tell(outcome: Outcome) -> None:
        outcomes[outcome.task.key] = outcome
        progress(f"{outcome.task.provider}: {outcome.task.subject}", len(outcomes) / total)

    _run(list(_lanes(request, [task for task in tasks if task.key not in outcomes], stored, staging)), tell)
    return Gathered([outcomes[task.key] for task in tasks], resumed)


def _run(lanes: Sequence[_Lane], tell: Callable[[Outcome], None]) -> None:
    stop = Event()
    pool = ThreadPoolExecutor(max(1, len(lanes)), thread_name_prefix="vfr-sync")
    try:
        open_lanes: set[Future[None]] = {pool.submit(lane.run, stop, tell) for lane in lanes}
        while open_lanes:
            ended, open_lanes = wait(open_lanes, timeout=_LOOK_S)
            for lane in ended:
                lane.result()
    finally:
        # A question under way is finished first, and its answer staged.
        stop.set()
        pool.shutdown(cancel_futures=True)


def _lanes(request: SyncRequest, tasks: Sequence[Task], stored: Stored, staging: Staging) -> Iterator[_Lane]:
    for provider in request.providers:
        own = [task for task in tasks if task.provider == provider.name]
        halt = _Halt()
        count = min(request.lanes.get(provider.name, 1), len(own))
        yield from (_Lane(request, provider, own[n::count], stored, staging, halt) for n in range(count))


class _Halt:
    """Why the rest of a provider's questions is not asked; shared by its lanes."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._failures = 0
        self._whole: Outcome | None = None
        self._denied: dict[Offer, list[Outcome]] = {}

    def reason(self, task: Task) -> Outcome | None:
        """Return the outcome that speaks against asking, if any."""
        denied = self._denied.get(task.offer, [])
        return self._whole or (denied[-1] if len(denied) >= _ENOUGH else None)

    def note(self, outcome: Outcome) -> None:
        """Count failures in a row: of the provider as a whole, and refusals of one kind of question by the key."""
        with self._lock:
            self._failures = self._failures + 1 if outcome.code in _PROVIDER_AT_FAULT else 0
            if self._failures >= _ENOUGH:
                self._whole = outcome
            denied = self._denied.get(outcome.task.offer, [])
            self._denied[outcome.task.offer] = [*denied, outcome] if outcome.code == ProviderDenied.code else []


@dataclass(frozen=True, slots=True, eq=False)
class _Lane:
    """Some of one provider's questions, asked one after the other."""

    request: SyncRequest
    provider: DataProvider
    tasks: Sequence[Task]
    stored: Stored
    staging: Staging
    halt: _Halt

    def run(self, stop: Event, tell: Callable[[Outcome], None]) -> None:
        for task in self.tasks:
            if stop.is_set():
                return
            now = self.request.time()
            reason = self.halt.reason(task)
            if reason is not None:
                tell(Outcome(task, now, reason.code, reason.message))
                continue
            outcome = ask(self.provider, task, self.stored.rows, now)
            if outcome.partial and task.since > self.request.start:
                # The vendor corrected a split: stored bars before the answer are on the old basis too.
                whole = ask(self.provider, replace(task, since=self.request.start), self.stored.rows, now)
                outcome = replace(whole, task=task)
            self.halt.note(outcome)
            if outcome.code == DONE:
                self.staging.keep(outcome)
            tell(outcome)
