"""Administration of users and of tokens for machines; all of it needs the scope ``admin``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Final, ParamSpec, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response

from vfr.api.auth import BODY_BYTES
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.schemas_auth import (
    PRINTABLE,
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

__all__ = ["router"]

_P = ParamSpec("_P")
_T = TypeVar("_T")

_EVERYWHERE_S: Final = 0.4
"""Other processes look again within a quarter of a second: when a change is answered, it is in force in all."""

Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=64, pattern=PRINTABLE, description="nextCursor of the page before")]
Id = Annotated[str, Path(max_length=32, pattern=PRINTABLE)]


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
        return context.answer({"users": [user.to_dict() for user in page], "nextCursor": more})

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
        return context.answer(added.to_dict(), 201)

    @made.get("/users/audit-logs", response_model=Success[AccountChangesData], summary="Who changed which account")
    async def changes(
        request: Request, limit: Limit = 50, cursor: Annotated[str | None, Query(pattern="^[0-9]{1,9}$")] = None
    ) -> Response:
        await context.admit(request, "admin")
        rows = await work.run(accounts.changes, limit, None if cursor is None else int(cursor))
        more = str(rows[-1].sequence) if len(rows) == limit else None
        return context.answer({"rows": [row.to_dict() for row in rows], "nextCursor": more})

    @made.get("/users/{user_id}", response_model=Success[UserData], summary="One user")
    async def user(request: Request, user_id: Id) -> Response:
        await context.admit(request, "admin")
        return context.answer((await work.run(accounts.user, user_id)).to_dict())

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
        return context.answer(changed.to_dict())

    @made.delete("/users/{user_id}", response_model=Success[UserData], summary="Delete a user with every token")
    async def delete(request: Request, user_id: Id) -> Response:
        who = await context.admit(request, "admin")
        deleted = await _change(context, accounts.delete_user, user_id, who.subject)
        return context.answer(deleted.to_dict())


def _keys(made: APIRouter, context: Context) -> None:
    accounts, work = context.application.accounts, context.work

    @made.get("/keys", response_model=Success[KeysData], summary="Tokens for machines, without their secrets")
    async def keys(request: Request, limit: Limit = 50, cursor: Cursor = None) -> Response:
        await context.admit(request, "admin")
        page = await work.run(accounts.keys, limit, cursor or "")
        more = page[-1].id if len(page) == limit else None
        return context.answer({"keys": [key.to_dict() for key in page], "nextCursor": more})

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
        return context.answer(key.to_dict() | {"token": text}, 201)

    @made.delete("/keys/{key_id}", response_model=Success[KeyData], summary="Revoke a token for a machine")
    async def revoke(request: Request, key_id: Id) -> Response:
        who = await context.admit(request, "admin")
        revoked = await _change(context, accounts.revoke_key, key_id, who.subject)
        return context.answer(revoked.to_dict())


async def _change(context: Context, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Change something, and return when every process knows."""
    changed = await context.work.run(call, *args, **kwargs)
    settings = context.application.settings
    if settings.workers > 1 or settings.database_url is not None:
        await asyncio.sleep(_EVERYWHERE_S)
    return changed
