"""The training leader: one process of low priority beside the servers, and its progress on the terminal."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

from vfr.asgi.companion import ended, launch
from vfr.asgi.terminal import progress_line, say
from vfr.clock import elapsed_ms
from vfr.typing import HORIZONS

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection, Iterator

    from vfr.bootstrap import Application

__all__ = ["finished", "training_beside"]

_CODE: Final = "from vfr.bootstrap import end_with_parent, train_starter; end_with_parent(); train_starter()"
_LOOK_S: Final = 0.5


@contextmanager
def training_beside(application: Application) -> Iterator[None]:
    """Train what has never been trained on the current data, for as long as the context lasts.

    Nothing is started if machine learning is off, every horizon has a version, or another process leads. On leaving,
    a leader that still trains is stopped; what it had finished is kept, and the next start goes on from there.
    """
    if not _wanted(application):
        yield
        return
    home = application.settings.data_home
    with (home / "training.log").open("ab") as log:
        leader = launch(_CODE, log)
    done = Event()
    teller = Thread(target=_tell, args=(application, leader, done), name="training", daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        ended(leader)
        teller.join(timeout=2 * _LOOK_S)


def finished(minutes: float, led: Collection[str]) -> str:
    """Return what is said when training ends: the horizons that have a champion, if any.

    Examples
    --------
    >>> finished(2.04, {"7d", "1d"})
    'Training finished after 2.0 minutes; predictions for 1d, 7d. `vfr models list` shows what passed.'
    """
    on = ", ".join(horizon for horizon in HORIZONS if horizon in led)
    said = f"predictions for {on}" if on else "no predictions, as no model passed its gates"
    return f"Training finished after {minutes:.1f} minutes; {said}. `vfr models list` shows what passed."


def _wanted(application: Application) -> bool:
    state = application.ml_state()
    return bool(state["enabled"]) and state["training"]["state"] != "running" and bool(application.untrained())


def _tell(application: Application, leader: subprocess.Popen[bytes], done: Event) -> None:
    started = elapsed_ms()
    with progress_line("Training") as tell:
        while leader.poll() is None and not done.wait(_LOOK_S):
            status = application.training.read()
            if status.phase == "running":
                tell(status.stage, status.fraction)
    if done.is_set():
        return
    status = application.training.read()
    minutes = elapsed_ms(started) / 60_000
    if leader.returncode == 0:
        say(finished(minutes, {champion["horizon"] for champion in application.ml_state()["champions"]}))
    else:
        say(f"Training stopped: {status.message or 'see training.log in the data home'}. Classic analysis is complete.")
