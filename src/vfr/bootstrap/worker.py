"""The worker: jobs of one installation on a schedule, done by whoever holds the lease."""

from __future__ import annotations

from typing import Final

import structlog

from vfr.bootstrap.application import Application
from vfr.bootstrap.live import SyncOptions
from vfr.clock import utc_now
from vfr.errors import SettingsError, VfrError

__all__ = ["run"]

_LEADER: Final = "worker"


def run(app: Application, name: str, *, once: bool) -> int:
    """Do the jobs of the schedule until SIGTERM; or every job once, and return 1 if one failed.

    Parameters
    ----------
    app : Application
    name : str
        Data set to keep up to date; what to bring in is taken from its last sync.
    once : bool
        Do every job now instead.
    """
    app.journal.settle_quietly()
    if once:
        return 0 if _sync(app, name) else 1
    from vfr.adapters.schedule import Job, run_worker

    jobs = [Job("sync", app.settings.sync_schedule, lambda: _sync(app, name))]
    lease = app.live.lease(_LEADER)
    try:
        run_worker(jobs, lease=lease, clock=utc_now)
    except ValueError as error:
        raise SettingsError(f"VFR_SYNC_SCHEDULE: {error}") from None
    return 0


def _sync(app: Application, name: str) -> bool:
    log = structlog.get_logger()
    try:
        report = app.live.sync(SyncOptions(name=name), lambda *_: None)
    except VfrError as error:
        log.warning("sync_failed", code=error.code, error=error.message)
        return False
    counts = {
        "new": sum(report.new.values()),
        "corrected": sum(report.corrected.values()),
        "quarantined": sum(report.quarantined.values()),
        "problems": len(report.problems),
    }
    log.info("sync_done", asked=report.asked, answered=report.answered, version=report.data_version, **counts)
    _refresh(app)
    return not report.failed


def _refresh(app: Application) -> None:
    """Prepare what servers answer from; where one runs, its engine does so too, and whoever comes second is done."""
    try:
        app.refreshing.step()
    except Exception as error:  # noqa: BLE001 - the data is in; a refresh that fails is tried again after the next sync
        structlog.get_logger().warning("refresh_failed", error=str(error))
