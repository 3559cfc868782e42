"""Realised figures of what was forecast, from the journal."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from vfr.api.admission import admitted
from vfr.api.context import Context
from vfr.api.shapes import Shape, Share, Success
from vfr.api.work import Work
from vfr.clock import epoch_ms

__all__ = ["MetricsData", "router"]

_DAYS: Final = {"7d": 7, "30d": 30, "90d": 90, "all": None}

_THREADS: Final = 2
_QUEUE: Final = 8
"""Reports at once, and waiting: the journal's database may hang for a minute, and no answer may wait behind that."""


class DirectionFigures(Shape):
    """P(up) against what came, beside the rule that knows the base rate only; null where nothing can be said."""

    accuracy: Share | None
    accuracy_low: float | None
    accuracy_high: float | None
    base_rate_accuracy: Share | None
    lift: float | None
    lift_low: float | None
    lift_high: float | None
    base_rate: Share | None
    realised_rate: Share | None
    brier: Share | None
    brier_base_rate: Share | None
    brier_skill: float | None


class ExcessFigures(Shape):
    """The expected excess return against what came."""

    rank_ic: float | None
    rank_ic_t: float | None
    rank_ic_dates: int
    sign_accuracy: Share | None
    sign_accuracy_low: float | None
    sign_accuracy_high: float | None
    interval_coverage: Share | None = None
    interval_level: Share | None = None


class ConfidenceBin(Shape):
    """What a confidence promised, and how often the sign of the excess return came true."""

    confidence: Share
    accuracy: Share
    count: int


class Tier(Shape):
    """What came of one recommendation."""

    rows: int
    dates: int
    mean_excess: float | None
    mean_excess_t: float | None
    beats_median_share: Share | None
    up_share: Share | None
    up_base_rate: Share | None


class Composite(Shape):
    """How a composite score ordered what came; `tiers` by recommendation."""

    rank_ic: float | None
    rank_ic_t: float | None
    rank_ic_dates: int
    rows: int
    beats_median_share: Share | None
    tiers: dict[str, Tier]


class MemberFigures(Shape):
    """One member's own figures."""

    accuracy: Share | None
    base_rate_accuracy: Share | None
    brier: Share | None
    brier_base_rate: Share | None
    rank_ic: float | None
    rank_ic_t: float | None
    dates: int
    rows: int


class Group(Shape):
    """Figures of one session or one symbol."""

    date: str | None = None
    symbol: str | None = None
    count: int
    accuracy: Share | None
    base_rate_accuracy: Share | None
    brier: Share | None
    rank_ic: float | None


class Counters(Shape):
    """What this server process wrote, dropped and has waiting."""

    forecasts_written: int
    exposures_written: int
    dropped: int
    failures: int
    waiting: int


class MetricsData(Shape):
    """Realised figures on index members at the time; intervals are 95 % over blocks of dates."""

    data_name: str | None
    timeframe: Literal["7d", "30d", "90d", "all"]
    since: str | None
    horizon: Literal["1d", "7d", "30d"]
    model: str | None
    dates: int
    rows: int
    timely_dates: int = Field(description="Dates forecast before the next session opened.")
    first: str | None
    last: str | None
    direction: DirectionFigures
    excess: ExcessFigures
    calibration: list[ConfidenceBin]
    composite: dict[str, Composite]
    members: dict[str, MemberFigures]
    groups: list[Group] | None = None
    note: str | None = Field(description="Why there are no figures, or what to know about them.")
    journal: Counters
    timestamp: int


def router(context: Context) -> APIRouter:
    """Return the route of realised figures."""
    application = context.application
    reports = Work(_THREADS, _QUEUE)
    made = APIRouter(prefix="/api/ml", tags=["machine learning"], dependencies=[admitted(context, "ml")])

    @made.get("/metrics", response_model=Success[MetricsData], summary="What was predicted, and what came of it")
    async def metrics(
        timeframe: Literal["7d", "30d", "90d", "all"] = "30d",
        horizon: Literal["1d", "7d", "30d"] = "7d",
        model: Annotated[str | None, Query(min_length=1, max_length=96, description="A member or a version")] = None,
        group_by: Annotated[Literal["daily", "stock"] | None, Query(alias="groupBy")] = None,
    ) -> Response:
        def answer() -> dict[str, Any]:
            days = _DAYS[timeframe]
            return application.journal.report(horizon, days=days, model=model, group_by=group_by)

        found = await reports.run(answer)
        about = {"timeframe": timeframe, "journal": application.journal.counters(), "timestamp": epoch_ms()}
        return context.answer(found | about)

    return made
