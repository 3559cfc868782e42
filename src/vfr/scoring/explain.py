"""Why a stock has its score, in sentences made from the figures themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from math import isnan
from typing import Final

import numpy as np

from vfr.factors.board import Board
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES, FactorName, Reason, SubFactor
from vfr.scoring.composite import Scores

__all__ = ["Reasoning", "explain", "label"]

LEADING: Final = 3
RISING: Final = 2
UNSEEN: Final = 0.005
"""Points that would be printed as 0.0."""
STRONG: Final = 70.0
WEAK: Final = 30.0
LOW_COVERAGE: Final = 0.5
WIDE_SPREAD: Final = 50.0
STALE_DAYS: Final = 5
"""Calendar days a date asked for may lie behind the last session before it is said: a long weekend is no gap."""

_ABBREVIATIONS: Final = frozenset(
    {"adx", "ebitda", "ema", "ev", "macd", "obv", "roa", "roc", "roe", "rsi", "sma", "vix", "vwap"}
)

_WHY: Final[Mapping[Reason, str]] = {
    Reason.NO_INPUT: "the data set holds no such input",
    Reason.NO_HISTORY: "too few sessions of history",
    Reason.STALE: "its inputs are too old (STALE)",
    Reason.NOT_COVERED: "the input does not cover this symbol",
    Reason.UNUSABLE: "its inputs cannot be used",
    Reason.SMALL_PEER_GROUP: "too few peers to compare with",
}


@dataclass(frozen=True, slots=True)
class Reasoning:
    """Sentences for people, the weightiest first."""

    primary_factors: tuple[str, ...]
    warnings: tuple[str, ...]
    opportunities: tuple[str, ...]


@cache
def label(name: str) -> str:
    """Return a sub-factor's name as people write it.

    Examples
    --------
    >>> label("technical.trend.price_vs_sma_200")
    'price vs SMA 200 (trend)'
    """
    _, group, item = name.split(".", 2)
    words = " ".join(word.upper() if word in _ABBREVIATIONS else word for word in item.split("_"))
    return f"{words} ({group})"


def explain(
    board: Board,
    column: int,
    scores: Scores,
    place: int,
    today: np.datetime64,
    sub_factors: Mapping[str, SubFactor] = SUB_FACTORS,
) -> Reasoning:
    """Explain the classic score of one symbol.

    Parameters
    ----------
    board : Board
    column : int
        The symbol's column on the board.
    scores : Scores
    place : int
        The symbol's place among those of `scores`.
    today : datetime64[D]
        The day asked for; later than the board's session where the data ends earlier.
    sub_factors : mapping
    """
    names = board.scores.names
    points = board.scores.score[:, 0, column]
    pulls = scores.contributions[:, place] - 50.0 * scores.weights[:, place]
    factors = dict(zip(FACTOR_NAMES, scores.factors[:, place].tolist(), strict=True))
    by_size = np.argsort(-np.abs(pulls), kind="stable")[:LEADING].tolist()
    best = np.argsort(-pulls, kind="stable")[:RISING].tolist()
    return Reasoning(
        primary_factors=tuple(
            _moved(sub_factors[names[k]], points[k], pulls[k]) for k in by_size if abs(pulls[k]) > UNSEEN
        ),
        warnings=(
            *_stale(board, column, today),
            *_missing(board, column, factors, sub_factors),
            *_weak(factors, float(scores.coverage[place])),
            *_survivors(board),
        ),
        opportunities=(
            *(f"The {name} score is strong: {value:.0f} of 100" for name, value in factors.items() if value >= STRONG),
            *(f"{_sentence(label(names[k]))} stands at {points[k]:.0f} of 100" for k in best if points[k] >= STRONG),
        ),
    )


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moved(entry: SubFactor, points: float, pull: float) -> str:
    name = label(entry.name)
    direction = "lifts" if pull > 0 else "lowers"
    return f"{entry.factor.capitalize()}: {name} at {points:.0f} of 100 {direction} the score by {abs(pull):.1f}"


def _stale(board: Board, column: int, today: np.datetime64) -> list[str]:
    last, found = board.last_bar[column], []
    if last < board.as_of:
        found.append(f"No price since {last}: delisted, suspended or missing; the last one known is used")
    behind = int((today - board.as_of).astype("timedelta64[D]").astype(np.int64))
    if behind > STALE_DAYS:
        found.append(f"The data ends on {board.as_of}, {behind} days before the day asked for")
    return found


def _missing(
    board: Board, column: int, factors: Mapping[FactorName, float], sub_factors: Mapping[str, SubFactor]
) -> list[str]:
    missing = [name for name, value in factors.items() if isnan(value)]
    reasons = board.scores.reason[:, 0, column].tolist() if missing else []
    return [f"No {name} score: {_why(reasons, board.scores.names, name, sub_factors)}" for name in missing]


def _why(reasons: Sequence[int], names: Sequence[str], factor: FactorName, sub_factors: Mapping[str, SubFactor]) -> str:
    """Phrase the reason that most of the factor's weight has; an input that is stale says more than one never had."""
    weight = dict.fromkeys(_WHY, 0.0)
    for name, code in zip(names, reasons, strict=True):
        if sub_factors[name].factor == factor and code:
            weight[Reason(code)] += sub_factors[name].weight
    if weight[Reason.STALE] > 0:
        return _WHY[Reason.STALE]
    leading = max(weight, key=weight.__getitem__)
    return _WHY[leading if weight[leading] > 0 else Reason.NO_INPUT]


def _weak(factors: Mapping[FactorName, float], coverage: float) -> list[str]:
    found = [f"The {name} score is weak: {value:.0f} of 100" for name, value in factors.items() if value <= WEAK]
    if coverage < LOW_COVERAGE:
        found.append(f"Only {coverage:.0%} of the score's weight is known")
    known = [value for value in factors.values() if not isnan(value)]
    if known and max(known) - min(known) >= WIDE_SPREAD:
        found.append("The factors disagree widely")
    return found


def _survivors(board: Board) -> list[str]:
    membership = board.inputs.get("membership")
    if membership is not None and membership.available:
        return []
    return ["Index membership is unknown: these symbols may all be survivors, which flatters their history"]
