"""What insiders buy and sell: the part of the alternative factor that takes part where a data set holds their trades.

Only purchases and sales on the market count: grants, gifts, options and shares kept back for taxes say nothing about
what their owners think. Only directors and officers count, not those who merely hold many shares. People are counted,
not transactions or dollars: one order is often filed as a dozen lines, an amended form repeats them, and one founder
who sells outweighs everybody else in dollars.

That nobody traded is known where a company's insiders report at all: its value is 0. It is no neutral score by itself:
most insiders are paid in shares and sell, so that among its peers a company whose insiders keep theirs stands high.
Purchases have foretold returns, mostly those of small companies; sales hardly any.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.people import Insiders
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.factors.universe import universe
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["MIN_PEERS", "SUB_FACTORS", "measure"]

MIN_PEERS: Final = 5
"""Least number of symbols with a value for a percentile among them."""

_WINDOW: Final = np.timedelta64(180, "D")
_MAX_SILENCE: Final = np.timedelta64(400, "D")
"""A company whose insiders reported nothing at all for longer no longer reports here: they are paid once a year."""
_MAX_GAP: Final = np.timedelta64(100, "D")
"""If nobody reported for longer, not in any company, the source has ended: silence then means nothing."""

_NEVER: Final = np.datetime64("0001-01-01", "D")

_NET_BUYING: Final = SubFactor(
    "alternative.insiders.net_buying",
    "alternative",
    0.5,
    "net share of buyers among insiders who traded, -1 to 1",
    "(buyers - sellers) / (buyers + sellers) among directors and officers who bought (code P) or sold (code S) within "
    "180 days, 0 where nobody did; percentile in the universe, high is good. Takes part where the data set holds "
    "insiders' trades.",
    "Lakonishok and Lee (2001), Review of Financial Studies 14(1)",
    needs="insiders",
)
SUB_FACTORS: Final[tuple[SubFactor, ...]] = (_NET_BUYING,)


def measure(snapshot: Snapshot, rows: IntArray) -> dict[str, Measured]:
    """Measure what insiders buy and sell on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        A row uses the transactions reported by its session.
    rows : int64 array, shape (R,)
        Rows of the panel.

    Returns
    -------
    dict of str to Measured
        By sub-factor name; empty where the snapshot holds no insiders. NO_INPUT before anything was reported,
        NOT_COVERED for a symbol of which nothing was ever reported, of whatever kind, STALE when its last report is
        more than 400 days old or the last of all more than 100, SMALL_PEER_GROUP below five symbols.
    """
    trades = snapshot.insiders
    if trades is None:
        return {}
    days, n_symbols = snapshot.sessions[rows], len(snapshot.symbols)
    last = transforms.newest(trades.known_at, trades.column, days, n_symbols)
    reason = _reasons(trades, last, days)
    present = reason == Reason.PRESENT
    as_of = transforms.taken(trades.known_at, np.where(present, last, -1), np.datetime64("NaT", "D"))
    value = np.where(present, _net_buying(trades, days, n_symbols), np.nan)
    peers = universe(snapshot, rows)
    found = transforms.Unranked(value, reason, as_of)
    return {_NET_BUYING.name: transforms.ranked(found, min_group=MIN_PEERS, peers=peers)}


def _reasons(trades: Insiders, last: IntArray, days: DateArray) -> NDArray[np.int8]:
    """Return why nothing can be said, given the last report about each symbol [R x N] by each day [R]."""
    reason = np.full(last.shape, np.int8(Reason.PRESENT), dtype=np.int8)
    silent = days[:, None] - transforms.taken(trades.known_at, last, _NEVER)
    reason[silent > _MAX_SILENCE] = np.int8(Reason.STALE)
    reason[np.all(silent > _MAX_GAP, axis=1)] = np.int8(Reason.STALE)
    reason[last < 0] = np.int8(Reason.NOT_COVERED)
    reason[np.all(last < 0, axis=1)] = np.int8(Reason.NO_INPUT)
    return reason


def _net_buying(trades: Insiders, days: DateArray, n_symbols: int) -> FloatArray:
    """Return the net share of buyers [R x N], 0 where nobody bought or sold."""
    bought = trades.manager & (trades.code == "P") & (trades.shares > 0)
    sold = trades.manager & (trades.code == "S") & (trades.shares < 0)
    # Nobody reports before trading, so that what was known at the start of a window is outside it.
    begin, end = (np.searchsorted(trades.known_at, moments, side="right") for moments in (days - _WINDOW, days))
    out = np.zeros((days.size, n_symbols))
    for row, (a, b) in enumerate(zip(begin.tolist(), end.tolist(), strict=True)):
        recent = trades.date[a:b] > days[row] - _WINDOW
        buyers, sellers = (
            _people(trades, a + np.flatnonzero(recent & side[a:b]), n_symbols) for side in (bought, sold)
        )
        out[row] = (buyers - sellers) / np.maximum(buyers + sellers, 1)
    return out


def _people(trades: Insiders, rows: IntArray, n_symbols: int) -> IntArray:
    """Return how many people stand behind some transactions in each symbol, [N]."""
    people = np.unique(trades.column[rows] * len(trades.owners) + trades.owner[rows])
    return np.bincount(people // max(len(trades.owners), 1), minlength=n_symbols)
