"""What sessions carry along: computed once for a data set, and read by the features of any of its sessions.

Nothing here changes when sessions or filings are added: what a whole data set carries begins with what each of its
pasts does. So a past session is computed, bit for bit, from what the whole carries, without looking through decades.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vfr.data.snapshot import Snapshot

if TYPE_CHECKING:
    from vfr.features.counts import BarCounts
    from vfr.features.market import Market
    from vfr.features.valuation import Filings

__all__ = ["Carried", "carried"]


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """The market of every session, the bars of every history, and what every statement says, None without any."""

    market: Market
    filings: Filings | None
    bars: BarCounts


def carried(snapshot: Snapshot) -> Carried:
    """Return what a snapshot and each of its pasts (`Snapshot.upto`) carry along.

    Examples
    --------
    >>> import numpy as np
    >>> from vfr.data import synthetic
    >>> from vfr.features import compute
    >>> market = synthetic.snapshot(np.random.default_rng(1), n_sessions=80, n_symbols=8)
    >>> past, along = market.upto(market.sessions[59]), carried(market)
    >>> bool(np.array_equal(compute(past).values, compute(past, along=along).values, equal_nan=True))
    True
    """
    from vfr.features.counts import bar_counts
    from vfr.features.market import market
    from vfr.features.symbols import fields
    from vfr.features.valuation import filings

    return Carried(market(snapshot.panel.adj_close), filings(snapshot), bar_counts(fields(snapshot.panel)))
