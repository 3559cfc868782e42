"""Answers as bytes: what many answers share is rendered once and joined, not rendered again."""

from __future__ import annotations

from typing import Any, Final

import orjson

from vfr.workflows.answer import Answer, MlPrediction, Stock

__all__ = ["rendered"]

_SHARED: Final = ("factors", "reasoning")
"""Fields of a stock that no request changes, and most of its bytes."""

_SHARED_ML: Final = ("members", "featureImportance")
"""The same of its prediction."""


def rendered(answer: Answer) -> bytes:
    """Return the body of a good answer, byte for byte what ``orjson.dumps`` makes of its ``to_dict()``.

    Notes
    -----
    A fragment is kept in the memo of the stock or prediction it belongs to, and goes with it.
    """
    data = {
        "stocks": [_stock(stock) for stock in answer.stocks],
        "errors": [error.to_dict() for error in answer.errors],
        "metadata": answer.metadata,
    }
    return orjson.dumps({"success": True, "data": data})


def _stock(stock: Stock) -> dict[str, Any]:
    body = stock.to_dict()
    _join(body, _SHARED, stock.memo)
    if isinstance(stock.ml, MlPrediction):
        _join(body["mlPrediction"], _SHARED_ML, stock.ml.memo)
    return body


def _join(body: dict[str, Any], fields: tuple[str, ...], memo: dict[str, Any]) -> None:
    """Put the fragments of some fields in their place, made where they have not been yet."""
    for field in fields:
        if field not in memo:
            memo[field] = orjson.Fragment(orjson.dumps(body[field]))
        body[field] = memo[field]
