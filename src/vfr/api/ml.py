"""The registry of model versions and the health of machine learning."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from vfr.api.admission import admitted
from vfr.api.context import Context
from vfr.api.errors import error_response
from vfr.api.paging import CURSOR, Limit, paged
from vfr.api.schemas import MlHealthData, ModelData, ModelsData
from vfr.api.shapes import Success
from vfr.clock import epoch_ms
from vfr.errors import InvalidField
from vfr.models.prediction import ModelCard

__all__ = ["router"]


def router(context: Context) -> APIRouter:
    """Return the routes of machine learning."""
    application, work = context.application, context.work
    made = APIRouter(prefix="/api/ml", tags=["machine learning"], dependencies=[admitted(context, "ml")])

    @made.get("/models", response_model=Success[ModelsData], summary="Model versions, newest first")
    async def models(
        status: Literal["staged", "shadow", "champion", "retired", "historical"] | None = None,
        horizon: Literal["1d", "7d", "30d"] | None = None,
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(max_length=96, description=CURSOR)] = None,
    ) -> Response:
        cards = [
            card
            for card in await work.run(application.models.cards)
            if status in (None, card.status) and horizon in (None, card.horizon)
        ]
        page, more = paged(cards[_after(cards, cursor) :], limit, lambda card: card.model_id)
        problems = await work.run(application.models.unreadable)
        listed = {"models": [_summary(c) for c in page], "total": len(cards), "nextCursor": more}
        return context.answer({**listed, "problems": dict(problems)})

    @made.get("/models/{model_id}", response_model=Success[ModelData], summary="One version with its card")
    async def model(model_id: Annotated[str, Path(max_length=96)]) -> Response:
        card = await work.run(application.models.card, model_id)
        damaged = await work.run(application.models.damage, [model_id])
        return context.answer({**_summary(card), "card": asdict(card), "damaged": damaged.get(model_id)})

    @made.get("/health", response_model=Success[MlHealthData], summary="State of machine learning, part by part")
    async def health(request: Request) -> Response:
        found = {**await context.ml_work.run(application.ml_health), "timestamp": epoch_ms()}
        if found["status"] == "unhealthy":
            message = "no part of machine learning answers; classic analysis does not need it"
            return error_response(request.scope, 503, "ML_UNHEALTHY", message, data=found)
        return context.answer(found)

    return made


def _after(cards: list[ModelCard], cursor: str | None) -> int:
    if cursor is None:
        return 0
    ids = [card.model_id for card in cards]
    if cursor not in ids:
        raise InvalidField("cursor", "is not known; start again without one")
    return ids.index(cursor) + 1


def _summary(card: ModelCard) -> dict[str, Any]:
    return {
        "modelId": card.model_id,
        "member": card.member,
        "horizon": card.horizon,
        "status": card.status,
        "createdAt": card.created_at,
        "dataName": card.data_name,
        "dataVersion": card.data_version,
        "span": {"trainStart": card.train_start, "labelsEnd": card.labels_end},
        "rows": card.n_rows,
        "metrics": dict(card.metrics),
        "gates": {"passed": card.gates.get("passed"), "refused": card.gates.get("refused", [])},
    }
