"""What sessions carry along: computed once for a data set, and read by the features of any of its sessions.

Nothing here changes when sessions or filings are added: what a whole data set carries begins with what each of its
pasts does. So a past session is computed, bit for bit, from what the whole carries, without looking through decades.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from vfr.data.snapshot import Snapshot
from vfr.typing import Matrix32

if TYPE_CHECKING:
    from vfr.features.counts import BarCounts
    from vfr.features.market import Market
    from vfr.features.valuation import Filings

__all__ = ["Carried", "carried", "with_recursive"]


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What sessions carry along.

    Parameters
    ----------
    market : Market
        Of every session.
    filings : Filings or None
        What every statement says; None without any.
    bars : BarCounts
        Of every history.
    recursive : float32 array, shape (9, N, T), optional
        What `with_recursive` adds.
    """

    market: Market
    filings: Filings | None
    bars: BarCounts
    recursive: Matrix32 | None = None


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


def with_recursive(along: Carried, snapshot: Snapshot) -> Carried:
    """Add the features that run on from bars long ago, of every session: a third of the time of a session's features.

    480 symbols over 15 years are 65 MB, so that only who reads several pasts of a snapshot has use for it.
    """
    from vfr.features.columns import shared
    from vfr.features.symbols import N_RECURSIVE, fields, recursive

    panels, (n_sessions, n_symbols) = fields(snapshot.panel), snapshot.panel.shape
    found = np.empty((N_RECURSIVE, n_symbols, n_sessions), dtype=np.float32)
    shared(lambda columns: recursive(panels, columns, found), n_symbols)
    return replace(along, recursive=found)
