"""The processes beside a server, wired: the engine that holds the models, and the one that computes past days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import TYPE_CHECKING, Any, Final

from vfr.adapters.compute.parent import end_with_parent
from vfr.adapters.compute.pool import ProcessPool
from vfr.adapters.engine.client import Engine
from vfr.adapters.store.publishing import try_writer
from vfr.bootstrap.past import past_board
from vfr.clock import elapsed_ms
from vfr.workflows.breaker import Breaker, Guarded, NoAnswer

if TYPE_CHECKING:
    import numpy as np

    from vfr.adapters.engine.listener import Listener
    from vfr.factors.board import Board
    from vfr.settings import Settings
    from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable

__all__ = ["Beside", "beside", "end_with_parent", "engine_of", "leading", "listening"]

FAILURES: Final = 3
REST_S: Final = 2.0
WINDOW_S: Final = 60.0
"""So many silences of the engine in a row and within so long, and it is left alone for a while."""

STATE_MS: Final = 1_000
"""How long the engine may take to say how it does."""

_AGAIN_S: Final = 0.25

_OFFICES_S: Final = 30.0
"""How long a process that changed a champion waits for the next change."""


class Questions:
    """Asks the engine, and counts what came of it; safe in threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._counts = {"answered": 0, "silent": 0}

    def ask(self, *about: Any) -> Forecast | MlUnavailable:
        """Ask for a forecast; see `vfr.adapters.engine.client.Engine.ask`.

        Raises
        ------
        NoAnswer
            If the engine is not there, says nothing in time, or answers what cannot be read.
        """
        try:
            found = self._engine.ask(*about)
        except NoAnswer:
            self._count("silent")
            raise
        self._count("answered")
        return found

    def counts(self) -> dict[str, int]:
        """Return how many questions were ``answered`` and how many ``silent`` since this process began."""
        with self._lock:
            return dict(self._counts)

    def _count(self, outcome: str) -> None:
        with self._lock:
            self._counts[outcome] += 1


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a server process leaves to others.

    Parameters
    ----------
    home : Path
    engine : Engine
    questions : Questions
        What requests ask of the engine, counted.
    guard : Guarded
        The engine as requests ask it: left alone while it fails.
    pool : ProcessPool
        Where past days are computed.
    offices : ProcessPool
        Where versions are read that are put in and out of office; no past day is waited for.
    """

    home: Path
    engine: Engine
    questions: Questions
    guard: Guarded
    pool: ProcessPool
    offices: ProcessPool

    def past_board(self, day: np.datetime64) -> Board:
        """Compute the board of a past day; see `vfr.workflows.held.Boards`.

        Raises
        ------
        InvalidField
            If the day is before the first session.
        Overloaded
            If too many wait already.
        """
        from vfr.adapters.store.codecs import decode_board
        from vfr.adapters.telemetry import log_failed_past_days

        found = self.pool.run(past_board, self.home, day)
        for why in found.failed:
            log_failed_past_days(why)
        return decode_board(found.raw)

    def state(self) -> dict[str, Any]:
        """Return whether the engine answers, whether it is asked at present, and what it says of itself."""
        said = self.engine.state(STATE_MS)
        return {"answers": said is not None, "breaker": self.guard.state, **(said or {})}

    def close(self) -> None:
        """End the processes that compute, and hang up."""
        self.pool.close()
        self.offices.close()
        self.engine.close()


def beside(settings: Settings) -> Beside:
    """Return what a server process leaves to others; nothing is started yet."""
    engine = engine_of(settings)
    questions = Questions(engine)
    guard = Guarded(questions.ask, Breaker(FAILURES, REST_S, WINDOW_S), lambda: elapsed_ms() / 1e3)
    offices = ProcessPool(idle_s=_OFFICES_S, nice=0)
    return Beside(settings.data_home, engine, questions, guard, ProcessPool(), offices)


def engine_of(settings: Settings) -> Engine:
    """Return the engine of a data home, to be asked."""
    return Engine(_folder(settings))


@contextmanager
def leading(settings: Settings, ended: Event) -> Iterator[bool]:
    """Be the one engine of a data home; wait while another is, and say False if that lasted until the end."""
    folder = _folder(settings)
    while not ended.is_set():
        with try_writer(folder) as lead:
            if lead:
                yield True
                return
        ended.wait(_AGAIN_S)
    yield False


def listening(settings: Settings, forecaster: Forecaster, state: Callable[[], Mapping[str, Any]]) -> Listener:
    """Answer what server processes ask from now on; the caller leads, and closes it. `state` must not raise."""
    from vfr.adapters.engine.listener import Listener

    return Listener(_folder(settings), forecaster, state)


def _folder(settings: Settings) -> Path:
    return settings.data_home / "run"
