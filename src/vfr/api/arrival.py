"""Bodies must be complete in time: who trickles one must not hold a place. One timer watches all that are awaited."""

from __future__ import annotations

import asyncio
from math import inf
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast

from vfr.api.errors import Refusal
from vfr.api.security import CLOSE

if TYPE_CHECKING:
    from starlette.types import Message, Receive

__all__ = ["Arrivals"]

BODY_S: Final = 10.0
"""Seconds that a whole body may take to come."""

_Task: TypeAlias = "asyncio.Task[Any]"


class Arrivals:
    """The bodies that requests wait for; all of them on one event loop.

    Notes
    -----
    A timer for each body, set and taken back again, took a tenth of what an answer from memory takes.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next = inf
        self._awaited: dict[_Task, float] = {}
        self._late: set[_Task] = set()

    def in_time(self, receive: Receive) -> Receive:
        """Return a `receive` that refuses a body which is not complete `BODY_S` from now."""
        whole = False
        until = asyncio.get_running_loop().time() + BODY_S

        async def receiving() -> Message:
            nonlocal whole
            if whole:  # What follows tells that the client has left, which may take as long as it likes.
                return await receive()
            task = cast("_Task", asyncio.current_task())
            cancelled_before = task.cancelling()
            self._watch(task, until)
            try:
                message = await receive()
            except asyncio.CancelledError:
                if task in self._late and task.uncancel() <= cancelled_before:
                    raise Refusal(408, "BODY_TOO_SLOW", f"the body was not there within {BODY_S:g} s", CLOSE) from None
                raise
            finally:
                self._awaited.pop(task, None)
                self._late.discard(task)
            whole = not message.get("more_body", False)
            return message

        return receiving

    def _watch(self, task: _Task, until: float) -> None:
        loop = task.get_loop()
        if loop is not self._loop:  # What was awaited on another one is awaited no more.
            self._loop, self._next = loop, inf
            self._awaited.clear()
        self._awaited[task] = until
        self._wake(loop, until)

    def _wake(self, loop: asyncio.AbstractEventLoop, at: float) -> None:
        if at < self._next:
            self._next = at
            loop.call_at(at, self._give_up, loop)

    def _give_up(self, loop: asyncio.AbstractEventLoop) -> None:
        """Cancel whoever waits too long, and come back when the next one might."""
        now = loop.time()
        for task in [one for one, until in self._awaited.items() if until <= now]:
            del self._awaited[task]
            self._late.add(task)
            task.cancel()
        self._next = inf
        self._wake(loop, min(self._awaited.values(), default=inf))
