"""The engine as server processes see it: asked over its socket, never waited for beyond the deadline of a request."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from vfr.adapters.engine.address import connect
from vfr.adapters.engine.frames import (
    MAX_ANSWER,
    ForecastQuestion,
    PingQuestion,
    Question,
    StateQuestion,
    encode_question,
    receive,
    send,
)
from vfr.adapters.store.codecs import decode_forecast
from vfr.clock import elapsed_ms
from vfr.typing import Horizon
from vfr.workflows.breaker import NoAnswer
from vfr.workflows.forecaster import Forecast, MlUnavailable, UnavailableCode

if TYPE_CHECKING:
    import numpy as np

__all__ = ["Engine"]

KEPT: Final = 8
"""Connections kept open between questions."""

MARGIN: Final = 0.1
MARGIN_MS: Final = 100.0
"""What of a deadline the way back is given, at most: the engine answers before the request stops waiting."""


class Engine:
    """The engine of a data home.

    Parameters
    ----------
    folder : Path
        Where its socket lies.

    Notes
    -----
    Safe in threads. A connection carries one question at a time; one whose answer did not come in time is dropped with
    the answer. A connection that was kept and turns out to be broken is replaced once, as the engine may have been
    started again meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._kept: list[socket.socket] = []
        self._lock = Lock()

    def ask(
        self, as_of: np.datetime64 | None, horizon: Horizon, members: Sequence[str], method: str, timeout_ms: int
    ) -> Forecast | MlUnavailable:
        """Ask for a forecast, with the arguments of `vfr.workflows.forecaster.Forecaster.at`.

        For a past day an engine that is being started is waited for; the latest is on the scoreboard once it has begun.

        Raises
        ------
        NoAnswer
            If the engine is not there in time, says nothing in time, or answers what cannot be read.
        """
        until = elapsed_ms() + timeout_ms
        own = max(int(timeout_ms - min(MARGIN * timeout_ms, MARGIN_MS)), 1)
        day = None if as_of is None else str(as_of.astype("datetime64[D]"))
        try:
            asked = ForecastQuestion(day, horizon, tuple(members), method, own)
            return decode_forecast(self._exchange(asked, until, patient=day is not None))
        except TimeoutError:
            raise NoAnswer(MlUnavailable("TIMEOUT", f"not ready within {timeout_ms} ms; ask again")) from None
        except (FileNotFoundError, ConnectionRefusedError):
            starting = "the process that holds the models is being started; ask again"
            code: UnavailableCode = "ML_ERROR" if day is None else "TIMEOUT"
            raise NoAnswer(MlUnavailable(code, starting), failed=False) from None
        except OSError:
            ended = "the process that holds the models ended and is being started again"
            raise NoAnswer(MlUnavailable("ML_ERROR", ended)) from None
        except ValueError:
            raise NoAnswer(MlUnavailable("ML_ERROR", "the process that holds the models answered nonsense")) from None

    def alive(self, timeout_ms: int) -> bool:
        """Return whether the engine answers in time, which costs it nothing."""
        try:
            return self._exchange(PingQuestion(), elapsed_ms() + timeout_ms) == b""
        except (OSError, ValueError):
            return False

    def state(self, timeout_ms: int) -> dict[str, Any] | None:
        """Return what the engine says of itself; None if it says nothing in time."""
        try:
            found = json.loads(self._exchange(StateQuestion(), elapsed_ms() + timeout_ms))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def close(self) -> None:
        """Close what is kept open."""
        with self._lock:
            kept, self._kept = self._kept, []
        for link in kept:
            link.close()

    def _exchange(self, question: Question, until: float, *, patient: bool = False) -> bytes:
        asked = encode_question(question)
        while (link := self._take()) is not None:
            try:
                return self._over(link, asked, until)
            except ConnectionError:
                continue
        return self._over(connect(self._folder, until, patient=patient), asked, until)

    def _over(self, link: socket.socket, asked: bytes, until: float) -> bytes:
        try:
            send(link, asked, until)
            found = receive(link, MAX_ANSWER, until)
        except BaseException:
            link.close()
            raise
        self._keep(link)
        return found

    def _take(self) -> socket.socket | None:
        with self._lock:
            return self._kept.pop() if self._kept else None

    def _keep(self, link: socket.socket) -> None:
        with self._lock:
            if len(self._kept) < KEPT:
                self._kept.append(link)
                return
        link.close()
