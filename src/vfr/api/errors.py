"""Every error over HTTP: one table from the error tree to a status, one shape of body, one handler each.

A body never holds a trace, a path or a query of a database; what is unforeseen is a sentence and a request id, and the
trace goes to the log.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson
import structlog
from starlette.exceptions import HTTPException
from starlette.responses import Response

from vfr import errors
from vfr.errors import InvalidField, VfrError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["STATUS", "Refusal", "error_response", "guarded", "install", "request_id"]

STATUS: Final[Mapping[type[VfrError], int]] = {
    errors.InputError: 422,
    errors.InvalidField: 422,
    errors.UnsupportedHorizon: 422,
    errors.UnknownSymbol: 404,
    errors.UnknownSector: 404,
    errors.UnknownAccount: 404,
    errors.UnknownDataset: 404,
    errors.NoModel: 404,
    errors.AccessError: 401,
    errors.BadCredentials: 401,
    errors.TokenRefused: 401,
    errors.LockedOut: 429,
    errors.DataError: 503,
    errors.NoData: 503,
    errors.ImportRejected: 422,
    errors.DatasetCorrupt: 503,
    errors.SyncBusy: 503,
    errors.ProviderError: 503,
    errors.Throttled: 503,
    errors.UnknownAtSource: 404,
    errors.ProviderUnavailable: 503,
    errors.ProviderDenied: 503,
    errors.BadAnswer: 503,
    errors.ModelError: 503,
    errors.ArtifactCorrupt: 503,
    errors.TrainingFailed: 503,
    errors.Overloaded: 503,
    errors.SettingsError: 500,
    errors.VfrError: 500,
}
"""Status of every class of the error tree."""

CHALLENGE: Final = 'Bearer realm="vfr"'
"""What a 401 says in ``WWW-Authenticate`` (RFC 6750)."""

_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    404: ("NOT_FOUND", "there is no such resource"),
    405: ("METHOD_NOT_ALLOWED", "this resource does not know the method"),
}
"""Code and sentence of what the router itself refuses."""

_BUG: Final = "the server met an error it did not foresee; its log holds the details under the request id"


class Refusal(HTTPException):
    """A request that is refused before any use case sees it.

    One of the framework's own, which passes them on where it takes every other error for one of parsing.

    Parameters
    ----------
    status : int
        HTTP status.
    code : str
        Stable name clients may switch on.
    message : str
        What is wrong and how to mend it.
    headers : mapping, optional
        Headers the status asks for, such as ``Retry-After``.
    """

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status, message, dict(headers or {}))
        self.code = code
        self.message = message


def request_id(scope: Mapping[str, Any]) -> str:
    """Return the id that was given to a request when it came in."""
    return str(scope.get("state", {}).get("request_id", ""))


def error_response(
    scope: Mapping[str, Any],
    status: int,
    code: str,
    message: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Response:
    """Return the one shape of every error body; `more` adds fields."""
    body = {"success": False, "error": message, "code": code, "requestId": request_id(scope), **more}
    return Response(orjson.dumps(body), status, headers=dict(headers or {}), media_type="application/json")


def guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    """Return an application that is an endpoint with nothing around it but the table above."""
    from starlette.requests import Request

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except VfrError as error:
            response = _from_tree(request, error)
        except Refusal as error:
            response = _refused(request, error)
        except Exception as error:  # noqa: BLE001 - told to the log, and to the caller that it was
            response = _unforeseen(request, error)
        await response(scope, receive, send)

    return app


def install(app: FastAPI) -> None:
    """Answer every error of an application by the table above."""
    from fastapi.exceptions import RequestValidationError

    app.add_exception_handler(VfrError, _from_tree)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _routed)
    app.add_exception_handler(Exception, _unforeseen)


def _from_tree(request: Request, error: Exception) -> Response:
    if not isinstance(error, VfrError):  # pragma: no cover - the handler is installed for this class only
        raise error
    status = STATUS[type(error)]
    if status >= 500:
        structlog.get_logger("vfr.api").warning("cannot serve", code=error.code, error=error.message)
    if status == 500:
        return error_response(request.scope, status, error.code, _BUG)
    if isinstance(error, InvalidField):
        return error_response(request.scope, status, error.code, error.message, field=error.field)
    return error_response(request.scope, status, error.code, error.message, _headers_of(error))


def _headers_of(error: VfrError) -> dict[str, str]:
    if isinstance(error, errors.LockedOut):
        return {"Retry-After": str(error.retry_after)}
    if isinstance(error, errors.AccessError):
        return {"WWW-Authenticate": CHALLENGE}
    return {"Retry-After": "1"} if isinstance(error, errors.Overloaded) else {}


def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, Refusal):  # pragma: no cover - the handler is installed for this class only
        raise error
    return error_response(request.scope, error.status_code, error.code, error.message, error.headers)


def _malformed(request: Request, error: Exception) -> Response:
    first: Mapping[str, Any] = getattr(error, "errors", list)()[0]
    field = str(first["loc"][-1])
    return error_response(request.scope, 422, InvalidField.code, f"{field}: {first['msg']}", field=field)


def _routed(request: Request, error: Exception) -> Response:
    status = int(getattr(error, "status_code", 500))
    code, message = _BY_STATUS.get(status, ("REFUSED", "the request was refused"))
    headers = {"Allow": _methods(request)} if status == 405 else getattr(error, "headers", None)
    return error_response(request.scope, status, code, message, headers)


def _methods(request: Request) -> str:
    """Return the methods of a resource; each of its routes knows its own only."""
    from starlette.routing import Match, Route

    routes = (one for one in request.app.routes if isinstance(one, Route))
    return ", ".join(
        sorted({m for r in routes if r.matches(request.scope)[0] is not Match.NONE for m in r.methods or ()})
    )


def _unforeseen(request: Request, error: Exception) -> Response:
    structlog.get_logger("vfr.api").error("unforeseen error", exc_info=error)
    return error_response(request.scope, 500, VfrError.code, _BUG)
