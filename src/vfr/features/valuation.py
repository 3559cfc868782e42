"""Features of statements: ratios of `vfr.factors.fundamental_ratios`, once per filing, then spread over sessions.

Catalogue order. A ratio to the market value is the statement's figure over that session's market value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from vfr.data.records import Fundamentals
from vfr.data.snapshot import Snapshot
from vfr.factors.fundamental_ratios import RATIOS, Statement
from vfr.factors.shares import ShareCounts, market_cap, share_counts
from vfr.factors.statements import MAX_AGE, last_filing, newest_period, year_before
from vfr.typing import DateArray, FloatArray, IntArray, Matrix32

__all__ = ["Filings", "filings", "valuation"]

_TO_PRICE: Final = ("value.earnings_yield", "value.book_to_price", "value.sales_to_price")
_OF_STATEMENT: Final = (
    "quality.return_on_equity",
    "quality.gross_profitability",
    "quality.leverage",
    "quality.accruals",
    "growth.revenue",
    "growth.earnings",
)


@dataclass(frozen=True, slots=True, eq=False)
class Filings:
    """What M statements say, whatever the session; a later statement changes nothing about an earlier one.

    `figures` holds ratios in force after each filing [M], those to the market value per USD 1 of it; `expires` [M] is
    the day on which what is in force gets stale.
    """

    counts: ShareCounts
    figures: Mapping[str, FloatArray]
    expires: DateArray


def filings(snapshot: Snapshot) -> Filings | None:
    """Read the statements of a snapshot; None where it has none."""
    statements = snapshot.fundamentals
    if statements is None or statements.column.size == 0:
        return None
    counts, latest = share_counts(statements, snapshot.actions), newest_period(statements)
    return Filings(counts, _figures(statements, latest), counts.first_known[latest] + MAX_AGE)


def valuation(snapshot: Snapshot, filed: Filings | None, dollar_volume: Matrix32, rows: slice, out: Matrix32) -> None:
    """Write the features known on each session; unknown 460 days after the statement's period became known.

    Parameters
    ----------
    snapshot : Snapshot
    filed : Filings or None
        Of its statements, or of more that begin with them.
    dollar_volume : float32 array, shape (R, N)
        Log of the mean dollar volume.
    rows : slice
        The R rows wanted.
    out : float32 array, shape (11, R, N)
        Left as it is where the snapshot has no statements.
    """
    statements = snapshot.fundamentals
    if filed is None or statements is None or statements.column.size == 0:
        return
    wanted = np.arange(rows.start, rows.stop, dtype=np.int64)
    cap = market_cap(snapshot, wanted, filed.counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.log(cap)
    out[0] = size
    out[1] = np.exp(dollar_volume - size)
    latest = _fresh(statements, filed.expires, snapshot, wanted)
    for k, name in enumerate(_TO_PRICE):
        out[2 + k] = _take(filed.figures[name], latest) / cap
    for k, name in enumerate(_OF_STATEMENT):
        out[5 + k] = _take(filed.figures[name], latest)


def _fresh(statements: Fundamentals, expires: DateArray, snapshot: Snapshot, rows: IntArray) -> IntArray:
    """Return the row of the last filing, -1 where there is none or what was the latest then is stale, [R x N]."""
    days = snapshot.sessions[rows]
    filed = last_filing(statements, days, len(snapshot.symbols))
    filed[days[:, None] > expires[filed]] = -1
    return filed


def _take(figures: FloatArray, rows: IntArray) -> FloatArray:
    """Return figures at statement rows, NaN where the row is -1."""
    return np.append(figures, np.nan)[rows]


def _figures(statements: Fundamentals, latest: IntArray) -> dict[str, FloatArray]:
    """Return each ratio in force after each filing [M], those to the market value per USD 1 of it."""
    now, before = latest[None, :], year_before(statements)[None, :]
    own = Statement(statements, now, before, np.ones(now.shape))
    return {ratio.name: ratio.value(own)[0][0] for ratio in RATIOS if ratio.name in (*_TO_PRICE, *_OF_STATEMENT)}
