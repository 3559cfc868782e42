"""Features of statements: ratios of `vfr.factors.fundamental_ratios`, once per statement, then spread over sessions.

Catalogue order. A ratio to the market value is the statement's figure over that session's market value.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from vfr.data.records import Fundamentals
from vfr.data.snapshot import Snapshot
from vfr.factors.fundamental_ratios import RATIOS, Statement
from vfr.factors.shares import market_cap
from vfr.factors.statements import MAX_AGE, latest_known, year_before
from vfr.typing import FloatArray, IntArray, Matrix32

__all__ = ["valuation"]

_TO_PRICE: Final = ("value.earnings_yield", "value.book_to_price", "value.sales_to_price")
_OF_STATEMENT: Final = (
    "quality.return_on_equity",
    "quality.gross_profitability",
    "quality.leverage",
    "quality.accruals",
    "growth.revenue",
    "growth.earnings",
)


def valuation(snapshot: Snapshot, dollar_volume: Matrix32, rows: slice, out: Matrix32) -> None:
    """Write the features known on each session; unknown 460 days after the statement became known.

    Parameters
    ----------
    snapshot : Snapshot
    dollar_volume : float32 array, shape (R, N)
        Log of the mean dollar volume.
    rows : slice
        The R rows wanted.
    out : float32 array, shape (11, R, N)
        Left as it is where the snapshot has no statements.
    """
    statements = snapshot.fundamentals
    if statements is None or statements.column.size == 0:
        return
    wanted = np.arange(rows.start, rows.stop, dtype=np.int64)
    cap = market_cap(snapshot, wanted)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(cap)
    out[0] = size
    out[1] = np.exp(dollar_volume - size)
    latest = _fresh(statements, snapshot, wanted)
    figures = _figures(statements)
    for k, name in enumerate(_TO_PRICE):
        out[2 + k] = _take(figures[name], latest) / cap
    for k, name in enumerate(_OF_STATEMENT):
        out[5 + k] = _take(figures[name], latest)


def _fresh(statements: Fundamentals, snapshot: Snapshot, rows: IntArray) -> IntArray:
    """Return the row of the latest statement known, -1 where there is none or it is stale, [R x N]."""
    days = snapshot.sessions[rows]
    latest = latest_known(statements, days, len(snapshot.symbols))
    expires = (statements.known_at + MAX_AGE).astype(np.int64)
    stale = days.astype(np.int64)[:, None] > expires[latest]
    latest[stale] = -1
    return latest


def _take(figures: FloatArray, rows: IntArray) -> FloatArray:
    """Return figures at statement rows, NaN where the row is -1."""
    return np.append(figures, np.nan)[rows]


def _figures(statements: Fundamentals) -> dict[str, FloatArray]:
    """Return each ratio of each statement [M], those to the market value per USD 1 of it."""
    every = np.arange(statements.column.size, dtype=np.int64)[None, :]
    own = Statement(statements, every, year_before(statements)[None, :], np.ones(every.shape))
    return {ratio.name: ratio.value(own)[0][0] for ratio in RATIOS if ratio.name in (*_TO_PRICE, *_OF_STATEMENT)}
