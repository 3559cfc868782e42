"""Shapes of predictions alone, as OpenAPI documents them; see `vfr.api.schemas_analyze`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from vfr.api.schemas_analyze import Importance, Predicted
from vfr.api.shapes import Shape, Share

__all__ = ["PredictBody", "PredictData"]

Horizon = Literal["1d", "7d", "30d"]


class PredictBody(BaseModel):
    """What to predict, and how. Unknown fields are ignored; null means absent."""

    symbols: Annotated[list[str], Field(min_length=1, max_length=100)]
    horizon: Literal["1d", "7d", "30d", "1w", "1m"] | None = "7d"
    models: Annotated[list[Literal["lightgbm", "xgboost", "lstm", "linear", "trees"]], Field(min_length=1)] | None = (
        Field(default=None, description="All by default.")
    )
    ensemble_method: Literal["weighted", "voting", "stacking"] | None = "weighted"
    confidence_threshold: Share | None = 0.5
    include_feature_importance: bool | None = False
    as_of: str | None = Field(default=None, description="ISO date: the prediction as it would have been that evening.")
    timeout: Annotated[int, Field(ge=10, le=30_000)] | None = Field(default=1000, description="ms")


class SymbolPrediction(Predicted):
    """A symbol's prediction."""

    symbol: str
    meets_threshold: bool = Field(description="Whether its confidence reaches the threshold asked for.")
    feature_importance: list[Importance] | None = Field(default=None, description="Where it was asked for.")


class PredictFailure(Shape):
    """A symbol without a prediction, and why."""

    symbol: str
    code: str
    message: str


class PredictMetadata(Shape):
    """What the predictions rest on."""

    horizon: Horizon
    count: int
    model_versions: list[str]
    data_version: str | None = None
    as_of: str | None = None
    latency_ms: float | None = None
    from_cache: bool | None = None
    warnings: list[str] | None = None
    request_id: str
    timestamp: int


class PredictData(Shape):
    """Predictions in the order asked for, and the symbols that have none."""

    predictions: list[SymbolPrediction]
    errors: list[PredictFailure]
    metadata: PredictMetadata
