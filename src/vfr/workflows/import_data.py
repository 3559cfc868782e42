"""Use case: take data from a provider, check it, prepare the last row, and store it; all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vfr.workflows.compiling import factors_stage
from vfr.workflows.datasets import checked_name

if TYPE_CHECKING:
    from vfr.data.provider import DatasetSource, Progress
    from vfr.data.quality import QualityReport
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board
    from vfr.workflows.datasets import DatasetStore

__all__ = ["ImportResult", "import_data"]


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What was imported: name, content hash, quality, and the number of sessions and symbols."""

    name: str
    version: str
    quality: QualityReport
    sessions: int
    symbols: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "name": self.name,
            "dataVersion": self.version,
            "sessions": self.sessions,
            "symbols": self.symbols,
            "quality": self.quality.to_dict(),
        }


def import_data(
    provider: DatasetSource,
    store: DatasetStore,
    *,
    build_board: Callable[[Snapshot], Board] | None = None,
    progress: Progress | None = None,
) -> ImportResult:
    """Import a provider's data under its name and make it the current data set.

    Parameters
    ----------
    provider : DatasetSource
        The source.
    store : DatasetStore
        Where it is kept. Whatever was there stays until the last step.
    build_board : callable, optional
        Prepares the last row; by default every factor of the classic score.
    progress : callable, optional
        Called with a stage in plain words and the fraction done, 0 to 1.

    Returns
    -------
    ImportResult

    Raises
    ------
    ImportRejected
        If the source cannot be used; the store is untouched.
    InvalidField
        If the provider's name cannot name a data set.
    """
    checked_name(provider.name)
    tell = progress or _silent
    snapshot, quality = provider.load(lambda stage, fraction: tell(stage, 0.5 * fraction))
    tell(factors_stage(), 0.5)
    board = (build_board or _every_factor)(snapshot)
    tell("storing", 0.8)
    version = store.publish(snapshot, quality, board)
    tell("done", 1.0)
    return ImportResult(snapshot.name, version, quality, *snapshot.panel.shape)


def _every_factor(snapshot: Snapshot) -> Board:
    from vfr.factors.compute import compute_board

    return compute_board(snapshot)


def _silent(stage: str, fraction: float) -> None:
    """Tell nobody."""
    del stage, fraction
