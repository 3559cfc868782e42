"""Alive, ready: for whoever watches the server. Open to everybody the host allow-list lets in."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request, Response

import vfr
from vfr.api.context import Context
from vfr.api.schemas import HealthData, ReadyData
from vfr.api.shapes import Success
from vfr.clock import epoch_ms, utc_now
from vfr.workflows.data_age import ages, described

__all__ = ["router"]

_UNTOLD: Final[dict[str, Any]] = {
    "reason": "",
    "changedBy": None,
    "changedAt": None,
    "toggles": {},
    "champions": [],
    "warnings": [],
}
"""What strangers are not told of machine learning: only whether it is on and whether it trains."""


def router(context: Context) -> APIRouter:
    """Return the routes of health."""
    application, work = context.application, context.work
    made = APIRouter(prefix="/api/health", tags=["health"])

    @made.get("", response_model=Success[HealthData], summary="The process answers")
    async def alive() -> Response:
        return context.answer({"status": "alive", "version": vfr.__version__, "timestamp": epoch_ms()})

    @made.get("/ready", response_model=Success[ReadyData], summary="Classic analysis answers; what else is up")
    async def ready(request: Request) -> Response:
        board = await work.run(application.datasets.board)
        ml = await work.run(application.ml_state)
        about = {
            "status": "ready",
            "dataName": board.data_name,
            "dataVersion": board.data_version,
            "asOf": str(board.as_of),
            "symbols": len(board.scores.symbols),
            "dataAge": described(ages(board.inputs, utc_now())),
            "ml": ml if await context.knows(request, "ml") else ml | _UNTOLD,
            "chaos": application.rehearsal(),
            "timestamp": epoch_ms(),
        }
        return context.answer(about)

    return made
