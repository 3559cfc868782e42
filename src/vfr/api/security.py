"""Who may call: hosts, origins, content types, single-user mode, and the headers of every response.

A server on loopback is reachable by every web page the user opens: by name (DNS rebinding) and by address. The Host
allow-list stops the first, the Origin check and the required content type stop the second (Fetch standard, section on
CORS; OWASP cheat sheets on CSRF and REST security).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final, TypeAlias

from vfr.accounts.principal import ANONYMOUS, LOCAL, Principal, Scope
from vfr.api.errors import CHALLENGE, Refusal
from vfr.bootstrap.callers import Callers
from vfr.errors import TokenRefused
from vfr.settings import Settings

if TYPE_CHECKING:
    from starlette.types import Message, Receive

__all__ = [
    "CLOSE",
    "SECURITY_HEADERS",
    "Headers",
    "WrongToken",
    "authorise",
    "bounded",
    "check_request",
    "has_body",
    "too_long",
]

Headers: TypeAlias = Mapping[str, str]
"""Header values by lower-case name; a name given more than once holds all values, separated by a line feed."""

SECURITY_HEADERS: Final = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            b"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)

FORWARDING: Final = frozenset(
    {
        "forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port",
        "x-forwarded-server", "x-real-ip", "x-client-ip", "x-cluster-client-ip", "true-client-ip", "cf-connecting-ip",
    }
)  # fmt: skip
"""Headers a proxy adds: whoever stands behind one is not the user of this machine."""

_HOST: Final = re.compile(r"(?:(?P<name>[a-z0-9.-]+)|\[(?P<address>[0-9a-f:.]+)\])(?::[0-9]{1,5})?")

CLOSE: Final = {"Connection": "close"}
"""What is left of a body that was not read must not be taken for the next request."""

_PERHAPS_LOCAL: Final = replace(LOCAL, scopes=frozenset({"classic"}))
"""Whoever calls while it cannot be told whether there are users."""

_JSON: Final = "application/json"
_BODIES: Final = frozenset({"PUT", "PATCH", "DELETE"})
"""Methods beside POST whose body, where there is one, must be declared; only POST needs no leave of a browser's."""

_LENGTH: Final = re.compile(r"[0-9]{1,19}")
_LEAST_PART: Final = 32
"""Bytes that a part of a body of undeclared length counts for at least: each costs as much as thousands of bytes."""

_UNKNOWN_CALLER: Final = (
    "a valid token is needed: this server is not in single-user mode (a secret is set, there are users, or the request "
    "came through a proxy). POST /api/auth/token gives one for a name and a password, `vfr token create` makes one for "
    "machines"
)
_NO_ADMIN: Final = (
    "admin calls need a token; on the server's machine `vfr token create --scope admin` makes one, and "
    "commands such as `vfr ml disable --reason ...` need none"
)
_UNSURE: Final = (
    "it cannot be told whether there are users, since the database cannot be read: until it can, only classic answers "
    "are given without a token; check that it runs"
)


class WrongToken(Refusal):
    """A token was sent, and it is nobody's: whoever guesses pays for it."""


def check_request(method: str, path: str, headers: Headers, settings: Settings) -> None:
    """Refuse what no route should see.

    Raises
    ------
    Refusal
        400 without one Host header or for a length that is none, 421 for a host that is not allowed, 403 for another
        web page, 415 for a body that is not declared as JSON, 413 for one that is declared too long.
    """
    host = headers.get("host", "")
    if not host or "\n" in host:
        raise Refusal(400, "INVALID_HOST", "exactly one Host header is needed")
    if _name(host) not in settings.hosts:
        raise Refusal(
            421, "HOST_NOT_ALLOWED", "this host name is not served here; VFR_ALLOWED_HOSTS lists the names that are"
        )
    _check_origin(method, path, headers, host, settings.allowed_origins)
    needs_type = method == "POST" or (method in _BODIES and has_body(headers))
    if needs_type and not _is_json(headers.get("content-type", "")):
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "send the body as JSON, with Content-Type: application/json")
    declared = headers.get("content-length", "0")
    if not _LENGTH.fullmatch(declared) or headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise Refusal(400, "INVALID_LENGTH", "send one Content-Length, or the body in chunks and not encoded", CLOSE)
    if int(declared) > settings.max_body_bytes:
        raise too_long(settings.max_body_bytes)


def too_long(limit: int) -> Refusal:
    """Return the refusal of a body that is longer than a limit."""
    return Refusal(413, "BODY_TOO_LARGE", f"the body is larger than {limit} bytes", CLOSE)


