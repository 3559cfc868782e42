"""Shapes of look-ups, health and machine learning, as OpenAPI documents them; see `schemas_analyze` for analysis."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from vfr.api.shapes import InputAge, Shape, Share

__all__ = [
    "HealthData",
    "HistoryData",
    "MlHealthData",
    "ModelData",
    "ModelsData",
    "RankingsData",
    "ReadyData",
    "SearchData",
    "SectorData",
    "StatusData",
]

State = Literal["healthy", "degraded", "unhealthy"]


class ServiceStatus(Shape):
    """An input of the analysis."""

    available: bool
    source: str
    newest: str | None
    age: InputAge


class StatusData(Shape):
    """State of analysis: `services` by kind of input."""

    status: Literal["operational"]
    services: dict[str, ServiceStatus]
    data_version: str
    as_of: str
    timestamp: int


class HealthData(Shape):
    """The process answers."""

    status: Literal["alive"]
    version: str
    timestamp: int


class Training(Shape):
    """A training run; `progress` is 0-100."""

    state: Literal["idle", "running", "finished", "failed", "interrupted"]
    stage: str
    progress: Annotated[int, Field(ge=0, le=100)]
    started_at: str | None
    updated_at: str | None
    message: str


class Champion(Shape):
    """A version that answers."""

    model_id: str
    member: str
    horizon: Literal["1d", "7d", "30d"]
    labels_end: str


class MlState(Shape):
    """Whether machine learning may answer, and what training is doing."""

    enabled: bool
    reason: str
    changed_by: str | None
    changed_at: str | None
    toggles: dict[str, str] = Field(description="Why members and model versions are switched off, by name or id.")
    champions: list[Champion]
    warnings: list[str] = Field(description="Champions that are damaged, and what answers in their place.")
    training: Training


class Rehearsal(Shape):
    """What is broken on purpose, by part, and when it is over by itself."""

    faults: dict[Literal["ml", "cache", "db"], str]
    until: str


class ReadyData(Shape):
    """Classic analysis answers; what else is up."""

    status: Literal["ready"]
    data_name: str
    data_version: str
    as_of: str
    symbols: int
    data_age: dict[str, InputAge]
    ml: MlState
    chaos: Rehearsal | None = Field(description="What `vfr chaos` broke on purpose; null while all is well.")
    timestamp: int


class SearchResult(Shape):
    """A symbol found; `exchange` is null where the data does not know it."""

    symbol: str
    name: str
    exchange: str | None
    type: str
    currency: str
    match_score: Share


class SearchData(Shape):
    """Symbols found, best match first."""

    results: list[SearchResult]
    query: str
    total: int


class HistoryData(Shape):
    """Bars, oldest first: date, open, high, low, close, volume; null where unknown."""

    symbol: str
    adjustment: Literal["raw", "dividend-adjusted"]
    bars: list[tuple[str, float | None, float | None, float | None, float | None, float | None]]
    total: int


class NamedSymbol(Shape):
    """A symbol and its company."""

    symbol: str
    name: str


class SectorData(Shape):
    """The symbols of a sector."""

    sector: str
    symbols: list[NamedSymbol]


class SectorReturns(Shape):
    """Mean total returns of a sector's names, as fractions; null where the data is too short."""

    one_day: float | None
    five_day: float | None
    one_month: float | None
    three_month: float | None
    year_to_date: float | None


class SectorRanking(Shape):
    """A sector at the last session; `relativeStrength` is its three-month return less that of all names."""

    sector: str
    rank: int
    returns: SectorReturns
    relative_strength: float | None
    volatility: float | None
    members: int
    top_symbols: list[str]


class RankingsData(Shape):
    """Sectors, strongest first."""

    rankings: list[SectorRanking]
    as_of: str


class Span(Shape):
    """First training session and last session any label saw."""

    train_start: str
    labels_end: str


class Gates(Shape):
    """Whether a version may be promoted; null if it was never judged, as a walk-forward refit is not."""

    passed: bool | None
    refused: list[str]


class ModelSummary(Shape):
    """A version in the registry."""

    model_id: str
    member: str
    horizon: Literal["1d", "7d", "30d"]
    status: Literal["staged", "shadow", "champion", "retired", "historical"]
    created_at: str
    data_name: str
    data_version: str
    span: Span
    rows: int
    metrics: dict[str, Any] = Field(description="Out-of-fold figures, each with its baseline and 95 % interval.")
    gates: Gates


class ModelsData(Shape):
    """Versions, newest first."""

    models: list[ModelSummary]
    total: int
    next_cursor: str | None
    problems: dict[str, str] = Field(description="Versions whose card cannot be read, and why.")


class ModelData(ModelSummary):
    """A version with its whole card."""

    card: dict[str, Any]
    damaged: str | None = Field(description="Why it would not be served; null if its files are whole.")


class Part(Shape):
    """State of one part, and a sentence about it."""

    status: State
    message: str


class MemberStanding(Shape):
    """Where a member stands at one horizon."""

    weight: Share = Field(description="Share of all weight in the next forecast, health included.")
    health: Share = Field(description="1 fit, 0 benched.")
    reason: str | None = Field(description="Why it is not fit; null where it is.")


class MemberHealth(Shape):
    """How a member answered the last calls of this server, and where it stands, by horizon."""

    calls: int
    failures: int
    failure_rate: Share | None
    p50_ms: float | None = Field(description="Median time of the calls that were answered.")
    p95_ms: float | None
    p99_ms: float | None
    by_status: dict[str, int]
    horizons: dict[str, MemberStanding]


class Engine(Shape):
    """The process that holds the models; what it says of itself is left out where it says nothing."""

    answers: bool
    breaker: Literal["closed", "open", "half-open"] = Field(description="Closed: it is asked; open: it is left alone.")
    pid: int | None = None
    since: int | None = None
    refreshed: int | None = Field(None, description="When it last brought the scoreboard up to date.")
    problem: str | None = Field(None, description="Why it could not, the last time.")
    stage: str | None = Field(None, description="What it is at while it asks members; null while it rests.")


class MlHealthData(Shape):
    """State of machine learning: the worst part decides, unless one still answers."""

    status: State
    parts: dict[str, Part]
    members: dict[str, MemberHealth]
    ml: MlState
    engine: Engine | None = Field(None, description="Absent where no such process runs beside the server.")
    timestamp: int
