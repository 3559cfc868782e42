"""Administration of users and of tokens for machines; all of it needs the scope ``admin``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, Final, ParamSpec, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response

from vfr.accounts.keys import ApiKey
from vfr.accounts.principal import SCOPES, Scope
from vfr.accounts.users import User
from vfr.api.auth import BODY_BYTES
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.schemas_auth import (
    AccountChangesData,
    KeyBody,
    KeyData,
    KeysData,
    NewKeyData,
    UserBody,
    UserChangeBody,
    UserData,
    UsersData,
)
from vfr.api.shapes import Success

__all__ = ["key_fields", "router", "user_fields"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_EVERYWHERE_S: Final = 0.4
"""Other processes look again within a quarter of a second: when a change is answered, it is in force in all."""

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=64, description="nextCursor of the page before")]
Id = Annotated[str, Path(max_length=32)]


def router(context: Context) -> APIRouter:
    """Return the routes of users and of tokens for machines."""
    made = APIRouter(prefix="/api/admin", tags=["admin"])
    _users(made, context)
    _keys(made, context)
    return made


def _users(made: APIRouter, context: Context) -> None:
    accounts, work = context.application.accounts, context.work

    @made.get("/users", response_model=Success[UsersData], summary="Users, by name")
    async def users(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        await context.admit(request, "admin")
        page = await work.run(accounts.users, limit, cursor or "")
        more = page[-1].name if len(page) == limit else None
        return context.answer({"users": [user_fields(user) for user in page], "nextCursor": more})

    @made.post(
        "/users", response_model=Success[UserData], openapi_extra=documented(UserBody), summary="Add a user",
        status_code=201,
    )  # fmt: skip
    async def add(request: Request) -> Response:
        who = await context.admit(request, "admin")
        body = await read_as(UserBody, request, BODY_BYTES)
        added = await _change(
            context, accounts.add_user, body.name, body.password, body.tier, body.scopes or (), who.subject
        )
        return context.answer(user_fields(added), 201)

    @made.get("/users/audit-logs", response_model=Success[AccountChangesData], summary="Who changed which account")
    async def changes(
        request: Request, limit: Limit = 50, cursor: Annotated[str | None, Query(pattern="^[0-9]{1,9}$")] = None
    ) -> Response:
        await context.admit(request, "admin")
        rows = await work.run(accounts.changes, limit, None if cursor is None else int(cursor))
        more = str(rows[-1].sequence) if len(rows) == limit else None
        shown = [
            {
                "sequence": row.sequence,
                "at": _moment(row.at),
                "who": row.who,
                "action": row.action,
                "subject": row.subject,
                "detail": row.detail,
            }
            for row in rows
        ]
        return context.answer({"rows": shown, "nextCursor": more})

    @made.get("/users/{user_id}", response_model=Success[UserData], summary="One user")
    async def user(request: Request, user_id: Id) -> Response:
        await context.admit(request, "admin")
        return context.answer(user_fields(await work.run(accounts.user, user_id)))

    @made.post(
        "/users/{user_id}", response_model=Success[UserData], openapi_extra=documented(UserChangeBody),
        summary="Change a user: tier, scopes, password, disabled",
    )  # fmt: skip
    async def change(request: Request, user_id: Id) -> Response:
        who = await context.admit(request, "admin")
        body = await read_as(UserChangeBody, request, BODY_BYTES)
        found = await work.run(accounts.user, user_id)
        changed = await _change(
            context,
            accounts.change_user,
            found,
            who.subject,
            tier=body.tier,
            scopes=body.scopes,
            disabled=body.disabled,
            password=body.password,
        )
        return context.answer(user_fields(changed))

    @made.delete("/users/{user_id}", response_model=Success[UserData], summary="Delete a user with every token")
    async def delete(request: Request, user_id: Id) -> Response:
        who = await context.admit(request, "admin")
        return context.answer(user_fields(await _change(context, accounts.delete_user, user_id, who.subject)))


def _keys(made: APIRouter, context: Context) -> None:
    accounts, work = context.application.accounts, context.work

    @made.get("/keys", response_model=Success[KeysData], summary="Tokens for machines, without their secrets")
    async def keys(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        await context.admit(request, "admin")
        page = await work.run(accounts.keys, limit, cursor or "")
        more = page[-1].id if len(page) == limit else None
        return context.answer({"keys": [key_fields(key) for key in page], "nextCursor": more})

    @made.post(
        "/keys", response_model=Success[NewKeyData], openapi_extra=documented(KeyBody), status_code=201,
        summary="Make a token for a machine; it is shown this once",
    )  # fmt: skip
    async def create(request: Request) -> Response:
        who = await context.admit(request, "admin")
        body = await read_as(KeyBody, request, BODY_BYTES)
        owner = None if body.user_id is None else await work.run(accounts.user, body.user_id)
        key, text = await _change(
            context,
            accounts.create_key,
            body.label,
            who.subject,
            tier=body.tier,
            scopes=body.scopes or (),
            user=owner,
            days=body.days,
        )
        return context.answer(key_fields(key) | {"token": text}, 201)

    @made.delete("/keys/{key_id}", response_model=Success[KeyData], summary="Revoke a token for a machine")
    async def revoke(request: Request, key_id: Id) -> Response:
        who = await context.admit(request, "admin")
        return context.answer(key_fields(await _change(context, accounts.revoke_key, key_id, who.subject)))


async def _change(context: Context, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Change something, and return when every process knows."""
    changed = await context.work.run(call, *args, **kwargs)
    settings = context.application.settings
    if settings.workers > 1 or settings.database_url is not None:
        await asyncio.sleep(_EVERYWHERE_S)
    return changed


def user_fields(user: User) -> dict[str, Any]:
    """Return a user as it is shown."""
    return {
        "id": user.id,
        "name": user.name,
        "tier": user.tier,
        "scopes": _listed(user.scopes),
        "disabled": user.disabled,
        "createdAt": _moment(user.created_at),
    }


def key_fields(key: ApiKey) -> dict[str, Any]:
    """Return a token for machines as it is shown, without its secret."""
    return {
        "id": key.id,
        "label": key.label,
        "tier": key.tier,
        "scopes": _listed(key.scopes),
        "userId": key.user,
        "createdAt": _moment(key.created_at),
        "expiresAt": None if key.expires_at is None else _moment(key.expires_at),
        "lastUsedAt": None if key.last_used_at is None else _moment(key.last_used_at),
        "revoked": key.revoked,
    }


def _listed(scopes: frozenset[Scope]) -> list[Scope]:
    return [scope for scope in SCOPES if scope in scopes]


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
