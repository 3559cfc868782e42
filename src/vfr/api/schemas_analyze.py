"""Shapes of analysis, as OpenAPI documents them. Fields may be added; none is renamed, retyped or dropped.

Answers are rendered from the workflows' own types; these models describe them, and the tests hold answers to them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from vfr.api.shapes import InputAge, Score, Shape, Share, SymbolFailure

__all__ = ["AnalyzeBody", "AnalyzeData"]

Recommendation = Literal["STRONG_BUY", "BUY", "MODERATE_BUY", "HOLD", "MODERATE_SELL", "SELL", "STRONG_SELL"]


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


class FactorLine(Shape):
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


class Reasoning(Shape):
    """Sentences for people, strongest first."""

    primary_factors: list[str]
    warnings: list[str]
    opportunities: list[str]


class Probability(Shape):
    """Calibrated probabilities of a return above zero, and not above."""

    up: Share
    down: Share


class Interval(Shape):
    """Conformal interval of the excess return, fractions."""

    low: float | None
    high: float | None
    level: Share


class Member(Shape):
    """One ensemble member."""

    model: str
    version: str | None
    probability: Share | None
    weight: Share | None
    latency_ms: float
    status: str
    reason: str | None = None
    warning: str | None = Field(default=None, description="Where an earlier version answers for a damaged champion.")


class Importance(Shape):
    """A feature's share of the gain."""

    feature: str
    importance: float
    scope: str


class Predicted(Shape):
    """What is predicted of a stock, wherever it is told; returns are fractions."""

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
    ml_score: Score | None
    small_universe: bool
    method_applied: str
    method_note: str | None
    members: list[Member]
    agreement: Share | None
    latency_ms: float
    from_cache: bool
    timestamp: int


class MlPrediction(Predicted):
    """A stock's prediction, and its weight in the score."""

    weight_applied: Share
    feature_importance: list[Importance]


class MlUnavailable(Shape):
    """Why there is no prediction."""

    code: Literal[
        "TRAINING", "NO_MODEL", "NO_MODEL_AS_OF", "DISABLED", "TIMEOUT", "ARTIFACT_CORRUPT", "ML_ERROR",
        "NO_FEATURES", "UNKNOWN_MEMBER", "ML_QUOTA", "EXPERIMENT",
    ]  # fmt: skip
    message: str


class Stock(Shape):
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


class InputService(Shape):
    """Whether an input took part, and with what mean weight."""

    enabled: bool
    status: str
    weight: Share


class MlEnhancement(Shape):
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
    warnings: list[str] | None = Field(
        default=None, description="Members that an earlier version answers for, because the champion is damaged."
    )


class Dealt(Shape):
    """An experiment that has a say in the answer, and the arm the caller is in."""

    id: str
    arm: Literal["classic", "ml", "shadow"]


class Metadata(Shape):
    """What the answer rests on."""

    mode: Literal["single", "sector", "multiple"]
    count: int
    timestamp: int = Field(description="epoch ms")
    sources: list[str]
    request_id: str
    data_version: str
    data_name: str
    as_of: str
    data_age: dict[str, InputAge] = Field(
        description="By input; on the evening of `asOf` for an answer about the past."
    )
    warnings: list[str] = Field(description="Inputs that are too old.")
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
    experiment: Dealt | None = None
    ml_enhancement: MlEnhancement | None = None
    ml_enhancement_enabled: bool | None = None


class AnalyzeData(Shape):
    """Stocks, best score first; symbols that could not be analysed; what the answer rests on."""

    stocks: list[Stock]
    errors: list[SymbolFailure]
    metadata: Metadata
