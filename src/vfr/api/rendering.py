"""Answers as bytes: what many answers share is rendered once and joined, not rendered again."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import Any, Final

import orjson

from vfr.workflows.answer import Answer, MlPrediction, Stock
from vfr.workflows.repeated import Repeated, filled

__all__ = ["rendered", "rendered_again"]

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


_PIECES: Final = "pieces"
_MARK: Final = token_hex(16)
"""Stands where an answer has a figure of its own; drawn anew by every process, so that no data can hold it."""

_MARKS: Final = tuple(f"{_MARK}{n}" for n in range(3))
_MARKED: Final = re.compile(b'"%b([0-2])"' % _MARK.encode())


def rendered_again(answer: Repeated) -> bytes:
    """Return the body of an answer that is given again: what was rendered once, with the figures of this request.

    Notes
    -----
    The pieces between the figures are kept in the memo of the first answer.
    """
    pieces = answer.first.memo.get(_PIECES)
    if pieces is None:
        pieces = answer.first.memo[_PIECES] = _MARKED.split(rendered(filled(answer.first, *_MARKS)))
    own = [orjson.dumps(one) for one in (answer.request_id, answer.timestamp, answer.latency_ms)]
    body = pieces.copy()
    body[1::2] = [own[int(n)] for n in pieces[1::2]]
    return b"".join(body)


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
