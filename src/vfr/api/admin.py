"""Admin calls. They need a token of a scope that this version cannot issue: the command line does their work."""

from __future__ import annotations

from fastapi import APIRouter, Request

from vfr.api.context import Context

__all__ = ["router"]


def router(context: Context) -> APIRouter:
    """Return the routes of administration; every one is refused, saying what to do instead."""
    made = APIRouter(prefix="/api/admin/ml-feature-toggles", tags=["admin"])

    @made.get("", response_model=None, summary="State of the machine-learning switch (needs a token)")
    async def toggles(request: Request) -> None:
        context.authorise(request, "admin")

    @made.post("", response_model=None, summary="Turn the machine-learning switch (needs a token)")
    async def turn(request: Request) -> None:
        context.authorise(request, "admin")

    @made.get("/audit-logs", response_model=None, summary="Who turned the switch, when and why (needs a token)")
    async def audit_logs(request: Request) -> None:
        context.authorise(request, "admin")

    return made
