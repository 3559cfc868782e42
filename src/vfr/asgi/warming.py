"""Forecasts ready before they are asked for: a request's deadline is too short for the first forecast of a process."""

from __future__ import annotations

from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from vfr.errors import VfrError
from vfr.typing import HORIZONS, MEMBER_NAMES

if TYPE_CHECKING:
    from vfr.bootstrap import Application

__all__ = ["keep_warm", "warm"]

_LOOK_S: Final = 2.0
_PATIENCE_MS: Final = 30_000


def keep_warm(application: Application) -> Event:
    """Warm now and after every change of data or models, in the background; setting the event returned ends it."""
    ended = Event()
    Thread(target=_follow, args=(application, ended), name="warming", daemon=True).start()
    return ended


def warm(application: Application) -> None:
    """Ask for the latest forecast of every horizon that has a champion, as requests by default would.

    Nothing heavy is imported while machine learning is off or no champion exists.
    """
    state = application.ml_state()
    if not state["enabled"]:
        return
    led = {champion["horizon"] for champion in state["champions"]}
    for horizon in HORIZONS:
        if horizon in led:
            application.forecaster.at(None, horizon, MEMBER_NAMES, "weighted", _PATIENCE_MS)


def _follow(application: Application, ended: Event) -> None:
    seen = None
    while not ended.is_set():
        now = (application.datasets.stamp(), application.models.stamp(), application.toggles.read().enabled)
        if now != seen:
            # A request that meets the same trouble answers with its reason; warming looks again after the next change.
            with suppress(VfrError, OSError):
                warm(application)
            seen = now
        ended.wait(_LOOK_S)
