"""The alternative factor: liquidity, from volume.

Insiders' trades are measured in `vfr.factors.insiders`, where a data set holds them. Short interest is part of this
factor as published, but no provider here gives it: it is not registered, so that nothing counts it as missing, until
one does.

Both items say what the literature found, which is not what a trader wishes for: shares that are hard to trade, and
shares that are traded little, have earned more. In large caps that premium is small (its effect on the composite is
bounded by the factor's weight of 0.06).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.factors.shares import MarketValue, ShareCounts, market_value
from vfr.factors.universe import universe
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["MIN_PEERS", "SUB_FACTORS", "measure"]

MIN_PEERS: Final = 5
"""Least number of symbols with a value for a percentile among them."""

_YEAR: Final = 252
_MIN_YEAR: Final = 126
_MONTH: Final = 21
_MIN_MONTH: Final = 15
_MAX_GAP: Final = 5
"""Sessions without a bar after which a symbol no longer trades, so that its liquidity is stale."""

_AMIHUD: Final = SubFactor(
    "alternative.liquidity.amihud",
    "alternative",
    0.3,
    "absolute return per million USD traded",
    "Mean of |daily total return| / dollar volume over 252 sessions (at least 126 known); percentile in the universe, "
    "high (illiquid) is good: it has earned a premium.",
    "Amihud (2002), Journal of Financial Markets 5(1)",
)
_TURNOVER: Final = SubFactor(
    "alternative.liquidity.turnover",
    "alternative",
    0.2,
    "fraction of market value traded per day",
    "Mean dollar volume of 21 sessions (at least 15 known) / market value; percentile in the universe, low is good: "
    "what is traded least has earned more.",
    "Datar, Naik and Radcliffe (1998), Journal of Financial Markets 1(2)",
)
SUB_FACTORS: Final[tuple[SubFactor, ...]] = (_AMIHUD, _TURNOVER)


def measure(snapshot: Snapshot, rows: IntArray, counts: ShareCounts | None = None) -> dict[str, Measured]:
    """Measure every alternative sub-factor on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        With volume; turnover needs statements too, for the market value.
    rows : int64 array, shape (R,)
        Rows of the panel.
    counts : ShareCounts, optional
        Those of the snapshot's statements, or of more that begin with them; computed by default.

    Returns
    -------
    dict of str to Measured
        By sub-factor name. NO_INPUT without any volume in the last year, NOT_COVERED for a symbol without it,
        NO_HISTORY below the least number of sessions, STALE when the symbol has not traded for more than five
        sessions, SMALL_PEER_GROUP below five symbols, and for turnover the reasons of `market_value`. UNUSABLE
        throughout where the panel's closes are adjusted for dividends too: dollars traded need prices that were paid.
    """
    trades = _trades(snapshot, rows)
    return {_AMIHUD.name: _amihud(trades), _TURNOVER.name: _turnover(trades, market_value(snapshot, rows, counts))}


@dataclass(frozen=True, slots=True, eq=False)
class _Trades:
    """What was traded in the year before each of R sessions.

    `dollars` and `returns` are [S x N] over a span of sessions that ends each window at the rows `at` [R]; `reason`
    and `as_of` [R x N] say who no longer trades, and when it last did; `peers` [R x N] is the universe of the sessions.
    """

    dollars: FloatArray
    returns: FloatArray
    at: IntArray
    reason: NDArray[np.int8]
    as_of: DateArray
    peers: BoolArray

    def mean(self, figures: FloatArray, window: int, least: int) -> FloatArray:
        """Return the mean of the known figures [S x N] of the last `window` sessions, NaN below `least`, [R x N]."""
        out = np.full(self.reason.shape, np.nan)
        for row, at in enumerate(self.at.tolist()):
            seen = figures[max(at - window + 1, 0) : at + 1]
            known = np.isfinite(seen)
            count = known.sum(axis=0)
            enough = count >= least
            out[row, enough] = np.where(known, seen, 0.0).sum(axis=0)[enough] / count[enough]
        return out


def _trades(snapshot: Snapshot, rows: IntArray) -> _Trades:
    panel = snapshot.panel
    first = max(int(rows.min(initial=panel.sessions.size)) - _YEAR, 0)
    span, at = slice(first, int(rows.max(initial=-1)) + 1), rows - first
    # Row-major copies: numpy sums columns in another order otherwise, and the last bit would depend on the layout.
    close, total, volume = (np.ascontiguousarray(a[span]) for a in (panel.close, panel.adj_close, panel.volume))
    returns = np.full(total.shape, np.nan)
    returns[1:] = total[1:] / total[:-1] - 1.0
    dollars = close * volume if panel.adjustment == "split" else np.full(close.shape, np.nan)
    newest = transforms.last_known(close * volume)[at]
    newest[newest < at[:, None] - _YEAR] = -1
    as_of = np.where(newest >= 0, panel.sessions[span][newest], np.datetime64("NaT", "D"))
    reason = np.full(newest.shape, np.int8(Reason.PRESENT), dtype=np.int8)
    reason[(newest >= 0) & (at[:, None] - newest > _MAX_GAP)] = np.int8(Reason.STALE)
    reason[newest < 0] = np.int8(Reason.NOT_COVERED)
    reason[np.all(newest < 0, axis=1)] = np.int8(Reason.NO_INPUT)
    if panel.adjustment != "split":
        reason[reason == Reason.PRESENT] = np.int8(Reason.UNUSABLE)
    return _Trades(dollars, returns, at, reason, as_of, universe(snapshot, rows))


def _amihud(trades: _Trades) -> Measured:
    traded = np.where(trades.dollars > 0, trades.dollars, np.nan)
    value = trades.mean(1e6 * np.abs(trades.returns) / traded, _YEAR, _MIN_YEAR)
    return _ranked(trades, value, trades.reason, low_is_good=False)


def _turnover(trades: _Trades, cap: MarketValue) -> Measured:
    traded = trades.mean(trades.dollars, _MONTH, _MIN_MONTH)
    reason = np.where(trades.reason == Reason.PRESENT, cap.reason, trades.reason)
    return _ranked(trades, traded / cap.usd, reason, low_is_good=True)


def _ranked(trades: _Trades, value: FloatArray, reason: NDArray[np.int8], *, low_is_good: bool) -> Measured:
    """Rank in the universe of the session; a value missing without a reason lacks history."""
    reason = np.where((reason == Reason.PRESENT) & ~np.isfinite(value), np.int8(Reason.NO_HISTORY), reason)
    known = reason == Reason.PRESENT
    value = np.where(known, value, np.nan)
    as_of = np.where(known, trades.as_of, np.datetime64("NaT", "D"))
    reason = reason.astype(np.int8)
    return transforms.ranked(value, reason, as_of, low_is_good=low_is_good, min_group=MIN_PEERS, peers=trades.peers)
