"""The machine-learning part of an answer: a forecast of a universe, seen by the symbols of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final

import numpy as np

from vfr.typing import NEUTRAL_BAND, FloatArray, IntArray
from vfr.workflows.answer import MlPrediction
from vfr.workflows.forecaster import Forecast, MlUnavailable

__all__ = ["Enhancement"]

_NO_FEATURES: Final = MlUnavailable(
    "NO_FEATURES", "this symbol does not trade at that session, or every input of it is unknown"
)


_SEEN: Final = "enhancement"
_FEATURES: Final = "features"


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A forecast as a board sees it: the place of each of the board's symbols in it, and what was made of places."""

    symbols: Sequence[str]
    places: IntArray
    bodies: dict[int, tuple[float, dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True, slots=True, eq=False)
class Enhancement:
    """A forecast, or the reason why there is none, seen by S symbols.

    Parameters
    ----------
    outcome : Forecast or MlUnavailable
    places : int64 array, shape (S,)
        Place of each symbol in the forecast's universe, -1 where it has none.
    bodies : dict
        Score, ``mlPrediction`` and memo by place, as far as they have been asked for.
    """

    outcome: Forecast | MlUnavailable
    places: IntArray
    bodies: dict[int, tuple[float, dict[str, Any], dict[str, Any]]]

    @classmethod
    def of(cls, outcome: Forecast | MlUnavailable, symbols: Sequence[str]) -> Enhancement:
        """Find symbols in a forecast; for the same sequence of them it is done once per forecast."""
        if isinstance(outcome, MlUnavailable):
            return cls(outcome, np.full(len(symbols), -1, dtype=np.int64), {})
        seen = outcome.memo.get(_SEEN)
        if seen is None or seen.symbols is not symbols:
            seen = outcome.memo[_SEEN] = _Seen(symbols, _places(outcome.symbols, symbols), {})
        return cls(outcome, seen.places, seen.bodies)

    @property
    def memo(self) -> dict[str, Any] | None:
        """What is kept with the forecast; None where there is none."""
        return None if isinstance(self.outcome, MlUnavailable) else self.outcome.memo

    @property
    def score(self) -> FloatArray:
        """ML score 0-100 of each symbol, shape (S,); NaN where there is no prediction."""
        return self._taken("score")

    @property
    def confidence(self) -> FloatArray:
        """Confidence 0-1 of each symbol, shape (S,); NaN where there is no prediction."""
        return self._taken("confidence")

    def _taken(self, field: str) -> FloatArray:
        if isinstance(self.outcome, MlUnavailable):
            return np.full(self.places.size, np.nan)
        values: FloatArray = getattr(self.outcome, field)
        return np.where(self.places >= 0, values[np.maximum(self.places, 0)], np.nan)

    def of_symbol(self, place: int, weight: float) -> MlPrediction | MlUnavailable:
        """Render one symbol's prediction, `weight` being its share in the blended score."""
        if isinstance(self.outcome, MlUnavailable):
            return self.outcome
        at = int(self.places[place])
        if at not in self.bodies:
            if at < 0 or not isfinite(self.outcome.score[at]):
                return _NO_FEATURES
            self.bodies[at] = float(self.outcome.score[at]), _body(self.outcome, at), {}
        score, kept, memo = self.bodies[at]
        body = {
            **kept,
            "weightApplied": _rounded(weight),
            "latencyMs": round(self.outcome.latency_ms, 3),
            "fromCache": self.outcome.from_cache,
        }
        return MlPrediction(weight, score, body, memo)

    def metadata(self, shown: Sequence[MlPrediction | MlUnavailable]) -> dict[str, Any]:
        """Return ``mlEnhancement`` and its flat flag for the predictions that are shown."""
        made = [ml for ml in shown if isinstance(ml, MlPrediction)]
        confidences = [float(ml.body["confidence"]) for ml in made]
        summary: dict[str, Any] = {
            "mlEnabled": not (isinstance(self.outcome, MlUnavailable) and self.outcome.code == "DISABLED"),
            "mlAvailable": isinstance(self.outcome, Forecast),
            "mlEnhancementApplied": any(ml.weight > 0 for ml in made),
            "mlFallbackUsed": len(made) < len(shown),
            "mlPredictionsCount": len(made),
            "mlLatency": None,
            "mlAverageConfidence": _mean(confidences),
            "modelVersions": [],
        }
        if isinstance(self.outcome, MlUnavailable):
            summary["reason"] = f"{self.outcome.code}: {self.outcome.message}"
        else:
            summary["mlLatency"] = round(self.outcome.latency_ms, 3)
            summary["modelVersions"] = list(self.outcome.versions)
            summary["smallUniverse"] = self.outcome.small_universe
            if self.outcome.warnings:
                summary["warnings"] = list(self.outcome.warnings)
        return {"mlEnhancement": summary, "mlEnhancementEnabled": bool(made)}


def _places(universe: Sequence[str], symbols: Sequence[str]) -> IntArray:
    """Return the place of each symbol in a universe, -1 where it has none; mostly they are the same."""
    if universe == symbols:
        return np.arange(len(symbols), dtype=np.int64)
    where = {symbol: n for n, symbol in enumerate(universe)}
    return np.array([where.get(symbol, -1) for symbol in symbols], dtype=np.int64)


def _body(forecast: Forecast, at: int) -> dict[str, Any]:
    """Return the ``mlPrediction`` object of the symbol at one place of the universe, as far as all requests share it.

    The others stand in their place as None.
    """
    up, expected = float(forecast.p_up[at]), _rounded(forecast.expected_excess[at])
    versions = forecast.versions
    single = next((m.member for m in forecast.members if m.status == "ok"), "") if len(versions) == 1 else None
    return {
        "modelId": versions[0] if single else f"ensemble({'+'.join(versions)})",
        "modelType": single or "ensemble",
        "horizon": forecast.horizon,
        "direction": _direction(up),
        "prediction": expected,
        "probability": {"up": _rounded(up), "down": _rounded(1.0 - up)},
        "baseRate": _rounded(forecast.base_rate),
        "expectedReturn": expected,
        "expectedReturnIs": "excess over the universe median",
        "interval": {
            "low": _rounded(forecast.low[at]),
            "high": _rounded(forecast.high[at]),
            "level": forecast.level,
        },
        "confidence": _rounded(forecast.confidence[at]),
        "weightApplied": None,
        "mlScore": _rounded(forecast.score[at]),
        "smallUniverse": forecast.small_universe,
        "methodApplied": forecast.method_applied,
        "methodNote": forecast.note,
        "members": [_member(forecast, n, at) for n in range(len(forecast.members))],
        "agreement": _rounded(forecast.agreement[at]),
        "featureImportance": _importance(forecast),
        "latencyMs": None,
        "fromCache": None,
        "timestamp": forecast.computed_at,
    }


def _importance(forecast: Forecast) -> list[dict[str, Any]]:
    """Return the leading features, one list for all symbols."""
    made: list[dict[str, Any]] | None = forecast.memo.get(_FEATURES)
    if made is None:
        made = [
            {"feature": name, "importance": round(share, 6), "scope": "model"} for name, share in forecast.importance
        ]
        forecast.memo[_FEATURES] = made
    return made


def _member(forecast: Forecast, n: int, at: int) -> dict[str, Any]:
    member = forecast.members[n]
    body = {
        "model": member.member,
        "version": member.version,
        "probability": _rounded(member.p_up[at]),
        "weight": _rounded(member.weight[at]),
        "latencyMs": round(member.latency_ms, 3),
        "status": member.status,
    }
    if member.reason is not None:
        body["reason"] = member.reason
    if member.warning is not None:
        body["warning"] = member.warning
    return body


def _mean(values: list[float]) -> float | None:
    if len(values) <= 1:
        return values[0] if values else None
    return _rounded(np.add.reduce(values) / len(values))


def _direction(up: float) -> str:
    if abs(up - 0.5) < NEUTRAL_BAND:
        return "NEUTRAL"
    return "UP" if up > 0.5 else "DOWN"


def _rounded(value: float) -> float | None:
    return round(float(value), 6) if isfinite(value) else None
