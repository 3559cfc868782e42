"""Leave without a broken request: say so on every connection for a moment, then stop."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from threading import Event, Thread
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Draining"]

DRAIN_S: Final = 1.0
"""How long answers ask for a new connection before those that are idle are closed."""

END_S: Final = 2.0
"""How long a process may take to end once its application is closed."""

_CLOSE: Final = (b"connection", b"close")


class Draining:
    """An application that, told to end by SIGTERM, first asks its clients to connect anew.

    Parameters
    ----------
    app : ASGI application
    end : callable, optional
        Ends the process at once, with a status: called if it has not ended by itself `END_S` after the last request.

    Notes
    -----
    HTTP lets a server close a connection that is idle, and a client that sends on it at that moment hears nothing. For
    `DRAIN_S` every answer therefore says ``Connection: close``, and the next question of that client goes to another
    process; then the process sends itself SIGINT, at which the server finishes what runs and ends. Native threads can
    hold up the end of an interpreter for as long as they like; by then nothing is left to be lost.
    """

    def __init__(self, app: ASGIApp, end: Callable[[int], object] | None = None) -> None:
        self._app = app
        self._end = end
        self._leaving = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on."""
        if scope["type"] == "lifespan":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        # The server cancels the task of a client that has left, and would log that as a failure of the application.
        with suppress(asyncio.CancelledError):
            await self._app(scope, receive, _closing(send) if self._leaving else send)
        if scope["type"] == "lifespan" and self._end is not None:
            Thread(target=_end_later, args=(self._end,), name="end", daemon=True).start()

    def _leave(self) -> None:
        if not self._leaving:
            self._leaving = True
            asyncio.get_running_loop().call_later(DRAIN_S, os.kill, os.getpid(), signal.SIGINT)


def _end_later(end: Callable[[int], object]) -> None:
    Event().wait(END_S)
    end(0)


def _closing(send: Send) -> Send:
    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", ()), _CLOSE]}
        await send(message)

    return closing
