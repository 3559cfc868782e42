"""What a process beside a server computes: boards of past days, from its own look at the data home."""

from __future__ import annotations

from functools import cache
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

from vfr.adapters.compute.heap import give_back
from vfr.adapters.store.aside_files import on_disk
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.workflows.held import HeldDatasets
from vfr.workflows.past_boards import PastBoards

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from vfr.typing import FloatArray

__all__ = ["PastBoard", "past_board"]


class PastBoard(NamedTuple):
    """The bytes of a board, and why what days carry along could not be computed since the one before, mostly never."""

    raw: bytes
    failed: tuple[str, ...]


def past_board(home: Path, day: np.datetime64) -> PastBoard:
    """Return the board of the last session on or before a day; runs in a process of its own.

    Raises
    ------
    NoData
        If no data set is installed.
    InvalidField
        If the day is before its first session.
    """
    from vfr.adapters.store.codecs import encode_board

    boards, failures = _boards(home)
    raw = encode_board(boards(day))
    failed = tuple(failures)
    del failures[: len(failed)]
    return PastBoard(raw, failed)


@cache
def _boards(home: Path) -> tuple[PastBoards, list[str]]:
    failures: list[str] = []
    datasets = HeldDatasets(DirectoryDatasets(home))
    return PastBoards(datasets, _aside, _keep(on_disk(home)), lambda error: failures.append(repr(error))), failures


def _keep(on_disk: Callable[[FloatArray], FloatArray]) -> Callable[[FloatArray], FloatArray]:
    """Return what keeps figures on disk, and in memory where there is no room."""

    def keep(figures: FloatArray) -> FloatArray:
        try:
            return on_disk(figures)
        except OSError:
            return figures

    return keep


def _aside(work: Callable[[], None]) -> None:
    """Compute something on a thread, which ends with the process whenever that ends."""

    def run() -> None:
        work()
        give_back()

    Thread(target=run, name="vfr-past-days", daemon=True).start()
