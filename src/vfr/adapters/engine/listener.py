"""The engine's side of its socket: a thread for each connection, which reads a question and writes the answer."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Condition, Thread
from typing import Any, Final

import numpy as np

from vfr.adapters.engine.address import leave, listen
from vfr.adapters.engine.frames import MAX_QUESTION, ForecastQuestion, PingQuestion, decode_question, receive, send
from vfr.adapters.store.codecs import encode_forecast
from vfr.clock import elapsed_ms
from vfr.workflows.forecaster import Forecaster

__all__ = ["Listener"]

CONNECTIONS: Final = 512
"""Open at once; one more is closed at once. A server process keeps a few and has 32 at most, and most systems let a
process have 1,024 files."""

_WRITE_MS: Final = 5_000.0
"""How long whoever asked may take to read the answer."""

_LOOK_S: Final = 0.2


class Listener:
    """Answers the questions that come over the socket of a folder.

    Parameters
    ----------
    folder : Path
        The caller holds its lock, so that no other engine listens there.
    forecaster : Forecaster
        Asked side by side by as many threads as there are questions.
    state : callable
        What the engine says of itself, as plain JSON types.
    """

    def __init__(self, folder: Path, forecaster: Forecaster, state: Callable[[], Mapping[str, Any]]) -> None:
        self._folder = folder
        self._forecaster = forecaster
        self._state = state
        self._change = Condition()
        self._links: set[socket.socket] = set()
        self._busy = 0
        self._closed = False
        self._listener = listen(folder)
        self._listener.settimeout(_LOOK_S)
        self._thread = Thread(target=self._accept, name="engine-socket", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> bool:
        """Take no more questions, finish within some seconds those that were asked; return whether all were."""
        with self._change:
            self._closed = True
        self._thread.join()
        self._listener.close()
        leave(self._folder)
        with self._change:
            done = self._change.wait_for(lambda: self._busy == 0, timeout)
            links = list(self._links)
        for link in links:
            with suppress(OSError):  # It may have gone meanwhile; closing alone would not wake who reads from it.
                link.shutdown(socket.SHUT_RDWR)
        return done

    def _accept(self) -> None:
        while not self._closed:
            try:
                link, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:  # such as no descriptor left for another connection
                with self._change:
                    self._change.wait(_LOOK_S)
                continue
            with self._change:
                if len(self._links) >= CONNECTIONS:
                    link.close()
                    continue
                self._links.add(link)
            Thread(target=self._serve, args=(link,), name="engine-link", daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        """Answer one connection until it is closed, or says what cannot be understood."""
        try:
            while not self._closed:
                asked = receive(link, MAX_QUESTION, None)
                with self._change:
                    self._busy += 1
                try:
                    send(link, self._answer(asked), elapsed_ms() + _WRITE_MS)
                finally:
                    with self._change:
                        self._busy -= 1
                        self._change.notify_all()
        except (OSError, ValueError):
            pass  # Whoever asked has gone, or talks nonsense: it hears nothing more.
        finally:
            link.close()
            with self._change:
                self._links.discard(link)

    def _answer(self, asked: bytes) -> bytes:
        question = decode_question(asked)
        if isinstance(question, PingQuestion):
            return b""
        if not isinstance(question, ForecastQuestion):
            return json.dumps(self._state()).encode()
        day = None if question.as_of is None else np.datetime64(question.as_of, "D")
        found = self._forecaster.at(day, question.horizon, question.members, question.method, question.timeout_ms)
        return encode_forecast(found)
