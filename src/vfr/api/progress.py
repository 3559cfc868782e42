"""Progress of an analysis as server-sent events, opened before or after the request it belongs to.

The format is that of the HTML standard, section on server-sent events: ``id: ...``, ``data: {...}`` and an empty line
per event. A session belongs to whoever opens it first, by stream or by request; ``Last-Event-ID`` goes on after an
event.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from vfr.accounts.principal import Principal
from vfr.accounts.tiers import STREAMS
from vfr.api.context import Context
from vfr.api.errors import Refusal
from vfr.bootstrap import Application
from vfr.clock import elapsed_ms, epoch_ms
from vfr.errors import DataError, InvalidField, VfrError
from vfr.workflows.progress_channel import Told

__all__ = ["Reporter", "reported", "routes"]

SESSION_ID: Final = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)
"""22 characters of this alphabet can carry 128 random bits; fewer could be guessed."""

LOOK_S: Final = 0.1
BEAT_S: Final = 15.0
"""Seconds of silence after which a comment shows that the stream lives."""

OPEN_S: Final = 300.0
MOST_ID: Final = 64
_DONE: Final = frozenset({"complete", "error"})


class Reporter:
    """Writes the events of one request where every server process can read them.

    Parameters
    ----------
    application : Application
    session_id : str or None
        None, or an id that could be guessed, reports nowhere; so does one that another caller opened.
    owner : str
        Who asks.

    Attributes
    ----------
    failure : str or None
        Why the request fails although no error is raised.
    """

    def __init__(self, application: Application, session_id: str | None, owner: str) -> None:
        self._channel = application.progress
        self._id: str | None = None
        self._started = elapsed_ms()
        self.failure: str | None = None
        if session_id is not None and SESSION_ID.fullmatch(session_id):
            # Progress is a courtesy: a full disk must not cost the answer.
            with suppress(OSError):
                if self._channel.claim(session_id, owner):
                    self._channel.begin(session_id)
                    self._id = session_id

    def __call__(self, stage: str, message: str, percent: int, /) -> None:
        """Report a stage; the end is told by `end`, which knows how it ended."""
        if stage not in _DONE:
            self._tell(stage, message, percent)

    def end(self, error: str | None) -> None:
        """Report how it ended: with an error, or complete."""
        stage, message = ("complete", "Done") if error is None else ("error", error)
        self._tell(stage, message, 100, duration=round(elapsed_ms(self._started), 1))

    def _tell(self, stage: str, message: str, percent: int, **more: float) -> None:
        if self._id is not None:
            with suppress(OSError):
                self._channel.append(self._id, _event(stage, message, percent, **more))


@contextmanager
def reported(application: Application, session_id: str | None, owner: str) -> Iterator[Reporter]:
    """Report what happens in the context; an error that leaves it is the last event."""
    reporter = Reporter(application, session_id, owner)
    ended: str | None = "the server met an error it did not foresee"
    try:
        yield reporter
        ended = reporter.failure
    except VfrError as error:
        ended = error.message
        raise
    finally:
        reporter.end(ended)


def _event(stage: str, message: str, percent: int, **more: float) -> dict[str, Any]:
    return {"stage": stage, "message": message, "progress": percent, "timestamp": epoch_ms(), **more}


class Streams:
    """Streams that follow sessions, a bounded number at once.

    Parameters
    ----------
    context : Context
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._places = BoundedSemaphore(STREAMS)

    async def follow(
        self, session_id: str, after: str | None, caller: Principal, request: Request
    ) -> AsyncIterator[bytes]:
        """Yield the events of a session after one, as they come, until the last."""
        # Taken here, not by the route: a client that leaves before the first byte must not keep a place.
        with self._context.limits.stream(caller, request) as free:
            if not free or not self._places.acquire(blocking=False):
                yield _rendered(_event("error", "too many progress streams are open; try again", 100))
                return
            try:
                yield _rendered(_event("connected", "Waiting for the request", 0))
                if after is None or not _ended(await self._look(session_id, None), after):
                    async for part in self._told(session_id, after, request):
                        yield part
            finally:
                self._places.release()

    async def _told(self, session_id: str, after: str | None, request: Request) -> AsyncIterator[bytes]:
        opened = heard = elapsed_ms()
        while elapsed_ms(opened) < 1e3 * OPEN_S:
            if not self._may(request):
                yield _rendered(_event("error", "the token of this stream is not valid any more", 100))
                return
            for told in await self._look(session_id, after):
                yield _rendered(told.event, told.id)
                after, heard = told.id, elapsed_ms()
                if told.event["stage"] in _DONE:
                    return
            if elapsed_ms(heard) > 1e3 * BEAT_S:
                yield b": still here\n\n"
                heard = elapsed_ms()
            await asyncio.sleep(LOOK_S)
        yield _rendered(_event("error", "nothing came of this session in time; open it again", 100))

    def _may(self, request: Request) -> bool:
        """Whether the caller may still call: what is revoked is void for open streams as well."""
        try:
            self._context.authorise(request, "classic", public=True)
        except (Refusal, DataError):
            return False
        return True

    async def _look(self, session_id: str, after: str | None) -> list[Told]:
        # The response has begun: when no thread is free, the next look finds what this one would have.
        with suppress(Refusal, OSError):
            return await self._context.work.run(self._context.application.progress.read, session_id, after)
        return []


def routes(context: Context) -> list[Route]:
    """Return the route of progress."""
    streams, claim = Streams(context), context.application.progress.claim

    async def progress(request: Request) -> Response:
        request.scope["route"] = route  # Starlette's own routes do not say themselves which one answers.
        caller = await context.admit(request, "classic", public=True)
        session_id = request.path_params["sessionId"]
        if not SESSION_ID.fullmatch(session_id):
            raise InvalidField("sessionId", "must be 22 to 128 letters, digits, - and _: at least 128 random bits")
        with suppress(OSError):
            if not await context.work.run(claim, session_id, caller.subject):
                raise Refusal(403, "SESSION_TAKEN", "another caller opened this session; make a new id")
        after = request.headers.get("last-event-id", "")[:MOST_ID] or None
        return StreamingResponse(streams.follow(session_id, after, caller, request), media_type="text/event-stream")

    route = Route("/api/stocks/analyze/progress/{sessionId}", progress, methods=["GET"])
    return [route]


def _ended(told: list[Told], after: str) -> bool:
    """Whether an event was the last one of its session."""
    return bool(told) and told[-1].id == after and told[-1].event["stage"] in _DONE


def _rendered(event: dict[str, Any], event_id: str | None = None) -> bytes:
    named = b"" if event_id is None else b"id: " + event_id.encode() + b"\n"
    return named + b"data: " + orjson.dumps(event) + b"\n\n"
