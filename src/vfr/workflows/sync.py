"""Use case: bring an archive of facts up to date from live providers, and the data set made from it.

Usable answers are staged one by one; at the end everything new is published in one step. A sync that is killed leaves
the archive as it was, and its staged answers for the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from vfr.data.provider import Progress
from vfr.errors import NoData
from vfr.workflows.archive import Archive
from vfr.workflows.datasets import DatasetStore
from vfr.workflows.staging import Staging
from vfr.workflows.stored import Stored
from vfr.workflows.sync_ask import DONE, Outcome
from vfr.workflows.sync_commit import Committed, commit, written_up
from vfr.workflows.sync_gather import STALE_ANSWER, SyncRequest, gather
from vfr.workflows.sync_plan import Task, plan_tasks
from vfr.workflows.sync_publish import Published, publish_view
from vfr.workflows.sync_report import Problem, SyncPlan, SyncReport, added_up

__all__ = ["plan_sync", "sync"]


def plan_sync(request: SyncRequest, archive: Archive, staging: Staging, pace: Callable[[str], float]) -> SyncPlan:
    """Return what a sync would ask now; nothing is asked.

    Parameters
    ----------
    pace : callable
        Given a provider: questions per second.
    """
    tasks = _tasks(request, Stored(archive), staging)
    resumed = sum(staging.kept(task, request.now - STALE_ANSWER) is not None for task in tasks)
    questions = {p.name: sum(task.provider == p.name for task in tasks) for p in request.providers}
    seconds = max((count / pace(name) for name, count in questions.items() if count), default=0.0)
    return SyncPlan(archive.name, tasks, questions, seconds, resumed)


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
    SyncBusy
        If another process writes the archive.
    DataError
        If the archive or the data home cannot be written; what was there stays, and so do the staged answers.
    """
    with archive.lock():
        stored = Stored(archive)  # Nobody else writes: what is read once stays true until it is published.
        tasks = _tasks(request, stored, staging)
        resumed = sum(staging.kept(task, request.now - STALE_ANSWER) is not None for task in tasks)
        outcomes = gather(request, tasks, stored, staging, lambda stage, done: progress(stage, 0.8 * done))
        progress("publishing what is new", 0.8)
        sources = tuple(provider.name for provider in request.providers)
        sources += tuple(name for name in staging.diary().sources if name not in sources)
        committed = commit(outcomes, archive, stored, sources, request.now)
        progress("preparing the data set", 0.85)
        try:
            published = publish_view(archive, datasets, request.now)
        except NoData:  # No price is known yet: the facts are kept, there is nothing to score.
            published = Published("", current=False, findings=())
        # Last, so that a sync killed before it asks again, finds the staged answers, and publishes the same.
        diary = replace(staging.diary(), sources=sources)
        staging.write_diary(written_up(diary, outcomes, request.now))
        staging.clear()
        progress("done", 1.0)
        return _report(archive.name, outcomes, resumed, committed, published)


def _tasks(request: SyncRequest, stored: Stored, staging: Staging) -> tuple[Task, ...]:
    return plan_tasks(
        request.providers,
        request.subjects,
        newest=stored.newest,
        asked=staging.diary().asked,
        last_close=request.last_close,
        now=request.now,
        start=request.start,
        refetch=request.refetch,
    )


def _report(name: str, outcomes: list[Outcome], resumed: int, committed: Committed, published: Published) -> SyncReport:
    problems = tuple(Problem(o.task.provider, o.task.subject, o.code, o.message) for o in outcomes if o.code != DONE)
    return SyncReport(
        name=name,
        asked=len(outcomes),
        answered=len(outcomes) - len(problems),
        resumed=resumed,
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
