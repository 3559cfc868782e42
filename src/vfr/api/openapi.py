"""The OpenAPI document: what FastAPI knows of its routes, and the two plain routes of analysis beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic.json_schema import models_json_schema
from starlette.responses import Response
from starlette.routing import Route

from vfr.api.progress import SESSION_ID
from vfr.api.schemas import StatusData
from vfr.api.schemas_analyze import AnalyzeBody, AnalyzeData
from vfr.api.shapes import REF, Failure, Success

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request

    from vfr.api.work import Work

__all__ = ["FAILURES", "document", "route"]

FAILURES: Final[Mapping[int, str]] = {
    400: "Malformed request",
    401: "A valid token is needed",
    403: "Not allowed",
    404: "Unknown",
    408: "The body came too slowly",
    409: "Not possible as things are",
    413: "Body too large",
    415: "The body is not declared as JSON",
    421: "The host name is not served here",
    422: "A field is wrong; it is named",
    429: "Too many requests; Retry-After says when to try again",
    503: "No data, or too busy",
}
"""Failures any route may answer with; their body is `Failure`."""

_BEARER: Final = (
    "An access token of POST /api/auth/token, or a token that `vfr token create` made. In single-user mode only "
    "administration needs one."
)

_ANALYZE: Final = "/api/stocks/analyze"
_PROGRESS: Final = "/api/stocks/analyze/progress/{sessionId}"
_EVENT: Final = {
    "type": "object",
    "required": ["data"],
    "properties": {"data": {"type": "string", "contentMediaType": "application/json"}},
}


def route(api: FastAPI, work: Work) -> Route:
    """Return the route of an API's document, which anybody may read: it is made once, in a thread."""
    made: list[bytes] = []

    async def answer(_: Request) -> Response:
        if not made:
            made.append(await work.run(lambda: orjson.dumps(document(api))))
        return Response(made[0], media_type="application/json")

    return Route("/openapi.json", answer, include_in_schema=False)


def document(api: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of an API."""
    models = (AnalyzeBody, Success[AnalyzeData], Success[StatusData], Failure)
    keys, definitions = models_json_schema([(model, "serialization") for model in models], ref_template=REF)
    body, answer, status, failure = (keys[model, "serialization"] for model in models)
    failures: dict[int | str, dict[str, Any]] = {
        str(code): {"description": text, "content": _json(failure)} for code, text in FAILURES.items()
    }
    for route in api.routes:
        if isinstance(route, APIRoute):
            # Here, since FastAPI would build the shape of every failure of every route before it answers anything.
            route.responses = {**failures, **route.responses}
    made: dict[str, Any] = get_openapi(
        title=api.title, version=api.version, description=api.description, routes=api.routes
    )
    schemas: dict[str, Any] = made["components"]["schemas"]
    for name, schema in definitions["$defs"].items():
        schemas.setdefault(name, schema)
    _move_bodies(made["paths"], schemas)
    made["paths"][_ANALYZE] = {
        "post": {
            "tags": ["stocks"],
            "summary": "Score stocks, with or without machine learning",
            "operationId": "analyze",
            "requestBody": {"required": True, "content": _json(body)},
            "responses": {"200": {"description": "Analysed", "content": _json(answer)}, **failures},
        },
        "get": {
            "tags": ["stocks"],
            "summary": "State of analysis and its inputs",
            "operationId": "analyze_status",
            "responses": {"200": {"description": "Operational", "content": _json(status)}, **failures},
        },
    }
    made["paths"][_PROGRESS] = {
        "get": {
            "tags": ["stocks"],
            "summary": "Progress of an analysis, as server-sent events",
            "description": "Opened before or after the analysis that names the same sessionId. Each event is "
            "`{stage, message, progress 0-100, timestamp, duration?}`; the first stage is connected, the last complete "
            "or error.",
            "operationId": "analyze_progress",
            "parameters": [
                {
                    "name": "sessionId",
                    "in": "path",
                    "required": True,
                    "schema": {"type": "string", "pattern": f"^{SESSION_ID.pattern}$"},
                },
                {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "Id of an event: those after it follow. All events but connected have one.",
                    "schema": {"type": "string"},
                },
            ],
            "responses": {
                "200": {"description": "Events", "content": {"text/event-stream": {"schema": _EVENT}}},
                **failures,
            },
        }
    }
    schemes = {"bearer": {"type": "http", "scheme": "bearer", "description": _BEARER}}
    made["components"]["securitySchemes"] = schemes
    made["security"] = [{}, {"bearer": []}]
    made["paths"] = dict(sorted(made["paths"].items()))
    return made


def _move_bodies(paths: Mapping[str, Mapping[str, Any]], schemas: dict[str, Any]) -> None:
    """Move the shapes of bodies, which routes that read their own give whole, to where every other shape is."""
    for operation in (one for path in paths.values() for one in path.values() if "requestBody" in one):
        whole = dict(operation["requestBody"]["content"]["application/json"]["schema"])
        for name, schema in {**whole.pop("$defs", {}), whole["title"]: whole}.items():
            assert schemas.setdefault(name, schema) == schema, name  # noqa: S101 (two shapes under one name)
        here = {"$ref": REF.format(model=whole["title"])}
        operation["requestBody"] = {"required": True, "content": _json(here)}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
