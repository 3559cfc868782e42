"""Sign in, refresh, sign out, and the public keys of tokens. Open to everybody the host allow-list lets in."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from fastapi import APIRouter, Request, Response

from vfr.accounts.principal import ANONYMOUS
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.schemas_auth import JwksData, RefreshBody, RevokedData, SignInBody, TokenData
from vfr.api.shapes import Shape, Success
from vfr.api.work import Work
from vfr.workflows.sign_in import TokenPair

__all__ = ["router"]

_S = TypeVar("_S", bound=Shape)

_THREADS: Final = 2
_QUEUE: Final = 32
"""Passwords checked at once, and waiting: each takes 19 MiB and a processor for some 30 ms, and no answer waits."""


def router(context: Context) -> APIRouter:
    """Return the routes of signing in."""
    accounts = context.application.accounts
    slow = Work(_THREADS, _QUEUE)
    made = APIRouter(tags=["auth"])

    async def charged(shape: type[_S], request: Request) -> _S:
        await context.limits.charge_request(ANONYMOUS, request)
        return await read_as(shape, request)

    @made.post(
        "/api/auth/token",
        response_model=Success[TokenData],
        openapi_extra=documented(SignInBody),
        summary="Sign in with a name and a password",
    )
    async def sign_in(request: Request) -> Response:
        body = await charged(SignInBody, request)
        found = await slow.run(accounts.sign_in, body.username, body.password, context.limits.address(request))
        return context.answer(_pair(found))

    @made.post(
        "/api/auth/refresh",
        response_model=Success[TokenData],
        openapi_extra=documented(RefreshBody),
        summary="The next pair of tokens; a refresh token is good for one use",
    )
    async def refresh(request: Request) -> Response:
        body = await charged(RefreshBody, request)
        return context.answer(_pair(await slow.run(accounts.refresh, body.refresh_token)))

    @made.post(
        "/api/auth/revoke",
        response_model=Success[RevokedData],
        openapi_extra=documented(RefreshBody),
        summary="Sign out: end the sign-in that a refresh token follows from",
    )
    async def revoke(request: Request) -> Response:
        body = await charged(RefreshBody, request)
        await slow.run(accounts.sign_out, body.refresh_token)
        return context.answer({"revoked": True})

    @made.get("/.well-known/jwks.json", response_model=JwksData, summary="Public keys that tokens are signed with")
    async def jwks() -> dict[str, Any]:
        return dict(accounts.callers.jwks())

    return made


def _pair(pair: TokenPair) -> dict[str, Any]:
    return {
        "accessToken": pair.access_token,
        "refreshToken": pair.refresh_token,
        "tokenType": "Bearer",
        "expiresIn": pair.expires_in,
        "scopes": list(pair.scopes),
        "tier": pair.tier,
    }
