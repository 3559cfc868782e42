"""Who may call: hosts, origins, content types, single-user mode, and the headers of every response.

A server on loopback is reachable by every web page the user opens: by name (DNS rebinding) and by address. The Host
allow-list stops the first, the Origin check and the required content type stop the second (Fetch standard, section on
CORS; OWASP cheat sheets on CSRF and REST security).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from vfr.accounts.principal import ANONYMOUS, LOCAL, Principal, Scope
from vfr.api.errors import Refusal
from vfr.settings import Settings

__all__ = ["SECURITY_HEADERS", "Headers", "authorise", "check_request", "single_user"]

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

_BODIES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})

_UNKNOWN_CALLER: Final = (
    "a valid token is needed: this server is not in single-user mode (a secret is set, or the request came through a "
    "proxy). This version does not issue tokens yet; VFR_PUBLIC_CLASSIC=true opens classic analysis to everybody"
)
_NO_ADMIN: Final = (
    "admin calls need a token, and this version does not issue tokens yet; on the server's machine use "
    "`vfr ml status`, `vfr ml disable --reason ...` or `vfr ml enable`"
)


def check_request(method: str, path: str, headers: Headers, settings: Settings) -> None:
    """Refuse what no route should see.

    Raises
    ------
    Refusal
        400 without one Host header, 421 for a host that is not allowed, 403 for another web page, 415 for a body that
        is not declared as JSON.
    """
    host = headers.get("host", "")
    if not host or "\n" in host:
        raise Refusal(400, "INVALID_HOST", "exactly one Host header is needed")
    if _name(host) not in settings.hosts:
        raise Refusal(
            421, "HOST_NOT_ALLOWED", "this host name is not served here; VFR_ALLOWED_HOSTS lists the names that are"
        )
    _check_origin(method, path, headers, host, settings.allowed_origins)
    if method in _BODIES and headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "send the body as JSON, with Content-Type: application/json")


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


def single_user(headers: Headers, settings: Settings) -> bool:
    """Whether the caller is the user of this machine: loopback, no secret, no proxy in between."""
    return settings.loopback and settings.secret is None and FORWARDING.isdisjoint(headers)


def authorise(need: Scope, headers: Headers, settings: Settings, *, public: bool = False) -> Principal:
    """Return the caller if it may do what it asks for, or refuse.

    Parameters
    ----------
    need : {"classic", "ml", "backtest", "risk", "admin"}
        The scope a route needs; ``classic`` is everything that uses no machine learning and changes nothing.
    headers : mapping
        Of the request.
    settings : Settings
    public : bool
        The route is classic analysis, which the settings may open to everybody.

    Raises
    ------
    Refusal
        401 outside single-user mode, but for classic analysis where the settings open it to everybody; 403 for a
        caller who lacks the scope.
    """
    if single_user(headers, settings):
        caller = LOCAL
    elif public and settings.public_classic:
        caller = ANONYMOUS
    else:
        raise Refusal(401, "UNAUTHORIZED", _UNKNOWN_CALLER, {"WWW-Authenticate": 'Bearer realm="vfr"'})
    if not caller.may(need):
        raise Refusal(403, "FORBIDDEN", _NO_ADMIN)
    return caller
