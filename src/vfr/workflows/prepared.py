"""The classic part of every answer about one board, made once and kept: a request is a lookup and a blend."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import numpy as np

from vfr.factors.board import Board
from vfr.scoring.blend import Blend, blend
from vfr.scoring.composite import score
from vfr.scoring.confidence import confidence
from vfr.scoring.explain import explain
from vfr.scoring.recommend import recommend
from vfr.scoring.selection import rank, sector_key, sector_members
from vfr.scoring.table import ScoreTable
from vfr.typing import BoolArray, FloatArray, IntArray
from vfr.workflows.answer import Stock
from vfr.workflows.data_age import InputAges
from vfr.workflows.enhancement import Enhancement
from vfr.workflows.inputs_used import InputsUsed
from vfr.workflows.stock import SCORE_DIGITS, factor_lines, factor_scores, quotes

__all__ = ["ACTIVE_DAYS", "Prepared", "PreparedBoards", "Ranking"]

ACTIVE_DAYS: Final = 10
"""Calendar days since its last bar after which a symbol no longer stands in its sector's ranking."""

KEPT_BOARDS: Final = 16
KEPT_RANKINGS: Final = 16
"""Weights and thresholds asked for lately, by forecast; another one costs a tenth of a millisecond."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """A whole board after a blend, by column.

    Parameters
    ----------
    composite : list of float
        0-100 as shown; NaN where a symbol has no answer.
    weight : list of float
        What machine learning weighs in it.
    recommendation : list of str
        Empty where a symbol has no answer.
    place : list of int
        Best score first, ties by symbol; symbols without an answer last.
    """

    composite: list[float]
    weight: list[float]
    recommendation: list[str]
    place: list[int]


class Prepared:
    """What answers about one board have in common, under one score table and for one day asked for.

    Parameters
    ----------
    board : Board
    table : ScoreTable
    today : datetime64[D]
        The day asked for; later than the board's session where the data ends earlier.

    Attributes
    ----------
    where : dict of str to int
        Column of each symbol.
    answered : list of bool
        By column: whether a score and a price are known.
    classic : Ranking
        Without machine learning.
    inputs : InputsUsed
        Which inputs took part.
    ages : InputAges
        How old they are.
    sources : list of str
        Where they come from.

    Notes
    -----
    Scores are cut to the digits shown before anything is decided by them, so that what is shown explains it. What
    belongs to one symbol is made when it is first asked for. Everything is read by several threads at once.
    """

    def __init__(self, board: Board, table: ScoreTable, today: np.datetime64) -> None:
        self.board, self.table, self.today = board, table, today
        self._scores = score(board, table)
        self._shown = np.round(self._scores.composite, SCORE_DIGITS)
        self._known: BoolArray = np.isfinite(self._shown) & np.isfinite(board.price)
        self._active = self._known & ((board.as_of - board.last_bar) <= np.timedelta64(ACTIVE_DAYS, "D"))
        held = board.scores
        self._trust = confidence(self._scores, held.as_of[:, 0, :], today, held.names, table).tolist()
        self.where = {symbol: column for column, symbol in enumerate(held.symbols)}
        self.answered: list[bool] = self._known.tolist()
        self.classic = self._ranking(Blend(self._shown, np.zeros(self._shown.size)))
        self.inputs = InputsUsed(held, self._scores.weights)
        self.ages = InputAges(board.inputs)
        self.sources = sorted({status.source for status in board.inputs.values() if status.available})
        self._sectors: dict[str, list[int]] = {}
        self._stocks: dict[int, Stock] = {}
        self._rankings: OrderedDict[tuple[int, float, float], tuple[dict[str, Any], Ranking]] = OrderedDict()
        self._lock = Lock()

    def sector(self, asked: str) -> list[int]:
        """Return the columns of a sector that have an answer and still trade.

        Raises
        ------
        UnknownSector
            If the data has no such sector.
        """
        key = sector_key(asked)
        if key not in self._sectors:
            columns = sector_members(self.board.securities.sector, asked)
            self._sectors[key] = columns[self._active[columns]].tolist()
        return self._sectors[key]

    def missing(self, columns: Sequence[int]) -> list[int]:
        """Return the columns among these whose stock has not been made yet."""
        return [column for column in columns if column not in self._stocks]

    def stocks(self, columns: Sequence[int]) -> list[Stock]:
        """Return the classic part of the stocks in these columns, each of which has an answer."""
        missing = self.missing(columns)
        if missing:
            for column, stock in zip(missing, self._made(np.array(missing, dtype=np.int64)), strict=True):
                self._stocks.setdefault(column, stock)
        return [self._stocks[column] for column in columns]

    def blended(self, ml: Enhancement, weight: float, threshold: float) -> Ranking:
        """Return the ranking with machine learning in it.

        Parameters
        ----------
        ml : Enhancement
            Of the board's symbols.
        weight, threshold : float
            As in `vfr.scoring.blend.blend`.
        """
        if ml.memo is None:
            return self.classic
        key = (id(ml.memo), weight, threshold)
        with self._lock:
            kept = self._rankings.get(key)  # Holds the memo: its id is given to no other.
            if kept is not None:
                self._rankings.move_to_end(key)
                return kept[1]
        found = blend(self._shown, ml.score, ml.confidence, weight, threshold)
        made = self._ranking(Blend(np.round(found.composite, SCORE_DIGITS), found.weight))
        with self._lock:
            self._rankings[key] = ml.memo, made
            while len(self._rankings) > KEPT_RANKINGS:
                self._rankings.popitem(last=False)
        return made

    def _ranking(self, blended: Blend) -> Ranking:
        known = np.flatnonzero(self._known)
        symbols = self.board.scores.symbols
        order = known[rank(blended.composite[known], [symbols[column] for column in known.tolist()])]
        place = np.full(len(symbols), len(symbols))
        place[order] = np.arange(order.size)
        tiers = [""] * len(symbols)
        for column, tier in zip(known.tolist(), recommend(blended.composite[known], self.table), strict=True):
            tiers[column] = tier
        return Ranking(blended.composite.tolist(), blended.weight.tolist(), tiers, place.tolist())

    def _made(self, columns: IntArray) -> list[Stock]:
        board, scores = self.board, self._scores
        symbols, securities = board.scores.symbols, board.securities
        figures = zip(
            columns.tolist(),
            quotes(board, columns),
            factor_lines(board, scores, columns),
            factor_scores(scores, columns),
            _rounded(scores.coverage[columns]),
            (board.last_bar[columns] < board.as_of).tolist(),
            strict=True,
        )
        return [
            Stock(
                symbol=symbols[column],
                name=securities.name[column] or symbols[column],
                price=quote.price,
                change=quote.change,
                change_percent=quote.change_percent,
                market_cap=quote.market_cap,
                sector=securities.sector[column] or None,
                as_of=quote.day,
                composite=self.classic.composite[column],
                recommendation=self.classic.recommendation[column],
                confidence=self._trust[column],
                coverage=coverage,
                scores=factors,
                factors=lines,
                reasoning=explain(board, column, scores, column, self.today),
                classic=self.classic.composite[column],
                classic_recommendation=self.classic.recommendation[column],
                ml=None,
                stale=stale,
            )
            for column, quote, lines, factors, coverage, stale in figures
        ]


def _rounded(values: FloatArray) -> list[float]:
    return [round(value, SCORE_DIGITS) for value in values.tolist()]


class PreparedBoards:
    """Prepared boards by board, table and day, the least recently used first out.

    Parameters
    ----------
    kept : int
        Most of them kept.
    """

    def __init__(self, kept: int = KEPT_BOARDS) -> None:
        self._kept = kept
        self._lock = Lock()
        self._held: OrderedDict[tuple[int, int, np.datetime64], Prepared] = OrderedDict()

    def of(self, board: Board, table: ScoreTable, today: np.datetime64) -> Prepared:
        """Return a board prepared, made now if it is asked for the first time."""
        found = self.ready(board, table, today)
        if found is None:
            found = Prepared(board, table, today)
            with self._lock:
                self._held[id(board), id(table), today] = found
                while len(self._held) > self._kept:
                    self._held.popitem(last=False)
        return found

    def ready(self, board: Board, table: ScoreTable, today: np.datetime64) -> Prepared | None:
        """Return a board that is prepared already, else None."""
        key = (id(board), id(table), today)
        with self._lock:
            found = self._held.get(key)
            if found is not None:
                self._held.move_to_end(key)
            return found
