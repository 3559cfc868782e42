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
    failed : callable, optional
        Told why that could not be computed.

    Notes
    -----
    Until it is there, days are computed from their past alone. That takes a third of the time of what all days carry
    along, so that who asks for one day does not pay for the others. Where it fails no day does: the next one tries
    again.
    """

    def __init__(
        self,
        datasets: DatasetStore,
        aside: Callable[[Callable[[], None]], object] | None = None,
        keep: Keep | None = None,
        failed: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._datasets = datasets
        self._aside = aside
        self._keep = keep
        self._failed = failed or _ignore
        self._lock = Lock()
        self._asked: tuple[str, str] | None = None
        self._along: Carried | None = None
        self._under_way = False

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
            past, again = whole.upto(day), self._asked == _version(whole)
            if not again:
                # Of the version before nothing is kept: two would not fit into the memory of one.
                self._asked, self._along, self._under_way = _version(whole), None, False
            if again and self._aside is None and self._along is None:
                self._along = self._carried(whole)
            board = compute_board(past, self._along)
            if self._aside is not None and self._along is None and not self._under_way:
                self._begin(whole, self._aside)
            return board

    def _begin(self, whole: Snapshot, aside: Callable[[Callable[[], None]], object]) -> None:
        self._under_way = True
        try:
            aside(partial(self._carry, whole))
        except RuntimeError as error:  # Out of threads.
            self._under_way = False
            self._failed(error)

    def _carry(self, whole: Snapshot) -> None:
        found = self._carried(whole)
        with self._lock:
            if self._asked == _version(whole):  # Else the data changed meanwhile.
                self._along, self._under_way = found, False

    def _carried(self, whole: Snapshot) -> Carried | None:
        """Compute what the days of a version carry along; None if that failed."""
        from vfr.factors.carried import carried, in_memory

        try:
            return carried(whole, self._keep or in_memory)
        except Exception as error:  # noqa: BLE001 - days are computed without it
            self._failed(error)
            return None


def _ignore(_: BaseException) -> None:
    """Tell nobody."""


def _version(whole: Snapshot) -> tuple[str, str]:
    return whole.name, whole.version
