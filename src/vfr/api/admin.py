"""Administration of machine learning: its switches, their log, and which version is champion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from vfr.accounts.principal import Principal
from vfr.api.admission import admitted
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.errors import Refusal
from vfr.api.paging import Limit, SequenceCursor, paged
from vfr.api.schemas_admin import (
    ChampionData,
    NamedToggleBody,
    ReasonBody,
    ToggleAuditData,
    ToggleBody,
    ToggleData,
    TogglesData,
)
from vfr.api.shapes import Success
from vfr.errors import ModelError
from vfr.workflows.promotion import Change
from vfr.workflows.toggles import Toggle, checked_reason

__all__ = ["router"]

ToggleId = Annotated[str, Path(max_length=100)]
ModelId = Annotated[str, Path(max_length=96)]


def router(context: Context) -> APIRouter:
    """Return the routes of administration; all of them need the scope ``admin``."""
    caller = admitted(context, "admin")
    made = APIRouter(prefix="/api/admin", tags=["admin"], dependencies=[caller])
    _toggles(made, context, caller)
    _champions(made, context, caller)
    return made


def _toggles(made: APIRouter, context: Context, caller: Any) -> None:
    desk, work = context.application.toggles, context.work
    path = "/ml-feature-toggles"

    async def turn(toggle_id: str, body: ToggleBody, who: Principal) -> Response:
        toggle = await work.run(desk.turn, toggle_id, body.enabled, reason=body.reason, who=who.subject)
        return context.answer(_shown(toggle))

    @made.get(path, response_model=Success[TogglesData], summary="Switches of machine learning")
    async def toggles() -> Response:
        return context.answer({"toggles": [_shown(one) for one in await work.run(desk.all)]})

    @made.post(
        path,
        response_model=Success[ToggleData],
        openapi_extra=documented(NamedToggleBody),
        summary="Turn a switch of machine learning",
    )
    async def turn_named(request: Request, who: Principal = caller) -> Response:
        body = await read_as(NamedToggleBody, request)
        return await turn(body.id, body, who)

    @made.get(
        f"{path}/audit-logs",
        response_model=Success[ToggleAuditData],
        summary="Who turned which switch, when and why, newest first",
    )
    async def audit_logs(limit: Limit = 50, cursor: SequenceCursor = None) -> Response:
        found = await work.run(desk.audit, limit + 1, None if cursor is None else int(cursor))
        rows, more = paged(found, limit, lambda row: str(row.sequence))
        shown = [{"sequence": row.sequence, **_shown(row.toggle)} for row in rows]
        return context.answer({"rows": shown, "nextCursor": more, "problems": list(await work.run(desk.problems))})

    @made.get(f"{path}/{{toggle_id}}", response_model=Success[ToggleData], summary="One switch")
    async def toggle(toggle_id: ToggleId) -> Response:
        return context.answer(_shown(await work.run(desk.one, toggle_id)))

    @made.post(
        f"{path}/{{toggle_id}}",
        response_model=Success[ToggleData],
        openapi_extra=documented(ToggleBody),
        summary="Turn one switch",
    )
    async def turn_one(request: Request, toggle_id: ToggleId, who: Principal = caller) -> Response:
        return await turn(toggle_id, await read_as(ToggleBody, request), who)


def _champions(made: APIRouter, context: Context, caller: Any) -> None:
    offices, work = context.application.offices, context.work

    def route(name: str, call: Callable[..., Change], summary: str) -> None:
        @made.post(
            f"/models/{{model_id}}/{name}",
            name=name,
            response_model=Success[ChampionData],
            openapi_extra=documented(ReasonBody),
            summary=summary,
        )
        async def change(request: Request, model_id: ModelId, who: Principal = caller) -> Response:
            body = await read_as(ReasonBody, request)
            try:
                found = await work.run(call, model_id, who=who.subject, why=checked_reason(body.reason))
            except ModelError as error:
                if type(error) is not ModelError:
                    raise
                raise Refusal(409, "NOT_POSSIBLE", error.message) from None
            return context.answer(_champion(found))

    route("promote", offices.promote, "Make a version the champion")
    route("rollback", offices.rollback, "Retire a champion and bring back the one before it")


def _shown(one: Toggle) -> dict[str, Any]:
    changed = {"changedBy": one.who or None, "changedAt": one.at or None}
    return {"id": one.id, "enabled": one.enabled, "reason": one.reason, **changed}


def _champion(change: Change) -> dict[str, Any]:
    card = change.card
    return {
        "modelId": card.model_id,
        "member": card.member,
        "horizon": card.horizon,
        "status": card.status,
        "comparison": change.comparison.to_dict(),
        "passedOver": dict(change.passed_over),
    }
