"""GET /metrics: figures of every process of this server, for Prometheus."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request, Response

from vfr.api.context import Context

__all__ = ["router"]

_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def router(context: Context) -> APIRouter:
    """Return the route of figures."""
    made = APIRouter(tags=["operations"])

    @made.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Figures"}},
        summary="Figures in Prometheus' text format",
    )
    async def metrics(request: Request) -> Response:
        await context.admit(request, "ml")
        return Response(await context.work.run(context.metrics.render), media_type=_TYPE)

    return made
