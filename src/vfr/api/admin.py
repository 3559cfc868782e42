"""Administration of machine learning: its switches, their log, and which version is champion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vfr.accounts.principal import Principal
from vfr.api.context import Context
from vfr.api.errors import Refusal
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
    made = APIRouter(prefix="/api/admin", tags=["admin"])

    async def admin(request: Request) -> Principal:
        return await context.admit(request, "admin")

    caller = Depends(admin)
    _toggles(made, context, caller)
    _champions(made, context, caller)
    return made


def _toggles(made: APIRouter, context: Context, caller: Any) -> None:
    desk, work = context.application.toggles, context.work
    path = "/ml-feature-toggles"

    async def turn(toggle_id: str, body: ToggleBody, who: Principal) -> Response:
        toggle = await work.run(desk.turn, toggle_id, body.enabled, reason=body.reason, who=who.subject)
        return context.answer(_shown(toggle))

    @made.get(path, response_model=Success[TogglesData], summary="Switches of machine learning", dependencies=[caller])
    async def toggles() -> Response:
        return context.answer({"toggles": [_shown(one) for one in await work.run(desk.all)]})

    @made.post(path, response_model=Success[ToggleData], summary="Turn a switch of machine learning")
    async def turn_named(body: NamedToggleBody, who: Principal = caller) -> Response:
        return await turn(body.id, body, who)

    @made.get(
        f"{path}/audit-logs",
        response_model=Success[ToggleAuditData],
        summary="Who turned which switch, when and why, newest first",
        dependencies=[caller],
    )
    async def audit_logs(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[
            str | None, Query(pattern="^[0-9]{1,9}$", description="nextCursor of the page before")
        ] = None,
    ) -> Response:
        rows = await work.run(desk.audit, limit, None if cursor is None else int(cursor))
        more = str(rows[-1].sequence) if rows and rows[-1].sequence > 1 else None
        shown = [{"sequence": row.sequence, **_shown(row.toggle)} for row in rows]
        return context.answer({"rows": shown, "nextCursor": more, "problems": list(await work.run(desk.problems))})

    @made.get(f"{path}/{{toggle_id}}", response_model=Success[ToggleData], summary="One switch", dependencies=[caller])
    async def toggle(toggle_id: ToggleId) -> Response:
        return context.answer(_shown(await work.run(desk.one, toggle_id)))

    @made.post(f"{path}/{{toggle_id}}", response_model=Success[ToggleData], summary="Turn one switch")
    async def turn_one(toggle_id: ToggleId, body: ToggleBody, who: Principal = caller) -> Response:
        return await turn(toggle_id, body, who)


def _champions(made: APIRouter, context: Context, caller: Any) -> None:
    offices, work = context.application.offices, context.work

    async def change(call: Callable[..., Change], model_id: str, body: ReasonBody, who: Principal) -> Response:
        try:
            found = await work.run(call, model_id, who=who.subject, why=checked_reason(body.reason))
        except ModelError as error:
            if type(error) is not ModelError:
                raise
            raise Refusal(409, "NOT_POSSIBLE", error.message) from None
        return context.answer(_champion(found))

    @made.post(
        "/models/{model_id}/promote", response_model=Success[ChampionData], summary="Make a version the champion"
    )
    async def promote(model_id: ModelId, body: ReasonBody, who: Principal = caller) -> Response:
        return await change(offices.promote, model_id, body, who)

    @made.post(
        "/models/{model_id}/rollback",
        response_model=Success[ChampionData],
        summary="Retire a champion and bring back the one before it",
    )
    async def rollback(model_id: ModelId, body: ReasonBody, who: Principal = caller) -> Response:
        return await change(offices.rollback, model_id, body, who)


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
