"""Answers given before: the same question about the same board is answered again, with figures of its own put in.

A request that repeats another one differs from it in three figures: its id, its moment, and how long it waited for its
forecast.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

from vfr.workflows.answer import Answer, MlPrediction, Stock
from vfr.workflows.forecaster import Forecast, MlUnavailable

if TYPE_CHECKING:
    from vfr.workflows.data_age import Told
    from vfr.workflows.prepared import Prepared
    from vfr.workflows.query import AnalyzeQuery

__all__ = ["GivenAnswers", "Repeated", "filled"]

KEPT_STOCKS: Final = 1_024
"""Stocks of all answers kept; each takes some ten kilobytes, twice that once it was asked for again."""

Found: TypeAlias = Forecast | MlUnavailable | None
"""What a forecaster said; None where it was not asked."""


class Repeated(NamedTuple):
    """An answer given again.

    Parameters
    ----------
    first : Answer
        As it was given first, with figures of another request.
    request_id : str
    timestamp : int
        Epoch milliseconds.
    latency_ms : float or None
        How long this request waited for its forecast; None without one.
    """

    first: Answer
    request_id: str
    timestamp: int
    latency_ms: float | None

    def whole(self) -> Answer:
        """Return the answer with the figures of this request."""
        return filled(self.first, self.request_id, self.timestamp, self.latency_ms)

    def to_dict(self) -> dict[str, Any]:
        """Return the ``data`` object of the contract."""
        return self.whole().to_dict()


def filled(first: Answer, request_id: Any, timestamp: Any, latency: Any) -> Answer:
    """Return an answer with these figures in the place of its own, wherever it shows them."""
    about = {**first.metadata, "timestamp": timestamp, "requestId": request_id}
    enhancement = about.get("mlEnhancement")
    if enhancement is None or enhancement["mlLatency"] is None:
        return Answer(first.stocks, first.errors, about)
    about["mlEnhancement"] = {**enhancement, "mlLatency": latency}
    return Answer(tuple(_waited(stock, latency) for stock in first.stocks), first.errors, about)


def _waited(stock: Stock, latency: Any) -> Stock:
    ml = stock.ml
    if not isinstance(ml, MlPrediction):
        return stock
    return replace(stock, ml=replace(ml, body={**ml.body, "latencyMs": latency}))


class GivenAnswers:
    """Answers of one prepared board, the one asked for longest ago first out; safe in threads.

    Parameters
    ----------
    stocks : int
        Most stocks kept, those of all answers together.
    """

    def __init__(self, stocks: int = KEPT_STOCKS) -> None:
        self._most = stocks
        self._lock = Lock()
        self._held: Prepared | None = None
        self._kept: OrderedDict[tuple[object, ...], tuple[Answer, Told, Found]] = OrderedDict()
        self._stocks = 0

    def find(self, held: Prepared, query: AnalyzeQuery, found: Found, age: Told) -> Answer | None:
        """Return the answer to this query, of this board and forecast and with inputs of this age; None without one."""
        key = _key(query, found)
        with self._lock:
            kept = self._kept.get(key) if self._held is held else None
            if kept is None or kept[1] is not age:
                return None
            self._kept.move_to_end(key)
            return kept[0]

    def keep(self, held: Prepared, query: AnalyzeQuery, found: Found, age: Told, answer: Answer) -> None:
        """Keep an answer that shows any stock and can come again; those of another board are let go."""
        if not 0 < len(answer.stocks) <= self._most or (isinstance(found, MlUnavailable) and found.momentary):
            return
        key = _key(query, found)
        with self._lock:
            if self._held is not held:
                self._held, self._stocks = held, 0
                self._kept.clear()
            self._let_go(key)
            self._kept[key] = answer, age, found  # Holds the forecast's memo: its id is given to no other.
            self._stocks += len(answer.stocks)
            while self._stocks > self._most:
                self._let_go(next(iter(self._kept)))

    def _let_go(self, key: tuple[object, ...]) -> None:
        kept = self._kept.pop(key, None)
        if kept is not None:
            self._stocks -= len(kept[0].stocks)


def _key(query: AnalyzeQuery, found: Found) -> tuple[object, ...]:
    """Return what an answer about one board depends on beside it; forecasts that differ share no memo."""
    return (query, id(found.memo), found.from_cache) if isinstance(found, Forecast) else (query, found)
