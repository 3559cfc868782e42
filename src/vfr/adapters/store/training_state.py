"""What the training leader is doing, for every other process of the data home to read.

::

    HOME/training/leader.lock    held by the leader as long as it lives; the kernel lets go when it dies
    HOME/training/state.json     its last report; replaced in one rename

Whether a leader lives is asked of the lock, never of the report: a killed leader leaves its last report behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from vfr.adapters.store.replace import replace_file
from vfr.clock import utc_now
from vfr.data.provider import Progress
from vfr.errors import VfrError

__all__ = ["Phase", "TrainingState", "TrainingStatus"]

Phase: TypeAlias = Literal["idle", "running", "finished", "failed", "interrupted"]

_TRIES: Final = 20
_PAUSE_S: Final = 0.05
_STEP: Final = 0.005
"""Smallest change of the fraction worth a write."""


@dataclass(frozen=True, slots=True)
class TrainingStatus:
    """The state of training: `fraction` is 0-1, times are ISO UTC, `message` says what came of it."""

    phase: Phase = "idle"
    pid: int | None = None
    stage: str = ""
    fraction: float = 0.0
    started_at: str | None = None
    updated_at: str | None = None
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what HTTP shows: everything but the process id."""
        return {
            "state": self.phase,
            "stage": self.stage,
            "progress": round(100 * self.fraction),
            "startedAt": self.started_at,
            "updatedAt": self.updated_at,
            "message": self.message,
        }


class TrainingState:
    """The training state of one data home.

    Parameters
    ----------
    home : Path
        Data home.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "training"
        self._lock = self._folder / "leader.lock"
        self._state = self._folder / "state.json"

    def read(self) -> TrainingStatus:
        """Return the state; a leader that died while running reads as interrupted."""
        last = self._last()
        if last.phase == "running" and not self._led():
            return replace(last, phase="interrupted", message="training stopped before it was done")
        return last

    @contextmanager
    def lead(self) -> Iterator[Progress | None]:
        """Become the leader for as long as the context lasts.

        Yields
        ------
        Progress or None
            Called with a stage and a fraction to report progress; None if another process leads already.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._lock.open("w") as handle:
            if not _acquire(handle.fileno()):
                yield None
                return
            now = _now()
            self._write(TrainingStatus("running", os.getpid(), "starting", 0.0, now, now))
            try:
                yield self._report
            except BaseException as error:
                self._end("failed" if isinstance(error, Exception) else "interrupted", _sentence(error))
                raise
            self._end("finished", "")

    def _report(self, stage: str, fraction: float, /) -> None:
        last = self._last()
        if stage != last.stage or abs(fraction - last.fraction) >= _STEP:
            self._write(replace(last, stage=stage, fraction=min(max(fraction, 0.0), 1.0), updated_at=_now()))

    def _end(self, phase: Phase, message: str) -> None:
        self._write(replace(self._last(), phase=phase, message=message, updated_at=_now()))

    def _last(self) -> TrainingStatus:
        try:
            return TrainingStatus(**json.loads(self._state.read_bytes()))
        except (OSError, ValueError, TypeError):
            return TrainingStatus()

    def _write(self, status: TrainingStatus) -> None:
        replace_file(self._state, json.dumps(asdict(status)).encode())

    def _led(self) -> bool:
        try:
            with self._lock.open() as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False


def _acquire(handle: int) -> bool:
    """Take the lock; a reader that is just asking holds it for an instant, so ask more than once."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE_S)
        else:
            return True
    return False


def _sentence(error: BaseException) -> str:
    """Say what stopped a run; a sentence of the error tree is fit to be shown, any other is named only."""
    return error.message if isinstance(error, VfrError) else type(error).__name__


def _now() -> str:
    return utc_now().isoformat(timespec="seconds")
