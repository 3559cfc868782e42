"""Use case: join what was forecast with what came of it, by the label's own horizon, price and adjustment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.journal.settlement import restatements, settle_session
from vfr.typing import HORIZONS, BoolArray, Horizon
from vfr.workflows.journal_tallies import keep_tallies

if TYPE_CHECKING:
    from datetime import datetime

    from vfr.data.panel import Panel
    from vfr.data.snapshot import Snapshot
    from vfr.journal.journal import Journal
    from vfr.journal.records import Restatement
    from vfr.workflows.datasets import DatasetStore

__all__ = ["FORGOTTEN_AT_ONCE", "LOOKED_BACK", "Settled", "forget", "settle"]

FORGOTTEN_AT_ONCE: Final = 10_000

LOOKED_BACK: Final = 252
"""Sessions whose settled outcomes are held to newer data: a year."""


@dataclass(frozen=True, slots=True)
class Settled:
    """What was settled for one data set.

    `data_version` names the data; `new` outcomes were joined, `unknown` of them for good without a price, `restated`
    ones were found changed; `waiting` sessions have names left without an outcome.
    """

    data_version: str
    new: int
    unknown: int
    restated: int
    waiting: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self)


def settle(journal: Journal, datasets: DatasetStore, now: datetime, *, again: bool = False) -> Mapping[str, Settled]:
    """Settle every installed data set that was forecast from and whose data are new.

    Parameters
    ----------
    journal : Journal
    datasets : DatasetStore
    now : datetime
        Aware; when outcomes are said to be settled.
    again : bool
        Look at data sets that were settled with the same data, too.

    Returns
    -------
    mapping of str to Settled
        By data set; those with nothing to look at are left out. Running it again changes nothing: an outcome that is
        there stays, whatever the data say later.

    Raises
    ------
    DataError
        If the journal cannot be used, or a data set cannot be read.
    """
    names = journal.data_names()
    if not names:
        return {}
    installed = {info.name: info.version for info in datasets.names() if info.problem is None}
    done = {}
    for name in names:
        if name in installed and (again or journal.checked(name) != installed[name]):
            snapshot = datasets.snapshot(None if name == datasets.current() else name)
            done[name] = _settle_one(journal, snapshot, now)
        for horizon in HORIZONS:
            keep_tallies(journal, name, horizon)
    return done


def forget(journal: Journal, before: datetime, *, at_most: int = FORGOTTEN_AT_ONCE) -> int:
    """Forget what users were shown before a moment, in parts: others write in between. Forecasts are kept for good.

    Parameters
    ----------
    journal : Journal
    before : datetime
        Aware.
    at_most : int
        Rows of one part.

    Returns
    -------
    int
        How many were forgotten; what an experiment decided is kept with it.

    Raises
    ------
    DataError
        If the journal cannot be used.
    """
    gone = part = journal.prune(before.timestamp(), at_most)
    while part >= at_most:
        part = journal.prune(before.timestamp(), at_most)
        gone += part
    return gone


def _settle_one(journal: Journal, snapshot: Snapshot, now: datetime) -> Settled:
    from vfr.workflows.train_data import counting

    counts, _ = counting(snapshot)
    waiting = journal.open_sessions(snapshot.name)
    fresh = [
        found
        for one in waiting
        if (found := settle_session(snapshot.panel, counts, one.horizon, np.datetime64(one.as_of), one.symbols))
    ]
    moved = [one for horizon in HORIZONS for one in _moved(journal, snapshot.name, snapshot.panel, counts, horizon)]
    new, restated = journal.settle(snapshot.name, snapshot.version, fresh, moved, now.timestamp())
    unknown = sum(reason is not None for found in fresh for reason in found.reason)
    known = {(found.horizon, str(found.as_of)): len(found.symbols) for found in fresh}
    left = sum(known.get((one.horizon, one.as_of), 0) < len(one.symbols) for one in waiting)
    return Settled(snapshot.version, new, unknown, restated, left)


def _moved(journal: Journal, name: str, panel: Panel, counts: BoolArray, horizon: Horizon) -> list[Restatement]:
    """Return the settled outcomes that the data put differently now."""
    since = str(panel.sessions[max(panel.sessions.size - LOOKED_BACK, 0)])
    moved: list[Restatement] = []
    for last in journal.last_returns(name, horizon, since):
        now = settle_session(panel, counts, horizon, last.as_of, last.symbols)
        moved += restatements(last, now) if now is not None else []
    return moved
