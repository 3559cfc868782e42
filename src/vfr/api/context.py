"""What every route shares: the application, the threads, and how a good answer is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vfr.accounts.principal import ANONYMOUS, Principal, Scope
from vfr.api.errors import Refusal
from vfr.api.limits import Limits
from vfr.api.security import Headers, WrongToken, authorise
from vfr.api.work import Work
from vfr.bootstrap import Application, Metrics
from vfr.errors import DataError

__all__ = ["Context"]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The application behind the routes, and the threads its work runs in.

    What may wait for a forecast runs in `ml_work`, what may wait for a past day to be computed in `past_work`, so that
    nothing else ever waits behind it.
    """

    application: Application
    work: Work
    ml_work: Work
    past_work: Work
    limits: Limits
    metrics: Metrics

    def authorise(self, request: Request, need: Scope, *, public: bool = False) -> Principal:
        """Return the caller of a request if it holds the scope, or refuse; `public` routes may be open to everybody."""
        return authorise(
            need, _headers(request), self.application.settings, self.application.accounts.callers, public=public
        )

    async def knows(self, request: Request, need: Scope) -> bool:
        """Whether the caller of a request holds a scope; refuses nobody, but a wrong token is charged here, too."""
        try:
            await self.identified(request, need)
        except (Refusal, DataError):
            return False
        return True

    async def admit(self, request: Request, need: Scope, *, public: bool = False) -> Principal:
        """Return the caller of a request if it may call and has requests left, or refuse; charges one request."""
        caller = await self.identified(request, need, public=public)
        await self.limits.charge_request(caller, request)
        return caller

    async def identified(self, request: Request, need: Scope, *, public: bool = False) -> Principal:
        """Return the caller of a request if it holds the scope, or refuse; a wrong token is charged to the address."""
        try:
            return self.authorise(request, need, public=public)
        except WrongToken:
            await self.limits.charge_request(ANONYMOUS, request)
            raise

    @staticmethod
    def answer(data: Mapping[str, Any], status: int = 200) -> Response:
        """Render a good answer."""
        return Response(orjson.dumps({"success": True, "data": data}), status, media_type="application/json")


def _headers(request: Request) -> Headers:
    return cast("Headers", request.scope["state"]["headers"])
