"""What a process beside a server computes: boards of past days, from its own look at the data home."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.workflows.held import HeldDatasets

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

__all__ = ["past_board"]


def past_board(home: Path, day: np.datetime64) -> bytes:
    """Return the encoded board of the last session on or before a day; runs in a process of its own.

    Raises
    ------
    NoData
        If no data set is installed, or the day is before its first session.
    """
    from vfr.adapters.store.codecs import encode_board
    from vfr.factors.compute import compute_board

    return encode_board(compute_board(_datasets(home).snapshot().upto(day)))


@cache
def _datasets(home: Path) -> HeldDatasets:
    return HeldDatasets(DirectoryDatasets(home))
