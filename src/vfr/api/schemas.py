"""Shapes of the contract, as OpenAPI documents them. Fields may be added; none is renamed, retyped or dropped.

Answers are rendered from the workflows' own types; these models describe them, and the tests hold answers to them.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = [
    "AnalyzeBody",
    "AnalyzeData",
    "Failure",
    "HealthData",
    "HistoryData",
    "MlHealthData",
    "ModelData",
    "ModelsData",
    "ReadyData",
    "SearchData",
    "SectorData",
    "StatusData",
    "Success",
]

_D = TypeVar("_D")

Score = Annotated[float, Field(ge=0, le=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Recommendation = Literal["STRONG_BUY", "BUY", "MODERATE_BUY", "HOLD", "MODERATE_SELL", "SELL", "STRONG_SELL"]
State = Literal["healthy", "degraded", "unhealthy"]


class _Shape(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Failure(_Shape):
    """Every error body."""

    success: Literal[False]
    error: str = Field(description="One sentence: what is wrong and how to mend it.")
    code: str = Field(description="Stable name of the error.")
    request_id: str
    field: str | None = Field(default=None, description="The field that is wrong, where one is.")
    errors: list[SymbolFailure] | None = Field(default=None, description="Per symbol, where every symbol failed.")


class SymbolFailure(_Shape):
    """A symbol that could not be analysed."""

    symbol: str
    code: Literal["UNKNOWN_SYMBOL", "NO_DATA"]
    message: str


class Success(_Shape, Generic[_D]):
    """Every good answer."""

    success: Literal[True]
    data: _D


class RequestConfig(BaseModel):
    """Preferences of a client; `symbol` wins over `symbols` in single mode."""

    symbol: str | None = None
    preferredDataSources: list[str] | None = None  # noqa: N815 (a name of the contract)
    timeout: Annotated[float, Field(gt=0, description="ms")] | None = None


class AnalyzeBody(BaseModel):
    """What to analyse, and how. Unknown fields are ignored; null means absent."""

    mode: Literal["single", "sector", "multiple"]
    symbols: Annotated[list[str], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Required for single and multiple. BRK.B and BRK-B are the same."
    )
    sector: Annotated[str, Field(min_length=1, max_length=256)] | None = Field(
        default=None, description="GICS sector name or code, any case, spaces or hyphens. Required for sector."
    )
    limit: Annotated[int, Field(ge=1, le=50)] | None = Field(default=10, description="Cuts sector mode only.")
    as_of: str | None = Field(default=None, description="ISO date: the answer as it would have been that evening.")
    config: RequestConfig | None = None
    include_ml: bool | None = False
    ml_horizon: Literal["1d", "7d", "30d", "1w", "1m"] | None = "7d"
    ml_confidence_threshold: Share | None = 0.5
    ml_weight: Share | None = 0.15
    ml_models: (
        Annotated[list[Literal["lightgbm", "xgboost", "lstm", "linear", "trees"]], Field(min_length=1)] | None
    ) = Field(default=None, description="All by default.")
    ml_method: Literal["weighted", "voting", "stacking"] | None = "weighted"
    ml_timeout: Annotated[int, Field(ge=10, le=30_000)] | None = Field(default=1000, description="ms")
    sessionId: Annotated[str, Field(max_length=256)] | None = None  # noqa: N815 (a name of the contract)


class FactorLine(_Shape):
    """One sub-factor. Effective weights of a stock sum to 1, contributions to its classic score."""

    name: str
    factor: Literal["technical", "fundamental", "macro", "sentiment", "alternative"]
    value: float | None
    unit: str
    score: Score | None
    weight: Share
    contribution: float
    source: str
    as_of: str | None
    reason: str | None = Field(default=None, description="Why the score is null.")


class Reasoning(_Shape):
    """Sentences for people, strongest first."""

    primary_factors: list[str]
    warnings: list[str]
    opportunities: list[str]


class Probability(_Shape):
    """Calibrated probabilities of a return above zero, and not above."""

    up: Share
    down: Share


class Interval(_Shape):
    """Conformal interval of the excess return, fractions."""

    low: float | None
    high: float | None
    level: Share


class Member(_Shape):
    """One ensemble member."""

    model: str
    version: str | None
    probability: Share | None
    weight: Share | None
    latency_ms: float
    status: str
    reason: str | None = None


class Importance(_Shape):
    """A feature's share of the gain."""

    feature: str
    importance: float
    scope: str


class MlPrediction(_Shape):
    """A stock's prediction; returns are fractions."""

    model_id: str
    model_type: str
    horizon: Literal["1d", "7d", "30d"]
    direction: Literal["UP", "DOWN", "NEUTRAL"]
    prediction: float | None
    probability: Probability
    base_rate: Share | None
    expected_return: float | None
    expected_return_is: str
    interval: Interval
    confidence: Share | None
    weight_applied: Share
    ml_score: Score | None
    small_universe: bool
    method_applied: str
    method_note: str | None
    members: list[Member]
    agreement: Share | None
    feature_importance: list[Importance]
    latency_ms: float
    from_cache: bool
    timestamp: int


class MlUnavailable(_Shape):
    """Why there is no prediction."""

    code: Literal[
        "TRAINING", "NO_MODEL", "NO_MODEL_AS_OF", "DISABLED", "TIMEOUT", "ARTIFACT_CORRUPT", "ML_ERROR",
        "NO_FEATURES", "UNKNOWN_MEMBER",
    ]  # fmt: skip
    message: str


