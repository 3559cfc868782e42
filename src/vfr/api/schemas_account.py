"""Shape of the caller's own account, as OpenAPI documents it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from vfr.api.shapes import Shape

__all__ = ["UsageData"]

Count = Annotated[int, Field(ge=0)]


class TierLimits(Shape):
    """A row of the table of tiers."""

    requests_per_minute: Count
    ml_units_per_day: Count
    symbols_per_request: Count
    members: list[str]
    concurrent_backtests: Count
    event_streams: Count


class BudgetUse(Shape):
    """Where a budget stands; `resetSeconds` is when something of what is used comes back, 0 where nothing is used."""

    limit: Count
    remaining: Count
    window_seconds: Count
    reset_seconds: Count


class Use(Shape):
    """What is left, of requests a minute and of units a day."""

    requests: BudgetUse
    ml_units: BudgetUse


class UsageData(Shape):
    """The caller's limits and what is left; all null for the user of this machine, who has none."""

    subject: str
    tier: Literal["anonymous", "free", "premium", "enterprise", "admin"] | None
    limits: TierLimits | None
    usage: Use | None
