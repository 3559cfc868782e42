"""Recurring work of one installation: many worker processes may run, the one that holds the lease does the jobs.

A leader that is killed stops renewing its lease; when that has expired another worker takes over, and does what fell
due since the leader was last known to live. A job may therefore run twice around a take-over, and must bear it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import structlog

from vfr.errors import DataError

if TYPE_CHECKING:
    from vfr.adapters.database.leases import Lease

__all__ = ["Job", "run_worker"]

_BEATS: Final = 3
"""Renewals per length of the lease: two may fail before another worker takes over."""

_RUNNING: Final = 1
"""APScheduler's state of a scheduler that is neither stopped nor paused."""


class Job(NamedTuple):
    """Something to do again and again.

    Parameters
    ----------
    name : str
        Unique; appears in the log.
    when : str or float
        A cron line of five fields in UTC, its weekdays by name (``"30 22 * * mon-fri"``), or seconds between starts.
    run : callable
        Does it. What it raises is logged, and the job runs again when it is due.
    """

    name: str
    when: str | float
    run: Callable[[], object]


def run_worker(
    jobs: Sequence[Job], *, lease: Lease, clock: Callable[[], datetime], stop: SimpleQueue[str] | None = None
) -> None:
    """Do jobs while this process holds the lease, until SIGTERM or SIGINT; then end after the running jobs.

    One instance of a job runs at a time; a start that falls due meanwhile is left out. Starts that were missed while
    the machine slept or the lease's database was away are made up for by one. Without the lease no job starts.

    Parameters
    ----------
    jobs : sequence of Job
        May be plain tuples of the same three.
    lease : Lease
        Who leads; renewed three times in its length, so that the length bounds the pause after a leader was killed.
    clock : callable
        Returns the time, aware, such as `vfr.clock.utc_now`.
    stop : queue.SimpleQueue, optional
        Anything put in ends the worker too.

    Raises
    ------
    ValueError
        If a cron line is malformed, has weekdays by number or never comes.
    """
    from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES

    ending: SimpleQueue[str] = SimpleQueue() if stop is None else stop
    scheduler = _scheduler(len(jobs))
    worker = _Worker(scheduler, lease, clock)
    scheduler.add_listener(worker.report, EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
    for name, when, run in jobs:
        scheduler.add_job(worker.guarded(name, run), _trigger(name, when, clock()), id=name, name=name)
    with _signals(ending):
        scheduler.start(paused=True)
        try:
            worker.lead_until(ending)
        finally:
            worker.end()


@dataclass(slots=True)
class _Worker:
    """The heartbeat, and what it has seen."""

    scheduler: Any
    lease: Lease
    clock: Callable[[], datetime]
    other_seen: datetime | None = None
    log: Any = field(default_factory=structlog.get_logger)

    def guarded(self, name: str, run: Callable[[], object]) -> Callable[[], None]:
        """Return the job with a look at the lease first: a process that slept may wake up as no leader at all."""

        def start() -> None:
            try:
                held = self.lease.acquire(self.clock().timestamp())
            except DataError as error:
                self.log.warning("job_put_off", job=name, reason=error.message)
                # Due again at once, which the pause holds back until the lease is known to be held.
                self.scheduler.pause()
                self.scheduler.modify_job(name, next_run_time=self.clock())
                return
            if held:
                run()
            else:
                self.log.warning("job_left_out", job=name, reason="another worker leads")

        return start

    def lead_until(self, ending: SimpleQueue[str]) -> None:
        """Hold the lease whenever it can be had, until something arrives."""
        while True:
            self.beat()
            try:
                ending.get(timeout=self.lease.ttl / _BEATS)
            except Empty:
                continue
            return

    def beat(self) -> None:
        """Ask for the lease, and run or pause accordingly."""
        now = self.clock()
        try:
            held = self.lease.acquire(now.timestamp())
        except DataError as error:
            self.log.warning("lease_unknown", reason=error.message)
            held = False
        else:
            self.other_seen = self.other_seen if held else now
        leads = self.scheduler.state == _RUNNING
        if held and not leads:
            self.take_over()
        elif leads and not held:
            self.scheduler.pause()
            self.log.warning("worker_stands_by", lease=self.lease.name)

    def take_over(self) -> None:
        """Begin with what the former leader may have left undone, not with what it did while this process stood by."""
        if self.other_seen is not None:
            since = self.other_seen - timedelta(seconds=self.lease.ttl)
            for job in self.scheduler.get_jobs():
                due = job.trigger.get_next_fire_time(None, since)
                job.modify(next_run_time=max(due, job.next_run_time))
            self.other_seen = None
        self.scheduler.resume()
        self.log.info("worker_leads", lease=self.lease.name)

    def end(self) -> None:
        """Start nothing more, keep the lease while jobs still run, and give it back."""
        self.scheduler.pause()
        closing = threading.Thread(target=self.scheduler.shutdown, name="vfr-worker-end")
        closing.start()
        while closing.is_alive():
            closing.join(self.lease.ttl / _BEATS)
            self.settle(lambda: self.lease.renew(self.clock().timestamp()))
        self.settle(self.lease.release)

    def settle(self, change: Callable[[], bool]) -> None:
        """Change the lease if it is this worker's; without its database it expires by itself."""
        try:
            change()
        except DataError as error:
            self.log.warning("lease_unknown", reason=error.message)

    def report(self, event: Any) -> None:
        """Log what became of a job that did not end well."""
        failure = getattr(event, "exception", None)
        if failure is not None:
            self.log.error("job_failed", job=event.job_id, error=type(failure).__name__, exc_info=failure)
        else:
            self.log.warning("job_left_out", job=event.job_id, reason="it was still running")


def _scheduler(jobs: int) -> Any:
    import logging

    from apscheduler.executors.pool import ThreadPoolExecutor
    from apscheduler.schedulers.background import BackgroundScheduler

    # The worker reports failures itself; the library's own lines would repeat them past our format.
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL + 1)
    defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
    executors = {"default": ThreadPoolExecutor(max(1, jobs))}
    return BackgroundScheduler(timezone=UTC, executors=executors, job_defaults=defaults)


def _trigger(name: str, when: str | float, now: datetime) -> Any:
    if not isinstance(when, str):
        from apscheduler.triggers.interval import IntervalTrigger

        return IntervalTrigger(seconds=when, timezone=UTC)
    from apscheduler.triggers.cron import CronTrigger

    # The library counts weekdays from Monday, cron from Sunday: a number would mean another day than it says.
    if any(character.isdigit() for character in "".join(when.split()[-1:])):
        raise ValueError(f"job {name}: name the weekdays of its cron line, as in mon-fri")
    trigger = CronTrigger.from_crontab(when, timezone=UTC)
    if trigger.get_next_fire_time(None, now) is None:
        raise ValueError(f"job {name}: the time of its cron line never comes")
    return trigger


@contextmanager
def _signals(ending: SimpleQueue[str]) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into an entry of the queue, whose `put` may interrupt anything, even itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: ending.put("signal")) for number in asked]
    try:
        yield
    finally:
        for number, handler in zip(asked, before, strict=True):
            signal.signal(number, handler)
