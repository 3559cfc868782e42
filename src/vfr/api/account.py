"""The caller's own account: what it may use up, and what is left."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from vfr.api.context import Context
from vfr.api.schemas_account import UsageData
from vfr.api.shapes import Success

__all__ = ["router"]


def router(context: Context) -> APIRouter:
    """Return the routes of the caller's own account."""
    made = APIRouter(prefix="/api/account", tags=["account"])

    @made.get("/usage", response_model=Success[UsageData], summary="Limits of the caller's tier, and what is left")
    async def usage(request: Request) -> Response:
        caller = await context.admit(request, "classic", public=True)
        return context.answer(await context.limits.usage(caller, request))

    return made
