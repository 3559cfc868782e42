"""Use case: bring an archive of facts up to date from live providers, and the data set made from it.

Usable answers are staged one by one; at the end everything new is published in one step. A sync that is killed leaves
the archive as it was, and its staged answers for the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import chain
from typing import NamedTuple

from vfr.data.provider import Progress, Subject
from vfr.errors import NoData
from vfr.workflows.archive import Archive
from vfr.workflows.datasets import DatasetStore
from vfr.workflows.staging import Staging, SyncDiary
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome
from vfr.workflows.sync_commit import Committed, commit, trust_order, written_up
from vfr.workflows.sync_gather import gather
from vfr.workflows.sync_plan import Task, plan_tasks
from vfr.workflows.sync_publish import Published, publish_view
from vfr.workflows.sync_report import Problem, SyncPlan, SyncReport, added_up
from vfr.workflows.sync_request import STALE_ANSWER, SyncRequest
from vfr.workflows.universe import INDEX, members_since

__all__ = ["plan_sync", "sync"]


def plan_sync(request: SyncRequest, archive: Archive, staging: Staging, pace: Callable[[str], float]) -> SyncPlan:
    """Return what a sync would ask now; nothing is asked.

    Where the members of the index are not known yet, only the question about them is planned.

    Parameters
    ----------
    pace : callable
        Given a provider: questions per second.
    """
    stored = Stored(archive)
    known = not request.members or stored.table("membership").height > 0
    if request.members:
        request = _about_members(request, stored) if known else _about_index(request)
    tasks = _tasks(request, stored, staging)
    resumed = sum(staging.kept(task, request.oldest_staged(task)) is not None for task in tasks)
    questions = {p.name: sum(task.provider == p.name for task in tasks) for p in request.providers}
    seconds = max((count / pace(name) for name, count in questions.items() if count), default=0.0)
    return SyncPlan(archive.name, tasks, questions, seconds, resumed, members_known=known)


def sync(
    request: SyncRequest, archive: Archive, staging: Staging, datasets: DatasetStore, progress: Progress
) -> SyncReport:
    """Ask every question that is due, publish what is new, and make the data set from all that is known.

    Parameters
    ----------
    request : SyncRequest
    archive : Archive
        Where facts are kept.
    staging : Staging
        Where answers wait until they are published.
    datasets : DatasetStore
        Where the data set is published; it becomes current unless another set that was imported is.
    progress : callable
        Called with a stage in plain words and the fraction done, 0 to 1.

    Raises
    ------
    InvalidField
        If the members of the index are asked for and nobody knows them.
    SyncBusy
        If another process writes the archive.
    DataError
        If the archive or the data home cannot be written; what was there stays, and so do the staged answers.
    """
    with archive.lock():
        # First, so that a sync that is stopped can be gone on with in two words.
        before = staging.diary()
        named = tuple(dict.fromkeys((*before.named, *request.named)))
        staging.write_diary(replace(before, universe=request.universe, start=request.start, named=named))
        sources = trust_order(_sources(archive), [provider.name for provider in request.providers])
        done = _Done([], 0, Committed(), [])
        if request.members:
            progress("asking who belongs to the index", 0.0)
            done = done.then(_phase(_about_index(request), archive, staging, sources, progress))
            request = _about_members(request, Stored(archive))
        done = done.then(_phase(request, archive, staging, sources, progress))
        progress("preparing the data set", 0.85)
        diary = written_up(staging.diary(), done.outcomes, request.time())
        try:
            published = publish_view(archive, datasets, request.time(), _membership_told(diary))
        except NoData:  # No price is known yet: the facts are kept, there is nothing to score.
            published = Published("", current=False, findings=())
        # Last, so that a sync killed before it asks again, finds the staged answers, and publishes the same.
        staging.write_diary(diary)
        staging.clear(done.tasks, before=request.now - STALE_ANSWER)
        progress("done", 1.0)
        return _report(archive.name, done, published)


class _Done(NamedTuple):
    """What the phases of a sync came to so far."""

    outcomes: list[Outcome]
    resumed: int
    committed: Committed
    tasks: list[Task]

    def then(self, other: _Done) -> _Done:
        return _Done(
            self.outcomes + other.outcomes,
            self.resumed + other.resumed,
            self.committed.then(other.committed),
            self.tasks + other.tasks,
        )


def _phase(
    request: SyncRequest, archive: Archive, staging: Staging, sources: Sequence[str], progress: Progress
) -> _Done:
    """Ask what is due, and publish what is new as facts."""
    stored = Stored(archive)  # Nobody else writes: what is read once stays true until it is published.
    tasks = _tasks(request, stored, staging)
    gathered = gather(request, tasks, stored, staging, lambda stage, fraction: progress(stage, 0.8 * fraction))
    progress("publishing what is new", 0.8)
    committed = commit(gathered.outcomes, archive, stored, sources, request.time())
    return _Done(gathered.outcomes, gathered.resumed, committed, list(tasks))


def _membership_told(diary: SyncDiary) -> date | None:
    """Return the day a provider last told the members; a file that is read again says nothing new by that."""
    told = [at for topic, at in diary.asked.items() if " membership " in topic and not topic.startswith("file ")]
    return max(told).date() if told else None


def _about_index(request: SyncRequest) -> SyncRequest:
    return replace(request, subjects={"index": (INDEX,)})


def _about_members(request: SyncRequest, stored: Stored) -> SyncRequest:
    """Return the request about everybody who belonged to the index since its first day."""
    members = members_since(stored.table("membership"), request.start, request.now)
    others: dict[Subject, Sequence[str]] = {per: names for per, names in request.subjects.items() if per != "index"}
    return replace(request, subjects={**others, "symbol": members})


def _sources(archive: Archive) -> tuple[str, ...]:
    """Return the archive's order of trust so far."""
    return next((version.sources for version in archive.versions()), ())


def _tasks(request: SyncRequest, stored: Stored, staging: Staging) -> tuple[Task, ...]:
    diary = staging.diary()
    return plan_tasks(
        request.providers,
        request.subjects,
        newest=stored.newest,
        asked=diary.asked,
        unknown=diary.unknown,
        last_close=request.last_close,
        now=request.now,
        start=request.start,
        refetch=request.refetch,
        replace=request.replace,
    )


def _report(name: str, done: _Done, published: Published) -> SyncReport:
    outcomes, committed = done.outcomes, done.committed
    problems = tuple(Problem(o.task.provider, o.task.subject, o.code, o.message) for o in outcomes if o.code != DONE)
    return SyncReport(
        name=name,
        asked=len(outcomes),
        answered=len(outcomes) - len(problems),
        resumed=done.resumed,
        new=committed.new,
        corrected=committed.corrected,
        quarantined=committed.quarantined,
        problems=problems,
        findings=added_up(chain(*(o.findings for o in outcomes), published.findings)),
        archive_version=committed.version,
        data_version=published.version,
        changed=committed.changed,
        current=published.current,
    )
