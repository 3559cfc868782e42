"""POST /api/stocks/analyze, the hot route, and its status: plain Starlette, msgspec in, orjson out."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vfr.accounts.principal import ANONYMOUS
from vfr.api.context import Context
from vfr.api.errors import Refusal, error_response, request_id
from vfr.api.progress import reported
from vfr.api.rendering import rendered, rendered_again
from vfr.api.security import too_long
from vfr.bootstrap import count_predictions
from vfr.clock import epoch_ms, utc_now
from vfr.errors import VfrError
from vfr.workflows.answer import Answer
from vfr.workflows.data_age import ages, described
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.repeated import Repeated

__all__ = ["decode", "read_body", "routes"]

_SHORT: Final = 1_024
"""Bytes of a body that may be remembered."""

_CROWDED: Final = MlUnavailable("TIMEOUT", "too many requests wait for machine learning already; ask again")


async def read_body(request: Request, limit: int) -> bytes:
    """Return a request's body, read no further than a limit.

    Raises
    ------
    Refusal
        413 if the body is longer; the declared length is believed when it is too long.
    """
    declared = request.scope["state"]["headers"].get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > limit:
        raise too_long(limit)
    body, more = bytearray(), True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise Refusal(400, "INCOMPLETE_BODY", "the connection closed before the body was complete")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > limit:
            raise too_long(limit)
    return bytes(body)


def decode(body: bytes) -> Any:
    """Return strict JSON, decoded.

    Raises
    ------
    Refusal
        400 if the bytes are not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal(400, "MALFORMED_JSON", "the body is not valid JSON") from None


def _asked(body: bytes) -> AnalyzeQuery:
    return _kept(body) if len(body) <= _SHORT else AnalyzeQuery.parse(decode(body))


@lru_cache(maxsize=1_024)
def _kept(body: bytes) -> AnalyzeQuery:
    """Return what a short body asks for; what was right once stays right, and what is wrong is looked at again."""
    return AnalyzeQuery.parse(decode(body))


def routes(context: Context) -> list[Route]:
    """Return the routes of analysis."""
    application, work = context.application, context.work

    async def analyze(request: Request) -> Response:
        caller = await context.identified(request, "classic", public=True)
        try:
            query = _asked(await read_body(request, application.settings.max_body_bytes))
            if query.include_ml and not caller.may("ml"):
                caller = context.authorise(request, "ml")  # Refuses, but for a token that was not needed before.
            query = context.limits.held(caller, query)
        except (Refusal, VfrError):  # What is wrong costs a request as well.
            await context.limits.charge_request(caller, request, drained=True)
            raise
        query = await context.limits.charge_analysis(caller, request, query)
        if caller is not ANONYMOUS:
            query = application.experiments.dealt(query, caller.subject)
        return await _answered(context, query, request, caller.subject)

    async def status(request: Request) -> Response:
        await context.admit(request, "classic", public=True)
        board = await work.run(application.datasets.board)
        old = described(ages(board.inputs, utc_now()))
        services = {
            kind: {"available": s.available, "source": s.source, "newest": s.newest, "age": old[kind]}
            for kind, s in board.inputs.items()
        }
        about = {"dataVersion": board.data_version, "asOf": str(board.as_of), "timestamp": epoch_ms()}
        return context.answer({"status": "operational", "services": services, **about})

    return [
        Route("/api/stocks/analyze", analyze, methods=["POST"]),
        Route("/api/stocks/analyze", status, methods=["GET"]),
    ]


async def _answered(context: Context, query: AnalyzeQuery, request: Request, owner: str) -> Response:
    """Answer at once if that can be, else in a thread: no line of machine learning costs the classic answer."""
    found = _ready(context, query, request)
    if found is None and query.include_ml and query.ml_refused is None:
        try:
            return await context.ml_work.run(_waited, context, query, request, owner)
        except Refusal:  # The line is full.
            query = replace(query, ml_refused=_CROWDED)
            found = _ready(context, query, request)
    if found is not None:
        return found
    threads = context.work if query.as_of is None else context.past_work
    return await threads.run(_waited, context, query, request, owner)


def _ready(context: Context, query: AnalyzeQuery, request: Request) -> Response | None:
    answer = context.application.ready(query, request_id(request.scope))
    if answer is None:
        return None
    if isinstance(answer, Repeated):  # Only what showed a stock is repeated.
        count_predictions(context.metrics, query, answer.first)
        return Response(rendered_again(answer), media_type="application/json")
    count_predictions(context.metrics, query, answer)
    return _response(answer, request)


def _waited(context: Context, query: AnalyzeQuery, request: Request, owner: str) -> Response:
    application = context.application
    with reported(application, query.session_id, owner) as reporter:
        answer = application.analyze(query, request_id(request.scope), reporter)
        if answer.failed_status is not None:
            reporter.failure = _failure(answer)
    count_predictions(context.metrics, query, answer)
    return _response(answer, request)


def _response(answer: Answer, request: Request) -> Response:
    if answer.failed_status is None:
        return Response(rendered(answer), media_type="application/json")
    errors = [error.to_dict() for error in answer.errors]
    code = errors[0]["code"] if errors else "NO_DATA"
    return error_response(request.scope, answer.failed_status, code, _failure(answer), errors=errors)


def _failure(answer: Answer) -> str:
    return "; ".join(error.message for error in answer.errors) or "no stock could be analysed"
