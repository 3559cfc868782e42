"""What a store of data sets must offer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from vfr.errors import InvalidField

if TYPE_CHECKING:
    from vfr.data.quality import QualityReport
    from vfr.data.snapshot import Snapshot
    from vfr.factors.board import Board

__all__ = ["BUNDLED", "DatasetInfo", "DatasetStore", "checked_name"]

BUNDLED: Final = "bundled"
"""The data set that stands in until there is another."""

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)


def checked_name(name: str) -> str:
    """Return a data set's name if it is one, so that it can name a folder everywhere.

    Raises
    ------
    InvalidField
        If it is not up to 64 lower-case letters, digits, ``-`` and ``_``.
    """
    if not _NAME.fullmatch(name):
        raise InvalidField("name", "must be up to 64 lower-case letters, digits, - and _, first a letter or digit")
    return name


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """What `vfr data status` says of one data set.

    `version` is the content hash; `first` and `last` are ISO days of its sessions; `current` tells whether requests
    use it; `inputs` names the kinds of input it holds. `problem` says why a damaged data set cannot be used; its
    figures are then 0 and "".
    """

    name: str
    version: str
    current: bool
    sessions: int
    symbols: int
    first: str
    last: str
    adjustment: str
    inputs: tuple[str, ...]
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return asdict(self) | {"inputs": list(self.inputs)}


class DatasetStore(Protocol):
    """Named data sets, each with its last versions; one of them is current.

    Every reader takes `name`; None means the current data set. Readers raise `NoData` if nothing is installed,
    `UnknownDataset` if there is no data set of that name and `DatasetCorrupt` if it fails its checks.
    """

    def publish(self, snapshot: Snapshot, quality: QualityReport, board: Board, *, make_current: bool = True) -> str:
        """Store a data set under its name, make it current if wanted, and return its version; all or nothing."""
        ...

    def names(self) -> list[DatasetInfo]:
        """Return every data set, by name."""
        ...

    def current(self) -> str | None:
        """Return the name of the current data set, None if there is none."""
        ...

    def stamp(self) -> str | None:
        """Return a key that changes whenever what `board` and `snapshot` return changes; None if there is no data set.

        Cheap enough to ask at every request.
        """
        ...

    def use(self, name: str) -> None:
        """Make a data set current."""
        ...

    def snapshot(self, name: str | None = None, symbols: Sequence[str] | None = None) -> Snapshot:
        """Return everything a data set holds, or, given symbols, everything about them, in the panel's order.

        A part is for reading what is known of a few names: whatever ranks names against each other needs the whole.
        `UnknownSymbol` is raised for a symbol it lacks.
        """
        ...

    def board(self, name: str | None = None) -> Board:
        """Return the prepared last row of a data set."""
        ...

    def quality(self, name: str | None = None) -> QualityReport:
        """Return what the import of a data set found."""
        ...

    def verify(self, name: str | None = None) -> list[str]:
        """Return the files of a data set that differ from what was stored, reading every byte; empty when intact."""
        ...
