"""The outermost layer of the server: request ids, refusals before routing, security headers, CORS, the access log."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Iterator, Mapping
from secrets import token_bytes
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.responses import Response

from vfr.api.arrival import Arrivals
from vfr.api.errors import Refusal, error_response
from vfr.api.limits import FIELDS
from vfr.api.security import SECURITY_HEADERS, Headers, bounded, check_request, has_body
from vfr.bootstrap import access_log
from vfr.clock import elapsed_ms

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from vfr.bootstrap import Metrics
    from vfr.settings import Settings

__all__ = ["Guard", "header_map"]

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{8,64}")
_ID_BYTES: Final = 16
_IDS: Final = 256
_QUIET: Final = frozenset({"/api/health", "/api/health/ready"})
"""Asked every few seconds by whoever watches the server; logged at debug."""

_SECURITY_NAMES: Final = frozenset(name for name, _ in SECURITY_HEADERS)

_EXPOSED: Final = (
    b"X-Request-ID, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
)
"""Headers that pages of allowed origins may read."""


def header_map(raw: list[tuple[bytes, bytes]]) -> Headers:
    """Return header values by lower-case name; values of a repeated name are joined by a line feed."""
    found: dict[str, str] = {}
    for key, value in raw:
        name, text = key.decode("latin-1").lower(), value.decode("latin-1")
        found[name] = f"{found[name]}\n{text}" if name in found else text
    return found


def _route(scope: Scope) -> str:
    """Return the route a request was answered by, as it is documented; what no route answers is counted together."""
    route = scope.get("route")
    return "other" if route is None else str(route.path)


def _request_ids() -> Iterator[str]:
    """Yield random ids for ever; the system is asked for many at a time, as a question costs more than an answer."""
    while True:
        drawn = token_bytes(_ID_BYTES * _IDS)
        for start in range(0, len(drawn), _ID_BYTES):
            yield drawn[start : start + _ID_BYTES].hex()


class Guard:
    """ASGI middleware around the whole application.

    Parameters
    ----------
    app : ASGI application
    settings : Settings
    metrics : Metrics
        Counts requests.

    Notes
    -----
    Puts ``request_id`` and ``headers`` into the state of the scope. A client's own ``X-Request-ID`` is kept if it is
    8-64 plain characters.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._log = access_log(settings)
        self._ids = _request_ids()
        self._arrivals = Arrivals()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Guard one request; other kinds of event pass through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if scope["type"] == "lifespan":  # It has ended: the server stops.
                self._log.close()
            return
        headers = header_map(scope["headers"])
        given = headers.get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else next(self._ids)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id, "headers": headers}
        started, status = elapsed_ms(), 500

        def sealed(message: Message) -> Awaitable[None]:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = self._sealed(message["headers"], scope["state"])
            return send(message)

        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            body = self._arrivals.in_time(receive) if has_body(headers) else receive
            if "transfer-encoding" in headers:
                body = bounded(body, self._settings.max_body_bytes)
            await (self._refused(scope, headers) or self._app)(scope, body, sealed)
        finally:
            structlog.contextvars.reset_contextvars(**bound)
            took = elapsed_ms(started)
            self._log.told(
                request_id, scope["method"], scope["path"], status, round(took, 1), quiet=scope["path"] in _QUIET
            )
            self._metrics.request(_route(scope), scope["method"], status, took / 1e3)

    def _refused(self, scope: Scope, headers: Headers) -> ASGIApp | None:
        try:
            check_request(scope["method"], scope["path"], headers, self._settings)
        except Refusal as refusal:
            return error_response(scope, refusal.status_code, refusal.code, refusal.message, refusal.headers)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return Response(status_code=204)
        return None

    def _sealed(self, own: list[tuple[bytes, bytes]], state: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
        set_already = {name for name, _ in own}
        sealed = [*own, (b"x-request-id", state["request_id"].encode())]
        if set_already.isdisjoint(_SECURITY_NAMES):
            sealed += SECURITY_HEADERS
        else:
            sealed += [pair for pair in SECURITY_HEADERS if pair[0] not in set_already]
        sealed += state.get(FIELDS, ())
        origin = state["headers"].get("origin", "").lower()
        if origin in self._settings.allowed_origins:
            sealed += [
                (b"access-control-allow-origin", origin.encode()),
                (b"access-control-allow-methods", b"GET, POST, DELETE"),
                (b"access-control-allow-headers", b"Authorization, Content-Type, Last-Event-ID, X-Request-ID"),
                (b"access-control-expose-headers", _EXPOSED),
                (b"access-control-max-age", b"600"),
            ]
        if self._settings.allowed_origins:
            sealed.append((b"vary", b"Origin"))
        return sealed
