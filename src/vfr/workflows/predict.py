"""Predictions alone: what machine learning says of some symbols, without the classic score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from vfr.errors import InvalidField, UnsupportedHorizon
from vfr.workflows.answer import MlPrediction
from vfr.workflows.enhancement import Enhancement
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable
from vfr.workflows.query import AnalyzeQuery

__all__ = ["PredictQuery", "Predicted", "predict"]

_FIELDS: Final[Mapping[str, str]] = {
    "symbols": "symbols",
    "as_of": "as_of",
    "horizon": "ml_horizon",
    "models": "ml_models",
    "ensemble_method": "ml_method",
    "confidence_threshold": "ml_confidence_threshold",
    "timeout": "ml_timeout",
}
"""Fields of this request and what analysis calls them: one parser reads both."""

_ASKED: Final = {theirs: ours for ours, theirs in _FIELDS.items()}
_ELSEWHERE: Final = frozenset({"weightApplied", "featureImportance"})
"""Of a prediction inside an analysis: there is no score here to weigh in, and importance is given when asked for."""


@dataclass(frozen=True, slots=True)
class PredictQuery:
    """A checked request.

    Parameters
    ----------
    asked : AnalyzeQuery
        The same question put to an analysis.
    importance : bool
        Whether the leading features are listed.

    Examples
    --------
    >>> query = PredictQuery.parse({"symbols": ["aapl"], "horizon": "1w", "include_feature_importance": True})
    >>> query.asked.symbols, query.asked.ml_horizon, query.importance
    (('AAPL',), '7d', True)
    """

    asked: AnalyzeQuery
    importance: bool

    @classmethod
    def parse(cls, body: Mapping[str, object]) -> PredictQuery:
        """Check a request body; unknown fields are ignored, and null means absent.

        Raises
        ------
        InvalidField
            Naming the first field that is wrong, and how to mend it. `UnsupportedHorizon` for ``horizon``.
        """
        if not isinstance(body, Mapping):
            raise InvalidField("body", "must be a JSON object")
        importance = body.get("include_feature_importance")
        if importance is not None and not isinstance(importance, bool):
            raise InvalidField("include_feature_importance", "must be true or false, without quotes")
        renamed = {theirs: body.get(ours) for ours, theirs in _FIELDS.items()}
        try:
            asked = AnalyzeQuery.parse({"mode": "multiple", "include_ml": True, **renamed})
        except InvalidField as error:
            problem = error.message.removeprefix(f"{error.field}: ")
            kind = UnsupportedHorizon if isinstance(error, UnsupportedHorizon) else InvalidField
            raise kind(_ASKED.get(error.field, error.field), problem) from None
        return cls(asked, bool(importance))


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions in the order asked for, and why the others have none.

    `predictions` and `errors` are plain JSON types; `outcome` is the forecast they are of, or why there is none.
    """

    predictions: tuple[Mapping[str, Any], ...]
    errors: tuple[Mapping[str, str], ...]
    outcome: Forecast | MlUnavailable
    horizon: str

    def to_dict(self) -> dict[str, Any]:
        """Return the ``data`` object of the answer."""
        metadata: dict[str, Any] = {"horizon": self.horizon, "count": len(self.predictions), "modelVersions": []}
        if isinstance(self.outcome, Forecast):
            metadata |= {
                "modelVersions": list(self.outcome.versions),
                "dataVersion": self.outcome.data_version,
                "asOf": str(self.outcome.as_of),
                "latencyMs": round(self.outcome.latency_ms, 3),
                "fromCache": self.outcome.from_cache,
                "warnings": list(self.outcome.warnings),
            }
        return {"predictions": list(self.predictions), "errors": list(self.errors), "metadata": metadata}


def predict(
    query: PredictQuery, universe: Sequence[str], forecaster: Forecaster, *, waiting: bool = True
) -> Predicted | None:
    """Answer a request: one look at the universe's forecast, however many symbols.

    Parameters
    ----------
    query : PredictQuery
    universe : sequence of str
        Symbols of the installed data.
    forecaster : Forecaster
    waiting : bool
        Whether the forecast may be waited for; otherwise None is returned where it would have to be.
    """
    asked = query.asked
    which = asked.as_of, asked.ml_horizon, asked.ml_models, asked.ml_method
    outcome: Forecast | MlUnavailable | None = asked.ml_refused
    if outcome is None:
        outcome = forecaster.at(*which, asked.ml_timeout_ms) if waiting else forecaster.ready(*which)
    if outcome is None:
        return None
    seen, known = Enhancement.of(outcome, universe), {symbol: place for place, symbol in enumerate(universe)}
    predictions: list[Mapping[str, Any]] = []
    errors: list[Mapping[str, str]] = []
    for symbol in asked.symbols:
        if symbol not in known:
            errors.append(_error(symbol, "UNKNOWN_SYMBOL", f"{symbol}: not in the installed data"))
            continue
        found = seen.of_symbol(known[symbol], 0.0)
        if isinstance(found, MlPrediction):
            predictions.append(_prediction(symbol, found, query))
        else:
            errors.append(_error(symbol, found.code, found.message))
    return Predicted(tuple(predictions), tuple(errors), outcome, asked.ml_horizon)


def _prediction(symbol: str, found: MlPrediction, query: PredictQuery) -> dict[str, Any]:
    body = {key: value for key, value in found.body.items() if key not in _ELSEWHERE}
    confidence = body["confidence"]
    sure = confidence is not None and confidence >= query.asked.ml_confidence_threshold
    more = {"featureImportance": found.body["featureImportance"]} if query.importance else {}
    return {"symbol": symbol, **body, "meetsThreshold": sure, **more}


def _error(symbol: str, code: str, message: str) -> dict[str, str]:
    return {"symbol": symbol, "code": code, "message": message}
