"""Analyze stocks. The only function that knows the order of a request: the classic answer first, then what ML adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr import clock
from vfr.factors.board import Board
from vfr.scoring.blend import Blend, blend
from vfr.scoring.composite import Scores, score
from vfr.scoring.confidence import confidence
from vfr.scoring.explain import explain
from vfr.scoring.recommend import recommend
from vfr.scoring.selection import rank, sector_members
from vfr.scoring.table import DEFAULT, ScoreTable
from vfr.typing import FloatArray, IntArray
from vfr.workflows.answer import Answer, Stock, SymbolError
from vfr.workflows.enhancement import Enhancement
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable
from vfr.workflows.metadata import metadata
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.stock import SCORE_DIGITS, factor_lines, factor_scores, quotes

__all__ = ["Progress", "analyze"]

Progress: TypeAlias = Callable[[str, str, int], None]
"""Called with stage, message and percent done."""

ACTIVE_DAYS: Final = 10
"""Calendar days since its last bar after which a symbol no longer stands in its sector's ranking."""


@dataclass(frozen=True, slots=True, eq=False)
class _Classic:
    """The classic part, complete: S symbols that have a score, as columns of the board, scores as they are shown."""

    columns: IntArray
    symbols: tuple[str, ...]
    scores: Scores
    composite: FloatArray


def analyze(
    query: AnalyzeQuery,
    *,
    board_at: Callable[[np.datetime64 | None], Board],
    forecast: Forecaster | None = None,
    table: ScoreTable = DEFAULT,
    request_id: str,
    progress: Progress | None = None,
) -> Answer:
    """Answer a request.

    Parameters
    ----------
    query : AnalyzeQuery
    board_at : callable
        Gives the board of a day's session (None: the latest).
    forecast : Forecaster, optional
        Asked only if the query wants machine learning; without one the answer says ``NO_MODEL``.
    table : ScoreTable
    request_id : str
    progress : callable, optional

    Returns
    -------
    Answer
        With ML off it is the same whatever the state of the models, but for request id and timestamp.

    Raises
    ------
    UnknownSector
        In sector mode, if the data has no such sector.
    NoData
        If nothing is installed, or nothing was known by the day asked for.
    """
    tell = progress or _silent
    tell("data", "Reading the prepared scores", 10)
    board = board_at(query.as_of)
    today = board.as_of if query.as_of is None else max(board.as_of, query.as_of)
    tell("classic", "Scoring", 30)
    classic, errors = _classic(query, board, table)
    ml = None
    if query.include_ml:
        tell("ml", "Asking the models", 60)
        ml = Enhancement.of(_outcome(query, board, forecast), classic.symbols)
    tell("ranking", "Ranking", 80)
    blended = _blended(query, classic, ml)
    order = rank(blended.composite, classic.symbols)
    if query.mode == "sector":
        order = order[: query.limit]
    stocks = _stocks(board, classic, blended, ml, order, table, today)
    about = metadata(query, board, classic.scores, classic.columns, order, request_id=request_id, now=clock.utc_now())
    if ml is not None:
        about.update(ml.metadata([stock.ml for stock in stocks if stock.ml is not None]))
    tell("complete", "Done", 100)
    return Answer(stocks, errors, about)


def _silent(stage: str, message: str, percent: int) -> None:
    """Report nothing."""


def _classic(query: AnalyzeQuery, board: Board, table: ScoreTable) -> tuple[_Classic, tuple[SymbolError, ...]]:
    columns, errors = _requested(query, board)
    scores = score(board, table, columns)
    known = np.isfinite(scores.composite) & np.isfinite(board.price[columns])
    symbols = board.scores.symbols
    if query.mode == "sector":
        known &= (board.as_of - board.last_bar[columns]) <= np.timedelta64(ACTIVE_DAYS, "D")
    else:
        for column in columns[~known].tolist():
            message = f"{symbols[column]}: no price and no input is known on {board.as_of}"
            errors.append(SymbolError(symbols[column], "NO_DATA", message))
    kept, scores = columns[known], scores.take(np.flatnonzero(known))
    # Scores are cut to the digits shown before anything is decided by them, so that what is shown explains it.
    shown = np.round(scores.composite, SCORE_DIGITS)
    return _Classic(kept, tuple(symbols[c] for c in kept.tolist()), scores, shown), tuple(errors)


def _requested(query: AnalyzeQuery, board: Board) -> tuple[IntArray, list[SymbolError]]:
    """Columns of the symbols asked for, and an error for each that the data does not hold."""
    if query.sector is not None:
        return sector_members(board.securities.sector, query.sector), []
    where = {symbol: column for column, symbol in enumerate(board.scores.symbols)}
    found = [where[symbol] for symbol in query.symbols if symbol in where]
    errors = [
        SymbolError(symbol, "UNKNOWN_SYMBOL", f"{symbol}: not in the installed data")
        for symbol in query.symbols
        if symbol not in where
    ]
    return np.array(found, dtype=np.int64), errors


def _outcome(query: AnalyzeQuery, board: Board, forecast: Forecaster | None) -> Forecast | MlUnavailable:
    if forecast is None:
        return MlUnavailable("NO_MODEL", "no model store is attached")
    found = forecast.at(query.as_of, query.ml_horizon, query.ml_models, query.ml_method, query.ml_timeout_ms)
    if not isinstance(found, MlUnavailable) and (found.data_version, found.as_of) != (board.data_version, board.as_of):
        return MlUnavailable("ML_ERROR", "the data changed during the request; ask again")
    return found


def _blended(query: AnalyzeQuery, classic: _Classic, ml: Enhancement | None) -> Blend:
    if ml is None:
        return Blend(classic.composite, np.zeros(classic.composite.size))
    found = blend(classic.composite, ml.score, ml.confidence, query.ml_weight, query.ml_confidence_threshold)
    return Blend(np.round(found.composite, SCORE_DIGITS), found.weight)


def _stocks(
    board: Board,
    classic: _Classic,
    blended: Blend,
    ml: Enhancement | None,
    order: IntArray,
    table: ScoreTable,
    today: np.datetime64,
) -> tuple[Stock, ...]:
    names, columns = board.scores.names, classic.columns
    trust = confidence(classic.scores, board.scores.as_of[:, 0, :][:, columns], today, names, table)
    before = recommend(classic.composite, table)
    after = recommend(blended.composite, table)
    quoted = quotes(board, columns[order])
    lines = factor_lines(board, columns, classic.scores, order)
    factors = factor_scores(classic.scores, order)
    stocks = []
    for n, i in enumerate(order.tolist()):
        column = int(columns[i])
        quote = quoted[n]
        stocks.append(
            Stock(
                symbol=classic.symbols[i],
                name=board.securities.name[column] or classic.symbols[i],
                price=quote.price,
                change=quote.change,
                change_percent=quote.change_percent,
                market_cap=quote.market_cap,
                sector=board.securities.sector[column] or None,
                as_of=quote.day,
                composite=float(blended.composite[i]),
                recommendation=after[i],
                confidence=int(trust[i]),
                coverage=round(float(classic.scores.coverage[i]), SCORE_DIGITS),
                scores=factors[n],
                factors=lines[n],
                reasoning=explain(board, column, classic.scores, i, today),
                classic=float(classic.composite[i]),
                classic_recommendation=before[i],
                ml=None if ml is None else ml.of_symbol(i, float(blended.weight[i])),
                stale=bool(board.last_bar[column] < board.as_of),
            )
        )
    return tuple(stocks)
