"""What a source of data must offer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from vfr.data.quality import QualityReport
from vfr.data.snapshot import Snapshot

__all__ = ["DataProvider", "Progress"]

Progress: TypeAlias = Callable[[str, float], None]
"""Called with a stage in plain words and the fraction done, 0 to 1."""


class DataProvider(Protocol):
    """A source that can be read whole."""

    @property
    def name(self) -> str:
        """Name of the data set it makes."""
        ...

    def load(self, progress: Progress | None = None) -> tuple[Snapshot, QualityReport]:
        """Return everything the source knows, and what its checks found.

        The snapshot's `version` is its content hash, so the same content gives the same version whatever the order
        of its rows.

        Raises
        ------
        ImportRejected
            If the source cannot be used; the message names the file, the column, the row and the fix.
        """
        ...