class Stock(_Shape):
    """An analysed stock; a score that is not known is null, never 0."""

    symbol: str
    name: str
    price: float
    price_change: float | None
    price_change_percent: float | None
    market_cap: float | None
    sector: str | None
    as_of: str
    composite_score: Score
    recommendation: Recommendation
    confidence: Annotated[int, Field(ge=0, le=100)]
    coverage: Share
    technical_score: Score | None
    fundamental_score: Score | None
    macroeconomic_score: Score | None
    sentiment_score: Score | None
    alternative_score: Score | None
    stale: bool = Field(description="Its newest price is older than the data's newest session.")
    factors: list[FactorLine]
    reasoning: Reasoning
    classic_score: Score | None = Field(default=None, description="Only with machine learning asked for.")
    classic_recommendation: Recommendation | None = None
    ml_prediction: MlPrediction | None = None
    ml_unavailable: MlUnavailable | None = None


class InputService(_Shape):
    """Whether an input took part, and with what mean weight."""

    enabled: bool
    status: str
    weight: Share


class MlEnhancement(_Shape):
    """What machine learning did to the answer."""

    ml_enabled: bool
    ml_available: bool
    ml_enhancement_applied: bool
    ml_fallback_used: bool
    ml_predictions_count: int
    ml_latency: float | None
    ml_average_confidence: Share | None
    model_versions: list[str]
    reason: str | None = None
    small_universe: bool | None = None


class Metadata(_Shape):
    """What the answer rests on."""

    mode: Literal["single", "sector", "multiple"]
    count: int
    timestamp: int = Field(description="epoch ms")
    sources: list[str]
    request_id: str
    data_version: str
    data_name: str
    as_of: str
    analysis_input_services: dict[str, InputService]
    technical_analysis_enabled: bool
    fundamental_data_enabled: bool
    analyst_data_enabled: bool
    sentiment_analysis_enabled: bool
    macroeconomic_analysis_enabled: bool
    esg_analysis_enabled: bool
    short_interest_analysis_enabled: bool
    extended_market_data_enabled: bool
    price_adjustment: Literal["raw", "dividend-adjusted"]
    ml_enhancement: MlEnhancement | None = None
    ml_enhancement_enabled: bool | None = None


class AnalyzeData(_Shape):
    """Stocks, best score first; symbols that could not be analysed; what the answer rests on."""

    stocks: list[Stock]
    errors: list[SymbolFailure]
    metadata: Metadata


class ServiceStatus(_Shape):
    """An input of the analysis."""

    available: bool
    source: str
    newest: str | None


class StatusData(_Shape):
    """State of analysis: `services` by kind of input."""

    status: Literal["operational"]
    services: dict[str, ServiceStatus]
    data_version: str
    as_of: str
    timestamp: int


class HealthData(_Shape):
    """The process answers."""

    status: Literal["alive"]
    version: str
    timestamp: int


class Training(_Shape):
    """A training run; `progress` is 0-100."""

    state: Literal["idle", "running", "finished", "failed", "interrupted"]
    stage: str
    progress: Annotated[int, Field(ge=0, le=100)]
    started_at: str | None
    updated_at: str | None
    message: str


class Champion(_Shape):
    """A version that answers."""

    model_id: str
    member: str
    horizon: Literal["1d", "7d", "30d"]
    labels_end: str


class MlState(_Shape):
    """Whether machine learning may answer, and what training is doing."""

    enabled: bool
    reason: str
    changed_by: str | None
    changed_at: str | None
    champions: list[Champion]
    training: Training


class ReadyData(_Shape):
    """Classic analysis answers; what else is up."""

    status: Literal["ready"]
    data_name: str
    data_version: str
    as_of: str
    symbols: int
    ml: MlState
    timestamp: int


class SearchResult(_Shape):
    """A symbol found; `exchange` is null where the data does not know it."""

    symbol: str
    name: str
    exchange: str | None
    type: str
    currency: str
    match_score: Share


class SearchData(_Shape):
    """Symbols found, best match first."""

    results: list[SearchResult]
    query: str
    total: int


class HistoryData(_Shape):
    """Bars, oldest first: date, open, high, low, close, volume; null where unknown."""

    symbol: str
    adjustment: Literal["raw", "dividend-adjusted"]
    bars: list[tuple[str, float | None, float | None, float | None, float | None, float | None]]
    total: int


class NamedSymbol(_Shape):
    """A symbol and its company."""

    symbol: str
    name: str


class SectorData(_Shape):
    """The symbols of a sector."""

    sector: str
    symbols: list[NamedSymbol]


class Span(_Shape):
    """First training session and last session any label saw."""

    train_start: str
    labels_end: str


class ModelSummary(_Shape):
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
    metrics: dict[str, Any] = Field(description="Out-of-fold figures with their baselines.")


class ModelsData(_Shape):
    """Versions, newest first."""

    models: list[ModelSummary]
    total: int
    next_cursor: str | None


class ModelData(ModelSummary):
    """A version with its whole card."""

    card: dict[str, Any]


class Part(_Shape):
    """State of one part, and a sentence about it."""

    status: State
    message: str


class MlHealthData(_Shape):
    """State of machine learning: the worst part decides, unless one still answers."""

    status: State
    parts: dict[str, Part]
    ml: MlState
    timestamp: int
