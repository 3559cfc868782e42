"""Boards of past days, one after the other: what the days carry along is computed once for each version of the data."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board
    from vfr.factors.carried import Carried
    from vfr.typing import Keep
    from vfr.workflows.datasets import DatasetStore

__all__ = ["PastBoards"]


class PastBoards:
    """Computes boards of past days; safe in threads, one day at a time.

    Parameters
    ----------
    datasets : DatasetStore
        One that holds its current snapshot in memory.
    aside : callable, optional
        Has something computed beside what is answered meanwhile: what the days of a version carry along, after its
        first day. By default its second day waits for that.
    keep : callable, optional
        Where that is kept; in memory by default.

    Notes
    -----
    Until it is there, days are computed from their past alone. That takes a third of the time of what all days carry
    along, so that who asks for one day does not pay for the others.
    """

    def __init__(
        self,
        datasets: DatasetStore,
        aside: Callable[[Callable[[], None]], object] | None = None,
        keep: Keep | None = None,
    ) -> None:
        self._datasets = datasets
        self._aside = aside
        self._keep = keep
        self._lock = Lock()
        self._asked: tuple[tuple[str, str], int] | None = None
        self._along: tuple[tuple[str, str], Carried] | None = None

    def __call__(self, day: np.datetime64) -> Board:
        """Return the board of the last session on or before a day.

        Raises
        ------
        NoData
            If no data set is installed.
        InvalidField
            If the day is before its first session.
        """
        from vfr.factors.compute import compute_board

        with self._lock:
            whole = self._datasets.snapshot()
            past, times = whole.upto(day), self._times(whole)
            if times == 1 and self._aside is None:
                self._carry(whole)
            board = compute_board(past, self._carried(whole))
            if times == 0 and self._aside is not None:
                self._aside(partial(self._carry, whole))
            return board

    def _times(self, whole: Snapshot) -> int:
        """Count how often a version was asked before; what another one carries is let go."""
        if self._asked is None or self._asked[0] != _version(whole):
            self._asked, self._along = (_version(whole), 0), None  # Two would not fit into the memory of one.
        before = self._asked[1]
        self._asked = _version(whole), before + 1
        return before

    def _carry(self, whole: Snapshot) -> None:
        from vfr.factors.carried import carried, in_memory

        found = _version(whole), carried(whole, self._keep or in_memory)
        if self._asked is not None and self._asked[0] == found[0]:
            self._along = found

    def _carried(self, whole: Snapshot) -> Carried | None:
        """Return what a version carries along, None while it is not there."""
        held = self._along
        return held[1] if held is not None and held[0] == _version(whole) else None


def _version(whole: Snapshot) -> tuple[str, str]:
    return whole.name, whole.version
