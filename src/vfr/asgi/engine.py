"""The engine: the one process of an installation that holds models, beside the server processes.

It follows data, models and switches, publishes the scoreboard that server processes answer from, and answers itself
what is not on it. Whatever happens to it, the classic answer is made elsewhere.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import sys
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Final

import structlog

from vfr.asgi.terminal import say
from vfr.clock import elapsed_ms, epoch_ms
from vfr.errors import VfrError

if TYPE_CHECKING:
    from vfr.bootstrap import Application
    from vfr.bootstrap.refreshing import Refreshing

__all__ = ["main"]

_LOOK_S: Final = 0.25
_REST_S: Final = 5.0
"""Pause after a refresh that failed; what was published stays."""

_QUIET_S: Final = 5.0
"""How long nothing changes before everything is made ready for the next change: a start has enough to do."""

_DRAIN_S: Final = 5.0


def main() -> None:
    """Run until SIGTERM, or until the process that started this one is gone."""
    from vfr import bootstrap, settings

    faulthandler.enable()
    stop = Event()
    for told in (signal.SIGTERM, signal.SIGINT):
        signal.signal(told, lambda *_: stop.set())
    bootstrap.end_with_parent()
    read = settings.load()
    bootstrap.configure_logging(read)
    application = bootstrap.build(read)
    with bootstrap.leading(read, stop) as lead:
        if lead:
            _lead(application, stop)
    sys.stderr.flush()
    # Threads of members that hang would hold up a normal end for as long as they hang.
    os._exit(0)


def _lead(application: Application, stop: Event) -> None:
    from vfr import bootstrap

    application.journal.settle_soon()
    refreshing, since = application.refreshing, epoch_ms()
    said: dict[str, Any] = {"pid": os.getpid(), "since": since, "refreshed": None, "problem": None, "stage": None}
    counts = {"succeeded": 0, "failed": 0}
    metrics = bootstrap.open_metrics()
    metrics.follow(lambda: bootstrap.engine_readings(application, counts, since))

    def state() -> dict[str, Any]:
        return said | {"members": application.tracking.members()}

    listener = bootstrap.listening(application.settings, application.forecaster, state)
    Thread(target=_follow, args=(refreshing, said, counts, stop), name="engine-refresh", daemon=True).start()
    stop.wait()
    listener.close(_DRAIN_S)
    metrics.close()
    application.journal.close()


def _follow(refreshing: Refreshing, said: dict[str, Any], counts: dict[str, int], stop: Event) -> None:
    """Publish a scoreboard after every change, say when, or why not, and count both."""
    from vfr.workflows.compiling import COMPILING

    def tell(stage: str) -> None:
        said["stage"] = stage
        if COMPILING in stage:
            say(f"Machine learning: {stage}")

    changed = elapsed_ms()
    while not stop.is_set():
        pause = _LOOK_S
        try:
            if refreshing.due():
                if refreshing.step(tell) is not None:
                    counts["succeeded"] += 1
                _settle_memory()
                changed = elapsed_ms()
                said.update(refreshed=epoch_ms(), problem=None)
            elif elapsed_ms(changed) >= 1e3 * _QUIET_S and refreshing.cold():
                refreshing.warm(tell)
                _settle_memory()
        except Exception as error:  # noqa: BLE001 - what was published stays, and the next change is tried again
            structlog.get_logger("vfr.engine").warning("refresh_failed", error=str(error), exc_info=error)
            said["problem"] = error.message if isinstance(error, VfrError) else f"it raised {type(error).__name__}"
            counts["failed"] += 1
            pause = _REST_S
        said["stage"] = None
        stop.wait(pause)


def _settle_memory() -> None:
    """Let the collector pass over what stays: models and features are looked through again at every collection."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
