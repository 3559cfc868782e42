"""Who may call comes first: a caller is known and charged before the path and the query of a request are parsed."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request

from vfr.accounts.principal import Principal, Scope
from vfr.api.context import Context

__all__ = ["admitted"]


def admitted(context: Context, need: Scope) -> Any:
    """Return the dependency that gives a route its caller, or refuses; asked once per request, charging one request.

    As a dependency of a router it runs before a query or a path is parsed: who may not call learns nothing of them, and
    wrong ones are not free.
    """

    async def admit(request: Request) -> Principal:
        return await context.admit(request, need)

    return Depends(admit)
