"""The fundamental factor: value, quality and growth from the latest statement known, ranked within the GICS sector.

Every item is a percentile among the symbols of the same sector that are in the universe of the session and have a
value that evening. Fewer than five peers give no score, rather than a comparison with other businesses; nor does an
unknown sector, unless the data set knows no sector at all: then all symbols are each other's peers.
A loss gives a negative yield, which ranks low; it does not drop out. Flows (revenue, income, cash flow) are taken as
those of a year.

Financial firms hold no inventory, sell no goods and live on borrowed money: items that need a gross profit, an
enterprise value, current assets, debt or accruals say nothing about them and are NOT_COVERED there (Fama and French
1992 leave them out for the same reason).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from vfr.data.records import Fundamentals
from vfr.data.snapshot import Snapshot
from vfr.factors import transforms
from vfr.factors.fundamental_ratios import RATIOS, Ratio, Statement
from vfr.factors.scores import Measured, Reason, SubFactor
from vfr.factors.shares import MarketValue, market_value
from vfr.factors.statements import MAX_AGE, Following, dates, following, last_filing, take_rows
from vfr.factors.transforms import Unranked
from vfr.factors.universe import sector_groups, universe
from vfr.typing import BoolArray, DateArray, FloatArray, IntArray

__all__ = ["MIN_PEERS", "SUB_FACTORS", "measure"]

MIN_PEERS: Final = 5
"""Least number of symbols of a sector with a value for a percentile among them."""

SUB_FACTORS: Final[tuple[SubFactor, ...]] = tuple(
    SubFactor(f"fundamental.{r.name}", "fundamental", r.weight, r.unit, r.description, r.source) for r in RATIOS
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What was known per (row, symbol): its statement, dates, and the two reasons a statement may not count."""

    statement: Statement
    known_at: DateArray
    absent: BoolArray
    stale: BoolArray


def measure(
    snapshot: Snapshot, rows: IntArray, cap: MarketValue | None = None, order: Following | None = None
) -> dict[str, Measured]:
    """Measure every fundamental sub-factor on the given sessions.

    Parameters
    ----------
    snapshot : Snapshot
        Statements are used from the day their period became known, for 460 days, in the version known on each session.
    rows : int64 array, shape (R,)
        Rows of the panel.
    cap : MarketValue, optional
        Market values of these sessions; computed by default.
    order : Following, optional
        Order of the snapshot's statements, or of more that begin with them; computed by default.

    Returns
    -------
    dict of str to Measured
        By sub-factor name. NO_INPUT without statements, NOT_COVERED for a symbol without one or an item the source
        lacks, STALE beyond the maximum age, UNUSABLE for a denominator that is not positive or no market value,
        SMALL_PEER_GROUP below five peers or without a sector where others have one. `as_of` is the day that version of
        the statement became known (the price it is set against is always the session's own).
    """
    if snapshot.fundamentals is None:
        nothing = transforms.empty(rows.size, len(snapshot.symbols), Reason.NO_INPUT)
        return {sub.name: nothing for sub in SUB_FACTORS}
    usd = (cap or market_value(snapshot, rows)).usd
    known = _known(snapshot, snapshot.fundamentals, rows, usd, order or following(snapshot.fundamentals))
    groups, peers = sector_groups(snapshot.securities.sector), universe(snapshot, rows)
    financial = np.array([sector.casefold() == "financials" for sector in snapshot.securities.sector])
    several = [_unranked(ratio, known, financial) for ratio in RATIOS]
    scored = transforms.ranked_each(several, groups=groups, min_group=MIN_PEERS, peers=peers)
    return {sub.name: found for sub, found in zip(SUB_FACTORS, scored, strict=True)}


def _known(snapshot: Snapshot, statements: Fundamentals, rows: IntArray, cap: FloatArray, order: Following) -> _Known:
    days = snapshot.sessions[rows]
    filed = last_filing(statements, days, len(snapshot.symbols))
    latest, before = (take_rows(of, filed) for of in (order.newest, order.year_before))
    statement = Statement(statements, latest, before, cap)
    absent = latest < 0
    stale = ~absent & (days[:, None] - dates(order.first_known, latest) > MAX_AGE)
    return _Known(statement, dates(statements.known_at, latest), absent, stale)


def _unranked(ratio: Ratio, known: _Known, financial: BoolArray) -> Unranked:
    value, item_missing = ratio.value(known.statement)
    excluded = financial[None, :] & ratio.skip_financials
    reason = _reason(value, [(item_missing | known.absent | excluded, Reason.NOT_COVERED), (known.stale, Reason.STALE)])
    value = np.where(reason == Reason.PRESENT, value, np.nan)
    as_of = np.where(np.isfinite(value), known.known_at, np.datetime64("NaT", "D"))
    return Unranked(value, reason, as_of, ratio.low_is_good)


def _reason(value: FloatArray, causes: list[tuple[BoolArray, Reason]]) -> NDArray[np.int8]:
    """Return the last cause that holds per cell; a value missing without one is UNUSABLE."""
    reason = np.where(np.isfinite(value), np.int8(Reason.PRESENT), np.int8(Reason.UNUSABLE)).astype(np.int8)
    for holds, cause in causes:
        reason[holds] = np.int8(cause)
    return reason
