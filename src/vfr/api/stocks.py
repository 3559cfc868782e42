"""Look-ups: search, bars, the symbols of a sector."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from vfr.api.admission import admitted
from vfr.api.context import Context
from vfr.api.schemas import HistoryData, RankingsData, SearchData, SectorData
from vfr.api.shapes import Success
from vfr.workflows.browse import HistoryQuery

__all__ = ["router"]


def router(context: Context) -> APIRouter:
    """Return the routes of look-ups."""
    application, work = context.application, context.work
    made = APIRouter(prefix="/api/stocks", tags=["stocks"], dependencies=[admitted(context, "classic")])

    @made.get("/search", response_model=Success[SearchData], summary="Find symbols by ticker or company name")
    async def search(
        query: Annotated[str, Query(min_length=1, max_length=64)],
        limit: Annotated[int, Query(ge=1, le=50)] = 20,
    ) -> Response:
        return context.answer(await work.run(application.search, query, limit))

    @made.get("/by-sector", response_model=Success[SectorData], summary="List the symbols of a sector")
    async def by_sector(sector: Annotated[str, Query(min_length=1, max_length=64)]) -> Response:
        return context.answer(await work.run(application.by_sector, sector))

    @made.get("/sector-rankings", response_model=Success[RankingsData], summary="How the sectors did, strongest first")
    async def sector_rankings() -> Response:
        return context.answer(await work.run(application.sector_rankings))

    @made.get("/{symbol}/history", response_model=Success[HistoryData], summary="Bars of a symbol")
    async def history(
        symbol: Annotated[str, Path(max_length=24)],
        adjustment: Annotated[str | None, Query(description="raw or dividend-adjusted")] = None,
        start: Annotated[str | None, Query(alias="from", description="ISO date")] = None,
        end: Annotated[str | None, Query(alias="to", description="ISO date")] = None,
        limit: Annotated[str | None, Query(description="1-10000: the newest bars of the span")] = None,
    ) -> Response:
        asked = {"adjustment": adjustment, "from": start, "to": end, "limit": limit}
        query = HistoryQuery.parse(symbol, {name: value for name, value in asked.items() if value is not None})
        return context.answer(await work.run(application.history, query))

    return made
