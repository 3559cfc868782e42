"""Experiments: start, stop, list, and what they found."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from vfr.accounts.principal import Principal
from vfr.api.context import Context
from vfr.api.errors import Refusal
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

Id = Annotated[str, Path(pattern="^[0-9a-f]{1,12}$")]


def router(context: Context) -> APIRouter:
    """Return the routes of experiments; all of them need the scope ``admin``."""
    desk, work, reports = context.application.experiments, context.work, Work(_THREADS, _QUEUE)
    made = APIRouter(prefix="/api/admin/experiments", tags=["admin"])

    async def admin(request: Request) -> Principal:
        return await context.admit(request, "admin")

    caller = Depends(admin)

    async def there(experiment: Id) -> str:
        try:
            await work.run(desk.one, experiment)
        except InvalidField as error:
            raise Refusal(404, "UNKNOWN_EXPERIMENT", error.message) from None
        return experiment

    # Known only to who may ask: the caller is checked before.
    known = Depends(there)

    @made.get("", response_model=Success[ExperimentsData], summary="Experiments, newest first", dependencies=[caller])
    async def experiments(
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[
            str | None, Query(pattern="^[0-9a-f]{1,12}$", description="nextCursor of the page before")
        ] = None,
    ) -> Response:
        found = await work.run(desk.listed, limit + 1, cursor)
        more = found[limit - 1].id if len(found) > limit else None
        return context.answer({"experiments": [one.to_dict() for one in found[:limit]], "nextCursor": more})

    @made.post("", response_model=Success[ExperimentData], summary="Start an experiment; one runs at a time")
    async def start(body: StartBody, who: Principal = caller) -> Response:
        return context.answer((await work.run(desk.start, _plan(body), who.subject)).to_dict())

    @made.get("/{experiment}", response_model=Success[ExperimentData], summary="One experiment", dependencies=[caller])
    async def experiment(found: str = known) -> Response:
        return context.answer((await work.run(desk.one, found)).to_dict())

    @made.get(
        "/{experiment}/report",
        response_model=Success[ReportData],
        summary="What an experiment found by now",
        dependencies=[caller],
    )
    async def report(found: str = known) -> Response:
        return context.answer((await reports.run(desk.report, found)).to_dict())

    @made.post("/{experiment}/stop", response_model=Success[ExperimentData], summary="Stop an experiment")
    async def stop(body: StopBody, who: Principal = caller, found: str = known) -> Response:
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
