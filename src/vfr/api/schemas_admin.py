"""Shapes of administration: switches of machine learning, their log, and changes of champion."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from vfr.api.shapes import Shape

__all__ = [
    "ChampionData",
    "NamedToggleBody",
    "ReasonBody",
    "ToggleAuditData",
    "ToggleBody",
    "ToggleData",
    "TogglesData",
]

Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why; kept in the log.")]


class ToggleBody(Shape):
    """How a switch is turned."""

    enabled: bool
    reason: Reason


class NamedToggleBody(ToggleBody):
    """How a switch is turned, and which."""

    id: Annotated[str, Field(max_length=100)] = Field(
        default="ml", description="`ml` for everything, a member of the ensemble, or a model id."
    )


class ReasonBody(Shape):
    """Why something is done."""

    reason: Reason


class ToggleData(Shape):
    """One switch as it was last turned; one that never was is on and has no reason."""

    id: str
    enabled: bool
    reason: str
    changed_by: str | None
    changed_at: str | None


class TogglesData(Shape):
    """Every switch: of everything, of each member, and of each version that was ever turned."""

    toggles: list[ToggleData]


class ToggleChange(ToggleData):
    """One row of the log; `sequence` counts from 1."""

    sequence: int


class ToggleAuditData(Shape):
    """Rows of the log, newest first."""

    rows: list[ToggleChange]
    next_cursor: str | None
    problems: list[str] = Field(description="What was changed in the log afterwards; nothing, unless somebody did.")


class ChampionData(Shape):
    """The champion of a place after a change."""

    model_id: str
    member: str
    horizon: str
    status: str
    comparison: dict[str, Any] = Field(description="The version beside the champion it replaced, on the same rows.")
    passed_over: dict[str, str] = Field(description="Earlier champions that are damaged, and why.")
