"""Administration of users and of tokens for machines; all of it needs the scope ``admin``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Final, ParamSpec, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response

from vfr.accounts.principal import Principal
from vfr.api.admission import admitted
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.paging import CURSOR, Limit, SequenceCursor, paged
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

Cursor = Annotated[str | None, Query(max_length=64, pattern=PRINTABLE, description=CURSOR)]
Id = Annotated[str, Path(max_length=32, pattern=PRINTABLE)]


def router(context: Context) -> APIRouter:
    """Return the routes of users and of tokens for machines."""
    caller = admitted(context, "admin")
    made = APIRouter(prefix="/api/admin", tags=["admin"], dependencies=[caller])
    _users(made, context, caller)
    _keys(made, context, caller)
    return made


def _users(made: APIRouter, context: Context, caller: Any) -> None:
    accounts, work = context.application.accounts, context.work

    @made.get("/users", response_model=Success[UsersData], summary="Users, by name")
    async def users(limit: Limit = 50, cursor: Cursor = None) -> Response:
        page, more = paged(await work.run(accounts.users, limit + 1, cursor or ""), limit, lambda user: user.name)
        return context.answer({"users": [user.to_dict() for user in page], "nextCursor": more})

    @made.post(
        "/users", response_model=Success[UserData], openapi_extra=documented(UserBody), summary="Add a user",
        status_code=201,
    )  # fmt: skip
    async def add(request: Request, who: Principal = caller) -> Response:
        body = await read_as(UserBody, request)
        added = await _change(
            context, accounts.add_user, body.name, body.password, body.tier, body.scopes or (), who.subject
        )
        return context.answer(added.to_dict(), 201)

    @made.get("/users/audit-logs", response_model=Success[AccountChangesData], summary="Who changed which account")
    async def changes(limit: Limit = 50, cursor: SequenceCursor = None) -> Response:
        found = await work.run(accounts.changes, limit + 1, None if cursor is None else int(cursor))
        rows, more = paged(found, limit, lambda row: str(row.sequence))
        problems = list(await work.run(accounts.problems))
        return context.answer({"rows": [row.to_dict() for row in rows], "nextCursor": more, "problems": problems})

    @made.get("/users/{user_id}", response_model=Success[UserData], summary="One user")
    async def user(user_id: Id) -> Response:
        return context.answer((await work.run(accounts.user, user_id)).to_dict())

    @made.post(
        "/users/{user_id}", response_model=Success[UserData], openapi_extra=documented(UserChangeBody),
        summary="Change a user: tier, scopes, password, disabled",
    )  # fmt: skip
    async def change(request: Request, user_id: Id, who: Principal = caller) -> Response:
        body = await read_as(UserChangeBody, request)
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
    async def delete(user_id: Id, who: Principal = caller) -> Response:
        deleted = await _change(context, accounts.delete_user, user_id, who.subject)
        return context.answer(deleted.to_dict())


def _keys(made: APIRouter, context: Context, caller: Any) -> None:
    accounts, work = context.application.accounts, context.work

    @made.get("/keys", response_model=Success[KeysData], summary="Tokens for machines, without their secrets")
    async def keys(limit: Limit = 50, cursor: Cursor = None) -> Response:
        page, more = paged(await work.run(accounts.keys, limit + 1, cursor or ""), limit, lambda key: key.id)
        return context.answer({"keys": [key.to_dict() for key in page], "nextCursor": more})

    @made.post(
        "/keys", response_model=Success[NewKeyData], openapi_extra=documented(KeyBody), status_code=201,
        summary="Make a token for a machine; it is shown this once",
    )  # fmt: skip
    async def create(request: Request, who: Principal = caller) -> Response:
        body = await read_as(KeyBody, request)
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
    async def revoke(key_id: Id, who: Principal = caller) -> Response:
        revoked = await _change(context, accounts.revoke_key, key_id, who.subject)
        return context.answer(revoked.to_dict())


async def _change(context: Context, call: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs) -> _T:
    """Change something, and return when every process knows."""
    changed = await context.work.run(call, *args, **kwargs)
    settings = context.application.settings
    if settings.workers > 1 or settings.database_url is not None:
        await asyncio.sleep(_EVERYWHERE_S)
    return changed
