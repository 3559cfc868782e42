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

from vfr.data.panel import Panel
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.factors.shares import MarketValue, market_value
from vfr.factors.transforms import Unranked
from vfr.factors.universe import universe
from vfr.typing import DateArray, FloatArray, IntArray, Keep

__all__ = ["MIN_PEERS", "SUB_FACTORS", "Traded", "measure", "traded"]

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


def measure(
    snapshot: Snapshot, rows: IntArray, cap: MarketValue | None = None, along: Traded | None = None
) -> dict[str, Measured]:
    """Measure every alternative sub-factor on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        With volume; turnover needs statements too, for the market value.
    rows : int64 array, shape (R,)
        Rows of the panel.
    cap : MarketValue, optional
        Market values of these sessions; computed by default.
    along : Traded, optional
        `traded` of this snapshot's panel, or of one that it is a past of; of the sessions that matter by default.

    Returns
    -------
    dict of str to Measured
        By sub-factor name. NO_INPUT without any volume in the last year, NOT_COVERED for a symbol without it,
        NO_HISTORY below the least number of sessions, STALE when the symbol has not traded for more than five
        sessions, SMALL_PEER_GROUP below five symbols, and for turnover the reasons of `market_value`. UNUSABLE
        throughout where the panel's closes are adjusted for dividends too: dollars traded need prices that were paid.
    """
    panel = snapshot.panel
    if along is None:
        first = max(int(rows.min(initial=panel.sessions.size)) - _YEAR, 0)
        along = traded(panel.rows(first, int(rows.max(initial=-1)) + 1), first)
    trades = _trades(snapshot, rows, along)
    several = [_amihud(trades), _turnover(trades, cap or market_value(snapshot, rows))]
    scored = transforms.ranked_each(several, min_group=MIN_PEERS, peers=universe(snapshot, rows))
    return {_AMIHUD.name: scored[0], _TURNOVER.name: scored[1]}


@dataclass(frozen=True, slots=True, eq=False)
class _Figures:
    """Figures [S x N] of consecutive sessions, 0 where unknown, and how many were known before each, [S + 1 x N]."""

    filled: FloatArray
    known: IntArray

    @classmethod
    def of(cls, figures: FloatArray, keep: Keep) -> _Figures:
        known = np.isfinite(figures)
        count = np.zeros((known.shape[0] + 1, known.shape[1]), dtype=np.int32)
        np.cumsum(known, axis=0, out=count[1:])
        return cls(keep(np.where(known, figures, 0.0)), keep(count))

    def mean(self, at: IntArray, window: int, least: int) -> FloatArray:
        """Return the mean of what is known of the `window` sessions up to each of R; NaN below `least`, [R x N]."""
        out = np.full((at.size, self.filled.shape[1]), np.nan)
        for row, last in enumerate(at.tolist()):
            begin = max(last - window + 1, 0)
            count = self.known[last + 1] - self.known[begin]
            enough = count >= least
            out[row, enough] = self.filled[begin : last + 1].sum(axis=0)[enough] / count[enough]
        return out


@dataclass(frozen=True, slots=True, eq=False)
class Traded:
    """What was traded at S consecutive sessions, the first of them being row `first` of the panel.

    `impact` is the absolute return for each million dollars traded; `last` [S x N] the row of the panel at which a
    symbol last traded, -1 where it has not yet.
    """

    first: int
    impact: _Figures
    dollars: _Figures
    last: IntArray


def traded(panel: Panel, first: int = 0, keep: Keep = lambda figures: figures) -> Traded:
    """Return what was traded at the sessions of a panel, which is one from row `first` on of a longer one.

    `keep` says where it is kept: 50 MB for 480 symbols over 15 years.
    """
    # Row-major copies: numpy sums columns in another order otherwise, and the last bit would depend on the layout.
    close, total, volume = (np.ascontiguousarray(a) for a in (panel.close, panel.adj_close, panel.volume))
    returns = np.full(total.shape, np.nan)
    returns[1:] = total[1:] / total[:-1] - 1.0
    paid = close * volume
    dollars = paid if panel.adjustment == "split" else np.full(close.shape, np.nan)
    impact = 1e6 * np.abs(returns) / np.where(dollars > 0, dollars, np.nan)
    last = transforms.last_known(np.isfinite(paid)).astype(np.int32)
    last[last >= 0] += first
    return Traded(first, _Figures.of(impact, keep), _Figures.of(dollars, keep), keep(last))


@dataclass(frozen=True, slots=True, eq=False)
class _Trades:
    """What was traded in the year before each of R sessions, which are those at places `at` of `held`.

    `reason` and `as_of` [R x N] say who no longer trades, and when it last did.
    """

    held: Traded
    at: IntArray
    reason: NDArray[np.int8]
    as_of: DateArray


def _trades(snapshot: Snapshot, rows: IntArray, held: Traded) -> _Trades:
    panel, at = snapshot.panel, rows - held.first
    newest = held.last[at].astype(np.int64)
    newest[newest < rows[:, None] - _YEAR] = -1
    as_of = np.where(newest >= 0, panel.sessions[newest], np.datetime64("NaT", "D"))
    reason = np.full(newest.shape, np.int8(Reason.PRESENT), dtype=np.int8)
    reason[(newest >= 0) & (rows[:, None] - newest > _MAX_GAP)] = np.int8(Reason.STALE)
    reason[newest < 0] = np.int8(Reason.NOT_COVERED)
    reason[np.all(newest < 0, axis=1)] = np.int8(Reason.NO_INPUT)
    if panel.adjustment != "split":
        reason[reason == Reason.PRESENT] = np.int8(Reason.UNUSABLE)
    return _Trades(held, at, reason, as_of)


def _amihud(trades: _Trades) -> Unranked:
    value = trades.held.impact.mean(trades.at, _YEAR, _MIN_YEAR)
    return _unranked(trades, value, trades.reason, low_is_good=False)


def _turnover(trades: _Trades, cap: MarketValue) -> Unranked:
    dollars = trades.held.dollars.mean(trades.at, _MONTH, _MIN_MONTH)
    reason = np.where(trades.reason == Reason.PRESENT, cap.reason, trades.reason)
    return _unranked(trades, dollars / cap.usd, reason, low_is_good=True)


def _unranked(trades: _Trades, value: FloatArray, reason: NDArray[np.int8], *, low_is_good: bool) -> Unranked:
    """Return a measurement to be ranked; a value missing without a reason lacks history."""
    reason = np.where((reason == Reason.PRESENT) & ~np.isfinite(value), np.int8(Reason.NO_HISTORY), reason)
    known = reason == Reason.PRESENT
    as_of = np.where(known, trades.as_of, np.datetime64("NaT", "D"))
    return Unranked(np.where(known, value, np.nan), reason.astype(np.int8), as_of, low_is_good)
