"""Experiments: start, stop, list, and what they found."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vfr.accounts.principal import Principal
from vfr.api.admission import admitted
from vfr.api.bodies import documented, read_as
from vfr.api.context import Context
from vfr.api.errors import Refusal
from vfr.api.paging import CURSOR, Limit, paged
from vfr.api.schemas_experiments import ExperimentData, ExperimentsData, ReportData, StartBody, StopBody
from vfr.api.shapes import Success
from vfr.api.work import Work
from vfr.errors import InvalidField
from vfr.experiments.experiment import Arm, StopRule
from vfr.workflows.compare import Plan

__all__ = ["router"]

_THREADS: Final = 1
_QUEUE: Final = 8
"""Reports at once, and waiting: one takes seconds, and no answer may wait behind it."""

_ID: Final = "^[0-9a-f]{1,12}$"
Id = Annotated[str, Path(pattern=_ID)]


def router(context: Context) -> APIRouter:
    """Return the routes of experiments; all of them need the scope ``admin``."""
    desk, work, reports = context.application.experiments, context.work, Work(_THREADS, _QUEUE)
    caller = admitted(context, "admin")
    made = APIRouter(prefix="/api/admin/experiments", tags=["admin"], dependencies=[caller])

    async def there(experiment: Id) -> str:
        try:
            await work.run(desk.one, experiment)
        except InvalidField as error:
            raise Refusal(404, "UNKNOWN_EXPERIMENT", error.message) from None
        return experiment

    known = Depends(there)

    @made.get("", response_model=Success[ExperimentsData], summary="Experiments, newest first")
    async def experiments(
        limit: Limit = 50,
        cursor: Annotated[str | None, Query(pattern=_ID, description=CURSOR)] = None,
    ) -> Response:
        try:
            found = await work.run(desk.listed, limit + 1, cursor)
        except InvalidField:
            raise InvalidField("cursor", "is not known; start again without one") from None
        page, more = paged(found, limit, lambda one: one.id)
        return context.answer({"experiments": [one.to_dict() for one in page], "nextCursor": more})

    @made.post(
        "",
        response_model=Success[ExperimentData],
        openapi_extra=documented(StartBody),
        summary="Start an experiment; one runs at a time",
    )
    async def start(request: Request, who: Principal = caller) -> Response:
        plan = _plan(await read_as(StartBody, request))
        return context.answer((await work.run(desk.start, plan, who.subject)).to_dict())

    @made.get("/{experiment}", response_model=Success[ExperimentData], summary="One experiment")
    async def experiment(found: str = known) -> Response:
        return context.answer((await work.run(desk.one, found)).to_dict())

    @made.get(
        "/{experiment}/report",
        response_model=Success[ReportData],
        summary="What an experiment found by now",
    )
    async def report(found: str = known) -> Response:
        return context.answer((await reports.run(desk.report, found)).to_dict())

    @made.post(
        "/{experiment}/stop",
        response_model=Success[ExperimentData],
        openapi_extra=documented(StopBody),
        summary="Stop an experiment",
    )
    async def stop(request: Request, who: Principal = caller, found: str = known) -> Response:
        body = await read_as(StopBody, request)
        ended = await work.run(desk.stop, found, why=body.why, who=who.subject)
        return context.answer(ended.to_dict())

    return made


def _plan(body: StartBody) -> Plan:
    rule: dict[str, Any] = body.rule.model_dump()
    shares: dict[Arm, float] = {"classic": body.arms.classic, "ml": body.arms.ml, "shadow": body.arms.shadow}
    return Plan(
        name=body.name,
        shares={arm: share for arm, share in shares.items() if share > 0},
        horizon=body.horizon,
        why=body.why,
        holdout=body.holdout,
        weight=body.weight,
        rule=StopRule(**rule),
    )
