"""The scoreboard of machine learning, wired: kept current by one process of a data home at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from vfr.adapters.store.publishing import single_writer, try_writer

if TYPE_CHECKING:
    from vfr.workflows.ml_board import MlBoard
    from vfr.workflows.refresh import Refresh

__all__ = ["Refreshing"]


def _quiet(stage: str) -> None:
    """Tell nobody."""


class Refreshing:
    """What follows data, models and outcomes, and publishes a scoreboard after every change.

    Parameters
    ----------
    root : Path
        Folder of the scoreboards; its lock is held while one is made.
    make : callable
        Makes what refreshes, at the first question: it imports models.
    end : callable
        Ends the threads on which members are asked.

    Notes
    -----
    For one thread at a time. Another process may refresh the same data home: whoever comes second finds it done.
    """

    def __init__(self, root: Path, make: Callable[[], Refresh], end: Callable[[], None]) -> None:
        self._root = root
        self._make = make
        self._end = end
        self._lock = Lock()
        self._made: Refresh | None = None

    def due(self) -> bool:
        """Return whether the scoreboard is not current; cheap enough to be asked some times a second."""
        with self._lock:
            return self._refresh().due()

    def step(self, tell: Callable[[str], None] = _quiet, *, wait: bool = False) -> MlBoard | None:
        """Do what is due.

        Parameters
        ----------
        tell : callable
            Told the stage in words where members are asked.
        wait : bool
            Wait while another process refreshes; else leave it to that process.

        Returns
        -------
        MlBoard or None
            What is published then; None where another process is at it, there is no data, machine learning is switched
            off, or the data changed meanwhile.

        Raises
        ------
        VfrError, OSError
            If data, models or the data home cannot be read or written; the board that is published stays.
        """
        with self._lock:
            if wait:
                with single_writer(self._root):
                    return self._refresh().step(tell)
            with try_writer(self._root) as mine:
                return self._refresh().step(tell) if mine else None

    def cold(self) -> bool:
        """Return whether the next change of champion would wait for features; see `vfr.workflows.refresh`."""
        with self._lock:
            return self._refresh().cold()

    def warm(self, tell: Callable[[str], None] = _quiet) -> None:
        """Ask every member once, and publish nothing; see `vfr.workflows.refresh`."""
        with self._lock:
            self._refresh().warm(tell)

    def close(self) -> None:
        """Ask no member any more, and end every thread but those of members that hang."""
        self._end()

    def _refresh(self) -> Refresh:
        if self._made is None:
            self._made = self._make()
        return self._made
