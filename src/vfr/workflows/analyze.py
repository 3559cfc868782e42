"""Analyze stocks. The only function that knows the order of a request: the classic answer first, then what ML adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from vfr import clock
from vfr.factors.board import Board
from vfr.scoring.table import DEFAULT, ScoreTable
from vfr.workflows.answer import Answer, Stock, SymbolError
from vfr.workflows.enhancement import Enhancement
from vfr.workflows.forecaster import Forecast, Forecaster, MlUnavailable
from vfr.workflows.metadata import metadata
from vfr.workflows.prepared import Prepared, PreparedBoards, Ranking
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.repeated import GivenAnswers, Repeated

__all__ = ["Progress", "analyze", "ready"]

Progress: TypeAlias = Callable[[str, str, int], None]
"""Called with stage, message and percent done."""

UNMADE: Final = 4
"""Stocks that may still have to be made of the board where nobody may wait: each takes a quarter of a millisecond."""


def analyze(
    query: AnalyzeQuery,
    *,
    board_at: Callable[[np.datetime64 | None], Board],
    forecast: Forecaster | None = None,
    table: ScoreTable = DEFAULT,
    request_id: str,
    progress: Progress | None = None,
    prepare: Callable[[Board, ScoreTable, np.datetime64], Prepared] = Prepared,
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
    prepare : callable
        Gives the board prepared under the table for the day asked for; prepared anew by default.

    Returns
    -------
    Answer
        With ML off it is the same whatever the state of the models, but for request id and timestamp.

    Raises
    ------
    UnknownSector
        In sector mode, if the data has no such sector.
    NoData
        If nothing is installed.
    InvalidField
        If the day asked for is before the first session.
    """
    tell = progress or _silent
    tell("data", "Reading the prepared scores", 10)
    board = board_at(query.as_of)
    tell("classic", "Scoring", 30)
    held = prepare(board, table, _today(query, board))
    columns, errors = _requested(query, held)
    ranking, ml = held.classic, None
    if query.include_ml:
        tell("ml", "Asking the models", 60)
        if query.mode != "sector":  # Of a sector it is not known yet who is shown; these are made while others compute.
            held.stocks(columns)
        ml = Enhancement.of(_outcome(query, board, forecast), board.scores.symbols)
        ranking = held.blended(ml, query.ml_weight, query.ml_confidence_threshold)
    tell("ranking", "Ranking", 80)
    columns.sort(key=ranking.place.__getitem__)
    if query.mode == "sector":
        del columns[query.limit :]
    stocks = held.stocks(columns)
    if ml is not None:
        stocks = [_enhanced(*pair, ranking, ml) for pair in zip(stocks, columns, strict=True)]
    about = metadata(query, held, columns, request_id=request_id, now=clock.utc_now())
    if ml is not None:
        about.update(ml.metadata([stock.ml for stock in stocks if stock.ml is not None]))
    tell("complete", "Done", 100)
    return Answer(tuple(stocks), tuple(errors), about)


def ready(
    query: AnalyzeQuery,
    *,
    board: Board,
    forecast: Forecaster,
    table: ScoreTable,
    request_id: str,
    prepared: PreparedBoards,
    given: GivenAnswers,
) -> Answer | Repeated | None:
    """Answer a request as `analyze` does if that takes no waiting, else return None.

    An answer that was given to the same question about the latest session is given again.

    Parameters
    ----------
    query : AnalyzeQuery
    board : Board
        Of the day asked for.
    forecast : Forecaster
    table : ScoreTable
    request_id : str
    prepared : PreparedBoards
    given : GivenAnswers

    Raises
    ------
    UnknownSector
        In sector mode, if the data has no such sector.
    """
    held = prepared.ready(board, table, _today(query, board))
    if held is None:
        return None
    found = None
    if query.include_ml:
        found = query.ml_refused or forecast.ready(query.as_of, query.ml_horizon, query.ml_models, query.ml_method)
        if found is None:
            return None
    now = clock.utc_now()
    age = held.ages.at(now)  # Before the answer is made: where it is of another quarter of an hour, it is not found.
    first = given.find(held, query, found, age) if query.as_of is None else None
    if first is not None:
        latency = round(found.latency_ms, 3) if isinstance(found, Forecast) else None
        return Repeated(first, request_id, int(now.timestamp() * 1_000), latency)
    if (found is not None and not _of_board(found, board)) or _unmade(query, held) > UNMADE:
        return None
    answer = analyze(
        query,
        board_at=lambda _: board,
        forecast=None if found is None else _Given(found),
        table=table,
        request_id=request_id,
        prepare=lambda *_: held,
    )
    if query.as_of is None:
        given.keep(held, query, found, age, answer)
    return answer


@dataclass(frozen=True, slots=True)
class _Given:
    """A forecaster that was asked already."""

    found: Forecast | MlUnavailable

    def at(self, *_: object) -> Forecast | MlUnavailable:
        """Return what it answered."""
        return self.found

    ready = at


def _silent(stage: str, message: str, percent: int) -> None:
    """Report nothing."""


def _today(query: AnalyzeQuery, board: Board) -> np.datetime64:
    """Return the day asked for, which may be later than the data's last session."""
    return board.as_of if query.as_of is None else max(board.as_of, query.as_of)


def _requested(query: AnalyzeQuery, held: Prepared) -> tuple[list[int], list[SymbolError]]:
    """Columns of the symbols that are asked for and have an answer, and an error for each that has none."""
    if query.sector is not None:
        return list(held.sector(query.sector)), []
    columns: list[int] = []
    unknown: list[SymbolError] = []
    empty: list[SymbolError] = []
    for symbol in query.symbols:
        column = held.where.get(symbol)
        if column is None:
            unknown.append(SymbolError(symbol, "UNKNOWN_SYMBOL", f"{symbol}: not in the installed data"))
        elif held.answered[column]:
            columns.append(column)
        else:
            message = f"{symbol}: no price and no input is known on {held.board.as_of}"
            empty.append(SymbolError(symbol, "NO_DATA", message))
    return columns, unknown + empty


def _unmade(query: AnalyzeQuery, held: Prepared) -> int:
    """Count the stocks an answer has to make: a few more where a blend moves others into a sector that is cut."""
    columns, _ = _requested(query, held)
    if query.mode == "sector":
        columns = sorted(columns, key=held.classic.place.__getitem__)[: query.limit]
    return len(held.missing(columns))


def _outcome(query: AnalyzeQuery, board: Board, forecast: Forecaster | None) -> Forecast | MlUnavailable:
    if query.ml_refused is not None:
        return query.ml_refused
    if forecast is None:
        return MlUnavailable("NO_MODEL", "no model store is attached")
    found = forecast.at(query.as_of, query.ml_horizon, query.ml_models, query.ml_method, query.ml_timeout_ms)
    if _of_board(found, board):
        return found
    return MlUnavailable("ML_ERROR", "the data changed during the request; ask again")


def _of_board(found: Forecast | MlUnavailable, board: Board) -> bool:
    """Tell whether a forecast, if it is one, is of the data and the session of a board."""
    return isinstance(found, MlUnavailable) or (found.data_version, found.as_of) == (board.data_version, board.as_of)


def _enhanced(stock: Stock, column: int, ranking: Ranking, ml: Enhancement) -> Stock:
    """Return a stock with machine learning blended in."""
    prediction = ml.of_symbol(column, ranking.weight[column])
    return stock.blended(ranking.composite[column], ranking.recommendation[column], prediction)
