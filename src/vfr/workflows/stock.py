"""One analysed stock, rendered from a board and its scores: figures rounded, NaN to None, dates to text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from vfr.factors.board import Board
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import FACTOR_NAMES, FactorName, Reason, SubFactor
from vfr.scoring.composite import Scores
from vfr.typing import FloatArray, IntArray
from vfr.workflows.answer import FactorLine

__all__ = ["SCORE_DIGITS", "Quote", "factor_lines", "factor_scores", "quotes"]

SCORE_DIGITS: Final = 8
"""Decimals of scores, weights and contributions: the contributions of a stock sum to its score well within 1e-6."""

PRICE_DIGITS: Final = 6

_REASONS: Final = tuple(reason.name for reason in Reason)


class Quote(NamedTuple):
    """Last close of a symbol and what is known beside it; USD, `change_percent` in percent, `day` an ISO date."""

    price: float
    change: float | None
    change_percent: float | None
    market_cap: float | None
    day: str


def figures(values: FloatArray, digits: int) -> list[float | None]:
    """Return rounded values, None where unknown."""
    return [None if value != value else value for value in np.round(values, digits).tolist()]  # noqa: PLR0124 (NaN)


def factor_lines(
    board: Board, scores: Scores, columns: IntArray, sub_factors: Mapping[str, SubFactor] = SUB_FACTORS
) -> list[tuple[FactorLine, ...]]:
    """Return for each symbol wanted its sub-factors in published order.

    Parameters
    ----------
    board : Board
    scores : Scores
        Of the whole board.
    columns : int64 array, shape (S,)
        The symbols wanted.
    sub_factors : mapping
    """
    held = board.scores
    entries = [sub_factors[name] for name in held.names]
    values = held.value[:, 0, :][:, columns].T.tolist()
    points = np.round(held.score[:, 0, :][:, columns].T, SCORE_DIGITS).tolist()
    weights = np.round(scores.weights[:, columns].T, SCORE_DIGITS).tolist()
    contributions = np.round(scores.contributions[:, columns].T, SCORE_DIGITS).tolist()
    reasons = held.reason[:, 0, :][:, columns].T.tolist()
    dates = np.datetime_as_string(held.as_of[:, 0, :][:, columns].T, unit="D").tolist()
    stacked = zip(values, points, weights, contributions, dates, reasons, strict=True)
    return [tuple(map(_line, entries, *rows)) for rows in stacked]


def _line(
    entry: SubFactor, value: float, points: float, weight: float, contribution: float, day: str, reason: int
) -> FactorLine:
    known = points == points  # noqa: PLR0124 (not NaN)
    line: FactorLine = {
        "name": entry.name,
        "factor": entry.factor,
        "value": value if abs(value) < np.inf else None,
        "unit": entry.unit,
        "score": points if known else None,
        "weight": weight,
        "contribution": contribution,
        "source": entry.source,
        "asOf": None if day == "NaT" else day,
    }
    if not known:
        line["reason"] = _REASONS[reason]
    return line


def factor_scores(scores: Scores, columns: IntArray) -> list[dict[FactorName, float | None]]:
    """Return the five factor scores of each symbol wanted, `scores` being those of the whole board."""
    rows = [figures(scores.factors[:, column], SCORE_DIGITS) for column in columns.tolist()]
    return [dict(zip(FACTOR_NAMES, row, strict=True)) for row in rows]


def quotes(board: Board, columns: IntArray) -> list[Quote]:
    """Return the quote of each column of a board."""
    price, change = board.price[columns], board.change[columns]
    return list(
        map(
            Quote,
            np.round(price, PRICE_DIGITS).tolist(),
            figures(change, PRICE_DIGITS),
            figures(100.0 * change / (price - change), PRICE_DIGITS),
            figures(board.scores.market_cap[0, columns], 2),
            np.datetime_as_string(board.last_bar[columns], unit="D").tolist(),
        )
    )
