"""Boards of past days, one after the other: what the days carry along is computed once for each version of the data."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from vfr.factors.board import Board
    from vfr.factors.carried import Carried
    from vfr.workflows.datasets import DatasetStore

__all__ = ["PastBoards"]


class PastBoards:
    """Computes boards of past days; safe in threads, one day at a time.

    Parameters
    ----------
    datasets : DatasetStore
        One that holds its current snapshot in memory.
    """

    def __init__(self, datasets: DatasetStore) -> None:
        self._datasets = datasets
        self._lock = Lock()
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
        from vfr.factors.carried import carried
        from vfr.factors.compute import compute_board

        with self._lock:
            whole = self._datasets.snapshot()
            past, version = whole.upto(day), (whole.name, whole.version)
            if self._along is None or self._along[0] != version:
                self._along = None  # Two of them would not fit into the memory of one.
                self._along = version, carried(whole)
            return compute_board(past, self._along[1])
