"""What sessions carry along: computed once for a data set, and read by the factors of any of its sessions.

What a whole data set carries begins with what each of its pasts does, so that a past session is scored, bit for bit,
from the whole without running through decades; the same idea as `vfr.features.carried`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfr.data.snapshot import Snapshot
from vfr.factors import alternative, macro, sentiment, technical
from vfr.factors.inputs import member_moves
from vfr.factors.shares import ShareCounts, share_counts
from vfr.factors.statements import Following, following
from vfr.factors.technical_history import Histories
from vfr.factors.transforms import last_known
from vfr.typing import FloatArray, IntArray, Keep

__all__ = ["Carried", "carried", "in_memory", "own"]


@dataclass(frozen=True, slots=True, eq=False)
class Carried:
    """What the sessions of a snapshot are read from; what is None is not there, or is read when it is needed.

    Parameters
    ----------
    histories : Histories
        Indicators of every session.
    counts, order : optional
        Share counts and order of every statement.
    traded, economy, texts : optional
        What was traded and what was known of the economy at every session; every text, read.
    closes : integer array, shape (T, N), optional
        Row of the last close at or before each session, -1 where there is none.
    moves : int64 array, optional
        `vfr.factors.inputs.member_moves`.
    """

    histories: Histories
    counts: ShareCounts | None
    order: Following | None
    traded: alternative.Traded | None = None
    economy: macro.Economy | None = None
    texts: sentiment.TextsRead | None = None
    closes: NDArray[np.signedinteger[Any]] | None = None
    moves: IntArray | None = None


def in_memory(figures: FloatArray) -> FloatArray:
    """Keep figures where they are."""
    return figures


def carried(snapshot: Snapshot, keep: Keep = in_memory) -> Carried:
    """Return what a snapshot and each of its pasts (`Snapshot.upto`) carry along.

    Parameters
    ----------
    snapshot : Snapshot
    keep : callable
        Where figures of every session are kept, which are by far the most of it: 0.4 GB for 480 symbols over 15 years.

    Examples
    --------
    >>> import numpy as np
    >>> from vfr.data import synthetic
    >>> from vfr.factors.compute import score
    >>> market = synthetic.snapshot(np.random.default_rng(1), n_sessions=80, n_symbols=8)
    >>> past, row, along = market.upto(market.sessions[59]), np.array([59]), carried(market)
    >>> bool(np.array_equal(score(past, row).score, score(past, row, along).score, equal_nan=True))
    True
    """
    membership, texts = snapshot.membership, snapshot.texts
    return Carried(
        technical.histories(snapshot, keep),
        *_filed(snapshot),
        traded=alternative.traded(snapshot.panel, keep=keep),
        economy=macro.economy(snapshot, np.arange(snapshot.sessions.size)),
        texts=None if texts is None else sentiment.read(texts),
        closes=keep(last_known(np.isfinite(snapshot.panel.close))),
        moves=None if membership is None else member_moves(membership),
    )


def own(snapshot: Snapshot) -> Carried:
    """Return the same for whoever scores a snapshot once: no indicator is computed yet, and none is kept."""
    return Carried(Histories.of(snapshot.panel), *_filed(snapshot))


def _filed(snapshot: Snapshot) -> tuple[ShareCounts | None, Following | None]:
    statements = snapshot.fundamentals
    if statements is None:
        return None, None
    return share_counts(statements, snapshot.actions), following(statements)