def bounded(receive: Receive, limit: int) -> Receive:
    """Return a `receive` that refuses a body as soon as more than `limit` bytes of it came, whoever reads it.

    For a body of undeclared length, of which no route reads all, but whoever refuses a request for its limits does. One
    in very many small parts is refused as well.
    """
    left, parts = limit, limit // _LEAST_PART

    async def receiving() -> Message:
        nonlocal left, parts
        message = await receive()
        left -= len(message.get("body", b""))
        parts -= 1
        if left < 0:
            raise too_long(limit)
        if parts < 0:
            raise Refusal(413, "BODY_TOO_LARGE", "the body comes in too many parts", CLOSE)
        return message

    return receiving


def has_body(headers: Headers) -> bool:
    """Return whether a request says that a body follows."""
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_json(declared: str) -> bool:
    return declared == _JSON or declared.split(";", maxsplit=1)[0].strip().lower() == _JSON


@lru_cache(maxsize=64)
def _name(host: str) -> str:
    found = _HOST.fullmatch(host.lower())
    return (found["name"] or found["address"]) if found else ""


def _check_origin(method: str, path: str, headers: Headers, host: str, allowed: Iterable[str]) -> None:
    origin = headers.get("origin")
    if origin is not None:
        own = origin.lower() in (f"http://{host}".lower(), f"https://{host}".lower())
        if not own and origin.lower() not in allowed:
            raise Refusal(403, "ORIGIN_NOT_ALLOWED", "this web page may not call; VFR_ALLOWED_ORIGINS lists which may")
        return
    site, mode = headers.get("sec-fetch-site", "none"), headers.get("sec-fetch-mode", "navigate")
    if path.startswith("/api") and site not in ("none", "same-origin") and (mode != "navigate" or method != "GET"):
        raise Refusal(403, "ORIGIN_NOT_ALLOWED", "another web page may not call")


def authorise(
    need: Scope, headers: Headers, settings: Settings, callers: Callers, *, public: bool = False
) -> Principal:
    """Return the caller if it may do what it asks for, or refuse.

    Parameters
    ----------
    need : {"classic", "ml", "backtest", "risk", "admin"}
        The scope a route needs; ``classic`` is everything that uses no machine learning and changes nothing.
    headers : mapping
        Of the request.
    settings : Settings
    callers : Callers
        Knows who holds which token.
    public : bool
        The route is classic analysis, which the settings may open to everybody.

    Raises
    ------
    Refusal
        401 without a valid token where one is needed, 403 for a caller who lacks the scope, 503 where that cannot be
        told because the database could never be read.
    """
    if settings.loopback and settings.secret is None and FORWARDING.isdisjoint(headers):
        users = callers.has_users()
        if not users:
            return _user_of_this_machine(need, headers, callers, sure=users is not None)
    given = headers.get("authorization")
    if given is not None:
        caller = _holder(given, callers)
    elif public and settings.public_classic:
        caller = ANONYMOUS
    else:
        raise Refusal(401, "UNAUTHORIZED", _UNKNOWN_CALLER, {"WWW-Authenticate": CHALLENGE})
    if not caller.may(need):
        raise _lacks(need)
    return caller


def _user_of_this_machine(need: Scope, headers: Headers, callers: Callers, *, sure: bool) -> Principal:
    """Return the caller in single-user mode; without `sure` there might be users, and classic answers are all it gets.

    Loopback, no secret, no proxy in between and no users: whoever calls may do everything but administer, which takes a
    token with that scope. A token that is not needed is not looked at.
    """
    local = LOCAL if sure else _PERHAPS_LOCAL
    if local.may(need):
        return local
    given = headers.get("authorization")
    if given is None:
        raise Refusal(403, "FORBIDDEN", _NO_ADMIN) if sure else Refusal(503, "ACCOUNTS_UNKNOWN", _UNSURE)
    caller = _holder(given, callers)
    if not caller.may(need):
        raise _lacks(need)
    return replace(caller, scopes=caller.scopes | LOCAL.scopes, limited=False)


def _holder(given: str, callers: Callers) -> Principal:
    scheme, _, token = given.partition(" ")
    if scheme.lower() != "bearer" or "\n" in token:
        raise _invalid("send exactly one token, as: Authorization: Bearer <token>")
    try:
        return callers.holder(token.strip())
    except TokenRefused as refused:
        raise _invalid(refused.message) from None


def _invalid(message: str) -> WrongToken:
    return WrongToken(401, "UNAUTHORIZED", message, {"WWW-Authenticate": f'{CHALLENGE}, error="invalid_token"'})


def _lacks(need: Scope) -> Refusal:
    told = f'{CHALLENGE}, error="insufficient_scope", scope="{need}"'
    message = f"this token lacks the scope {need}"
    return Refusal(403, "FORBIDDEN", message, {"WWW-Authenticate": told})
