"""What analyze answers, typed; ``to_dict`` is the ``data`` object of the contract, keys in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, NotRequired, TypedDict

from vfr.factors.scores import FactorName
from vfr.scoring.explain import Reasoning
from vfr.workflows.forecaster import MlUnavailable

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Answer", "FactorLine", "MlPrediction", "Stock", "SymbolError"]

FACTOR_FIELDS: Final[Mapping[FactorName, str]] = {
    "technical": "technicalScore",
    "fundamental": "fundamentalScore",
    "macro": "macroeconomicScore",
    "sentiment": "sentimentScore",
    "alternative": "alternativeScore",
}
"""Field of each factor's score in the contract."""


class FactorLine(TypedDict):
    """One sub-factor of one stock.

    `weight` is effective: the weights of a stock sum to 1, its contributions to its classic score; both are 0 where
    the score is unknown.
    """

    name: str
    factor: FactorName
    value: float | None
    unit: str
    score: float | None
    weight: float
    contribution: float
    source: str
    asOf: str | None
    reason: NotRequired[str]


@dataclass(frozen=True, slots=True)
class SymbolError:
    """A symbol that could not be analysed."""

    symbol: str
    code: Literal["UNKNOWN_SYMBOL", "NO_DATA"]
    message: str

    def to_dict(self) -> dict[str, str]:
        """Return an entry of ``data.errors``."""
        return {"symbol": self.symbol, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class MlPrediction:
    """A stock's prediction and its weight in the score.

    `body` is the ``mlPrediction`` object of the contract; `memo` as in `Stock`.
    """

    weight: float
    score: float
    body: Mapping[str, Any]
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Stock:
    """One analysed stock. Scores 0-100 (None: unknown), prices USD, `change_percent` in percent.

    `ml` is None when machine learning was not asked for; `stale` tells that the last bar is older than the session.
    `memo` is a place for what is made once of the parts that no blend changes; answers about the same board share it.
    """

    symbol: str
    name: str
    price: float
    change: float | None
    change_percent: float | None
    market_cap: float | None
    sector: str | None
    as_of: str
    composite: float
    recommendation: str
    confidence: int
    coverage: float
    scores: Mapping[FactorName, float | None]
    factors: tuple[FactorLine, ...]
    reasoning: Reasoning
    classic: float
    classic_recommendation: str
    ml: MlPrediction | MlUnavailable | None
    stale: bool = False
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def blended(self, composite: float, recommendation: str, ml: MlPrediction | MlUnavailable) -> Stock:
        """Return this stock with machine learning in it: `dataclasses.replace`, in a third of the time."""
        before, after = _before(self), _after(self)
        values: tuple[Any, ...] = (*before, composite, recommendation, *after, ml, self.stale, self.memo)
        return Stock(*values)

    def to_dict(self) -> dict[str, Any]:
        """Return an entry of ``data.stocks``."""
        body: dict[str, Any] = {
            "symbol": self.symbol,
            "name": self.name,
            "price": self.price,
            "priceChange": self.change,
            "priceChangePercent": self.change_percent,
            "marketCap": self.market_cap,
            "sector": self.sector,
            "asOf": self.as_of,
            "stale": self.stale,
            "compositeScore": self.composite,
            "recommendation": self.recommendation,
            "confidence": self.confidence,
            "coverage": self.coverage,
        }
        body.update({field: self.scores[factor] for factor, field in FACTOR_FIELDS.items()})
        body["factors"] = list(self.factors)
        body["reasoning"] = {
            "primaryFactors": list(self.reasoning.primary_factors),
            "warnings": list(self.reasoning.warnings),
            "opportunities": list(self.reasoning.opportunities),
        }
        if self.ml is not None:
            body["classicScore"] = self.classic
            body["classicRecommendation"] = self.classic_recommendation
            if isinstance(self.ml, MlUnavailable):
                body["mlUnavailable"] = self.ml.to_dict()
            else:
                body["mlPrediction"] = dict(self.ml.body)
        return body


_FIELDS: Final = [one.name for one in fields(Stock)]
_before: Final = attrgetter(*_FIELDS[: _FIELDS.index("composite")])
_after: Final = attrgetter(*_FIELDS[_FIELDS.index("confidence") : _FIELDS.index("ml")])
"""What no blend changes, before and after what it does."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Analysed stocks, best first, the symbols that could not be analysed, and what the answer rests on.

    `metadata` is the contract's object of that name; `memo` is a place for what is made once of an answer that is given
    again.
    """

    stocks: tuple[Stock, ...]
    errors: tuple[SymbolError, ...]
    metadata: Mapping[str, Any]
    memo: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def failed_status(self) -> Literal[404, 503] | None:
        """None if any symbol was answered; else 404 if all of them are unknown, 503 if data is missing."""
        if self.stocks:
            return None
        return 404 if self.errors and all(e.code == "UNKNOWN_SYMBOL" for e in self.errors) else 503

    def to_dict(self) -> dict[str, Any]:
        """Return the ``data`` object of the contract: plain JSON types, no NaN."""
        return {
            "stocks": [stock.to_dict() for stock in self.stocks],
            "errors": [error.to_dict() for error in self.errors],
            "metadata": dict(self.metadata),
        }

    def to_frame(self) -> pl.DataFrame:
        """Return one row per stock: quote, scores, recommendation; ``mlScore`` and ``mlWeight`` null without ML."""
        import polars as pl

        rows = []
        for stock in self.stocks:
            row = {k: v for k, v in stock.to_dict().items() if not isinstance(v, (list, dict))}
            prediction = stock.ml if isinstance(stock.ml, MlPrediction) else None
            row["mlScore"] = prediction.score if prediction else None
            row["mlWeight"] = prediction.weight if prediction else None
            rows.append(row)
        return pl.DataFrame(rows, infer_schema_length=None)
