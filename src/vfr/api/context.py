"""What every route shares: the application, the threads, and how a good answer is rendered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from vfr.api.security import Headers, Need, authorise, refuse_admin
from vfr.api.work import Work
from vfr.bootstrap import Application

__all__ = ["Context"]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The application behind the routes, and the threads its work runs in.

    What may wait for a forecast runs in `ml_work`, so that nothing else ever waits behind it.
    """

    application: Application
    work: Work
    ml_work: Work

    def authorise(self, request: Request, need: Need) -> None:
        """Let the caller of a request pass, or refuse."""
        authorise(need, _headers(request), self.application.settings)

    def refuse_admin(self, request: Request) -> NoReturn:
        """Refuse an admin call, saying what to do instead."""
        refuse_admin(_headers(request), self.application.settings)

    @staticmethod
    def answer(data: Mapping[str, Any], status: int = 200) -> Response:
        """Render a good answer."""
        return Response(orjson.dumps({"success": True, "data": data}), status, media_type="application/json")


def _headers(request: Request) -> Headers:
    return cast("Headers", request.scope["state"]["headers"])
