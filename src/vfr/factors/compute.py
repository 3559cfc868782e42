"""Run every registered factor over a snapshot and stack the results; make the board of its last session.

A factor that fails raises: a missing score always carries the reason its own factor gave, never a swallowed error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vfr.data.panel import Panel
from vfr.data.snapshot import Snapshot
from vfr.factors.board import Board
from vfr.factors.carried import Carried, own
from vfr.factors.inputs import known_inputs
from vfr.factors.registry import FACTORS, taking_part
from vfr.factors.scores import FactorScores, Measured
from vfr.factors.shares import market_value
from vfr.factors.transforms import last_known
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["compute_board", "score"]


def score(snapshot: Snapshot, rows: IntArray, along: Carried | None = None) -> FactorScores:
    """Score every sub-factor that takes part at the given rows of the panel.

    Parameters
    ----------
    snapshot : Snapshot
        Inputs; a row of the result uses only what was known at that session's close.
    rows : int64 array, shape (R,)
        Rows of ``snapshot.panel``, each in [0, T).
    along : Carried, optional
        `vfr.factors.carried.carried` of this snapshot, or of one that it is a past of: changes no bit, and saves most
        of the time where few rows are wanted of many.

    Returns
    -------
    FactorScores
        [K x R x N] arrays in the order of `SUB_FACTORS`, without those whose record the snapshot does not hold.

    Raises
    ------
    ValueError
        If a row is outside the panel, or a factor does not measure exactly its sub-factors that take part.
    """
    rows = np.asarray(rows, dtype=np.int64)
    n_sessions = snapshot.sessions.size
    if rows.size and (int(rows.min()) < 0 or int(rows.max()) >= n_sessions):
        raise ValueError(f"rows: must lie in [0, {n_sessions})")
    along = along or own(snapshot)
    cap = market_value(snapshot, rows, along.counts)
    entries = taking_part(snapshot)
    found: dict[str, Measured] = {}
    for name, measure in FACTORS.items():
        results = measure(snapshot, rows, along, cap)
        expected = {entry.name for entry in entries if entry.factor == name}
        if results.keys() != expected:
            raise ValueError(f"{name}: measures {sorted(results.keys() ^ expected)} against its registration")
        found.update(results)
    names = tuple(entry.name for entry in entries)
    ordered = [found[name] for name in names]
    return FactorScores(
        names=names,
        sessions=snapshot.sessions[rows],
        symbols=snapshot.symbols,
        value=np.stack([m.value for m in ordered]),
        score=np.stack([m.score for m in ordered]),
        reason=np.stack([m.reason for m in ordered]),
        as_of=np.stack([m.as_of for m in ordered]),
        market_cap=cap.usd,
    )


def compute_board(snapshot: Snapshot, along: Carried | None = None) -> Board:
    """Compute the board of a snapshot's last session: scores, quotes, and which inputs were known by its close.

    `along` as in `score`.
    """
    snapshot = snapshot.upto(snapshot.as_of)
    panel, last = snapshot.panel, snapshot.sessions.size - 1
    price, change, last_bar = _quotes(panel, None if along is None else along.closes)
    return Board(
        data_name=snapshot.name,
        data_version=snapshot.version,
        as_of=snapshot.as_of,
        adjustment=panel.adjustment,
        securities=snapshot.securities,
        scores=score(snapshot, np.array([last], dtype=np.int64), along),
        price=price,
        change=change,
        last_bar=last_bar,
        inputs=known_inputs(snapshot, None if along is None else along.moves),
    )


def _quotes(panel: Panel, closes: NDArray[np.signedinteger[Any]] | None) -> tuple[FloatArray, FloatArray, DateArray]:
    """Last close of each symbol, its change from the symbol's close before, and the last close's session."""
    rows = last_known(np.isfinite(panel.close)) if closes is None else closes
    columns = np.arange(panel.shape[1])
    last = rows[panel.shape[0] - 1].astype(np.int64)
    before = np.where(last > 0, rows[np.maximum(last - 1, 0), columns], -1)
    price = np.where(last >= 0, panel.close[last, columns], np.nan)
    change = np.where(before >= 0, price - panel.close[before, columns], np.nan)
    return price, change, np.where(last >= 0, panel.sessions[last], np.datetime64("NaT", "D"))
