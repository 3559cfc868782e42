"""What an archive of facts must offer: tables with two times, published whole, old versions kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeAlias

import polars as pl

from vfr.data.bitemporal.tables import MOMENT, Kind

__all__ = ["MAX_QUARANTINE", "QUARANTINE", "Archive", "ArchiveVersion", "Held", "LostPart", "Repair"]

QUARANTINE: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "source": pl.String,
    "kind": pl.String,
    "subject": pl.String,
    "reason": pl.String,
    "row": pl.String,
    "seen_at": MOMENT,
}
"""Columns of refused rows; `row` is the row as JSON."""

MAX_QUARANTINE: Final = 100_000
"""Refused rows kept."""


Held: TypeAlias = Callable[[], bool]
"""Tells whether a lock is held still; False once means lost for good. `DataError` if that cannot be found out."""


@dataclass(frozen=True, slots=True)
class ArchiveVersion:
    """One published state: `version` is a hash of its content, `rows` counts the rows of each table."""

    version: str
    published_at: datetime
    rows: Mapping[str, int]
    sources: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "version": self.version,
            "publishedAt": self.published_at.isoformat(),
            "rows": dict(self.rows),
            "sources": list(self.sources),
        }


@dataclass(frozen=True, slots=True)
class LostPart:
    """A damaged or missing part of a table: its year (or ``all``), the rows lost, and those an older version gave."""

    table: Kind
    part: str
    rows: int
    restored: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {"table": self.table, "part": self.part, "rows": self.rows, "restored": self.restored}


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair came to: the newest version, whether it is a new one, what it lost, and files set aside."""

    name: str
    version: str
    changed: bool
    lost: tuple[LostPart, ...]
    set_aside: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "name": self.name,
            "version": self.version,
            "changed": self.changed,
            "lost": [part.to_dict() for part in self.lost],
            "setAside": list(self.set_aside),
        }


class Archive(Protocol):
    """Tables of facts under one name. Readers need no lock; a reader sees one version whole."""

    @property
    def name(self) -> str:
        """Name of the data set made from it."""
        ...

    def versions(self) -> list[ArchiveVersion]:
        """Return the versions kept that can be read, newest first; empty before the first publish.

        Raises
        ------
        DatasetCorrupt
            If the newest version's description cannot be read.
        """
        ...

    def read(self, kind: Kind, *, version: str | None = None, subjects: Sequence[str] | None = None) -> pl.DataFrame:
        """Return a table in stored order: every row, or those of some subjects.

        Parameters
        ----------
        kind : Kind
        version : str, optional
            One of `versions`; the newest by default.
        subjects : sequence of str, optional
            Symbols, series or indices.

        Raises
        ------
        UnknownDataset
            If there is no such version.
        NoData
            If there is none at all.
        DatasetCorrupt
            If a file is missing, or a byte of it is not what was written.
        DataError
            If a file cannot be read for another reason.
        """
        ...

    def publish(self, additions: Mapping[Kind, pl.DataFrame], *, sources: Sequence[str], now: datetime) -> str:
        """Add rows to tables and publish the result in one step; return its version.

        Parameters
        ----------
        additions : mapping of Kind to polars.DataFrame
            Rows to add, each kept once; nothing stored is changed or removed.
        sources : sequence of str
            Providers in order of trust, kept with the version.
        now : datetime
            Kept with the version, outside its hash.

        Raises
        ------
        SyncBusy
            If the lock was lost, or another process published meanwhile; nothing is changed.
        DatasetCorrupt
            If a part that is to be extended is missing or damaged; nothing is changed.
        DataError
            If it cannot be written; what was published stays.
        """
        ...

    def quarantine(self, rows: pl.DataFrame) -> None:
        """Keep refused rows beside the tables, each once; no view ever sees them.

        Raises
        ------
        SyncBusy
            If the lock was lost.
        DataError
            If they cannot be written.
        """
        ...

    def quarantined(self) -> pl.DataFrame:
        """Return the refused rows, oldest first; if their file is damaged, one row without a time that says so."""
        ...

    def lock(self) -> AbstractContextManager[Held]:
        """Hold the only writer's lock; what it yields tells whether it is held still.

        Raises
        ------
        SyncBusy
            If another process holds it.
        """
        ...
