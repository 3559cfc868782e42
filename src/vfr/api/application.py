"""The HTTP application: routes, the error table, and the OpenAPI document of all of it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import vfr
from vfr.api import (
    account,
    admin,
    analyze,
    auth,
    errors,
    experiments,
    health,
    metrics_text,
    ml,
    ml_metrics,
    openapi,
    predict,
    progress,
    stocks,
    users,
)
from vfr.api.context import Context
from vfr.api.errors import guarded
from vfr.api.limits import Limits
from vfr.api.work import Work
from vfr.bootstrap import Application, Metrics, Reading, readings
from vfr.bootstrap.callers import FIRST_S
from vfr.bootstrap.limits import open_limiter

__all__ = ["create_api"]

ML_THREADS: Final = 32
ML_QUEUE: Final = 32
"""Threads that wait for forecasts, and requests that may wait for such a thread. Who waits costs nothing else, and a
request's own deadline begins when its thread does; forecasts asked for at once are one."""

PAST_THREADS: Final = 12
PAST_QUEUE: Final = 52
"""The same for boards of past days: more threads than days may wait to be computed, so that many days at once are
refused by that line, and many requests for one day are not."""

SWITCH_S: Final = 0.0005
"""How long a thread may keep the interpreter when the event loop wants it: writing logs and journals takes turns with
answers instead of ten times longer ones, which halves the slowest hundredth of answers under load."""

FOLLOW_S: Final = 1.0
"""Longest wait of the start for the switches of machine learning, which are off until they are known."""

_DESCRIPTION = (
    "A transparent five-factor score of stocks, and machine learning that can only help. Prices are USD, returns "
    "and probabilities fractions, scores 0-100; times ISO-8601 UTC but for `timestamp` fields, which are epoch "
    "milliseconds. Not investment advice."
)


class _Api(FastAPI):
    """FastAPI, but that the routes in `front` are reached without its middleware: they are asked for most."""

    front: dict[tuple[str, str], tuple[Route, ASGIApp]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop with the server."""
        hot = self.front.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if hot is None:
            await super().__call__(scope, receive, send)
        else:
            scope["route"], app = hot
            await app(scope, receive, send)


def create_api(application: Application, metrics: Metrics) -> FastAPI:
    """Return the API over an application.

    Parameters
    ----------
    application : Application
        Its data should be prepared; without data every route says so.
    metrics : Metrics
        Figures of this process; from the start of the server on they take in what the application counts.
    """
    settings = application.settings
    work = Work(settings.request_threads, settings.request_queue)
    limits = Limits(open_limiter(settings), settings)
    context = Context(application, work, Work(ML_THREADS, ML_QUEUE), Work(PAST_THREADS, PAST_QUEUE), limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sys.setswitchinterval(SWITCH_S)
        if settings.ml_enabled:
            await work.run(application.toggles.follow, FOLLOW_S)
        await asyncio.to_thread(application.accounts.callers.follow, FIRST_S)
        application.experiments.follow()
        metrics.follow(lambda: (*readings(application), *_limited(limits)))
        yield
        metrics.close()
        context.work.close()
        context.ml_work.close()
        context.past_work.close()
        await limits.close()
        application.close()

    api = _Api(
        title="VFR",
        version=vfr.__version__,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # The interactive pages load scripts from elsewhere.
        redoc_url=None,
        openapi_url=None,  # `openapi.route` answers instead.
        redirect_slashes=False,
    )
    errors.install(api)
    hot = analyze.routes(context)
    api.front = {(method, r.path): (r, guarded(r.endpoint)) for r in hot for method in r.methods or ()}
    api.router.routes.extend([*hot, *progress.routes(context), openapi.route(api, work)])
    for room in (health, metrics_text, account, stocks, ml, ml_metrics, predict, admin, experiments, auth, users):
        # Taken over as they are: a router that is included builds every route a second time at the first request.
        api.router.routes.extend(room.router(context).routes)
    return api


def _limited(limits: Limits) -> Iterator[Reading]:
    for what, count in limits.limited().items():
        yield "vfr_limited", {"what": what}, count
