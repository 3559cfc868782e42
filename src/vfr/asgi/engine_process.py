"""The engine as the process that starts the servers sees it: started, watched, started again, ended last."""

from __future__ import annotations

from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Final

from vfr.asgi.companion import ended, launch
from vfr.asgi.terminal import say
from vfr.clock import elapsed_ms

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator
    from typing import Any

    from vfr.settings import Settings

__all__ = ["EngineProcess", "engine_beside"]

CODE: Final = """
import os
os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1")
from vfr.asgi.engine import main
main()
"""
"""Numeric libraries read these when they are loaded; members are asked side by side instead."""

_LOOK_S: Final = 0.2
_PING_S: Final = 5.0
_HUNG_S: Final = 60.0
"""Without an answer for so long it is taken for hung; reading and compiling everything at first takes seconds."""

_LONGEST_S: Final = 30.0
_SOUND_S: Final = 60.0
"""An engine that lived so long is started again without a growing pause."""


@contextmanager
def engine_beside(settings: Settings) -> Iterator[EngineProcess | None]:
    """Keep the engine running for as long as the context lasts; None if machine learning is off by setting."""
    if not settings.ml_enabled:
        yield None
        return
    from vfr.bootstrap import engine_of

    client = engine_of(settings)
    engine = EngineProcess(CODE, client.state)
    try:
        yield engine
    finally:
        engine.close()
        client.close()


class EngineProcess:
    """A process that is started again when it dies or hangs.

    Parameters
    ----------
    code : str
        What it runs.
    state : callable
        Asks it how it does, within so many milliseconds; None where it does not answer.
    """

    def __init__(self, code: str, state: Callable[[int], dict[str, Any] | None]) -> None:
        self._code = code
        self._state = state
        self._over = Event()
        self._lock = Lock()
        self._process = self._launch()
        self._thread = Thread(target=self._watch, name="engine", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Id of the process as it is now."""
        return self._process.pid

    def restart(self) -> None:
        """Start another one, then end the one before, which finishes what it was asked."""
        with self._lock:
            before = self._process
            if self._over.is_set() or not self._replace():
                return
        Thread(target=ended, args=(before,), name="engine-before", daemon=True).start()

    def close(self) -> None:
        """End the process, and watch no longer."""
        with self._lock:
            self._over.set()
        self._thread.join()
        ended(self._process)

    def _launch(self) -> subprocess.Popen[bytes]:
        self._since = self._heard = self._asked = elapsed_ms()
        return launch(self._code)

    def _replace(self) -> bool:
        """Start another one if the system lets it, which may be short of memory, and return whether it did."""
        try:
            self._process = self._launch()
        except OSError as error:
            say(f"The machine-learning process cannot be started ({error.strerror})")
            return False
        return True

    def _watch(self) -> None:
        pause = 0.0
        while not self._over.wait(_LOOK_S):
            process = self._process
            status = process.poll()
            if status is None:
                self._look_after(process)
                continue
            lived_s = elapsed_ms(self._since) / 1e3
            pause = 0.5 if lived_s >= _SOUND_S else min(max(2 * pause, 0.5), _LONGEST_S)
            say(f"The machine-learning process ended ({status}); it is started again in {pause:.1f} s")
            if self._over.wait(pause):
                return
            with self._lock:
                if self._process is process and not self._over.is_set():
                    ended(process)
                    self._replace()

    def _look_after(self, process: subprocess.Popen[bytes]) -> None:
        """End a process that has not answered for long; the next look starts another."""
        if elapsed_ms(self._asked) < 1e3 * _PING_S:
            return
        self._asked = elapsed_ms()
        if self._state(1_000) is not None:
            self._heard = elapsed_ms()
        elif elapsed_ms(self._heard) > 1e3 * _HUNG_S:
            say("The machine-learning process hangs; it is ended and started again")
            process.kill()
