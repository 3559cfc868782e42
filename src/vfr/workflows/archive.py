"""What an archive of facts must offer: tables with two times, published whole, old versions kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol

import polars as pl

from vfr.data.bitemporal.tables import MOMENT, Kind

__all__ = ["MAX_QUARANTINE", "QUARANTINE", "Archive", "ArchiveVersion"]

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


class Archive(Protocol):
    """Tables of facts under one name. Readers need no lock; a reader sees one version whole."""

    @property
    def name(self) -> str:
        """Name of the data set made from it."""
        ...

    def versions(self) -> list[ArchiveVersion]:
        """Return the versions kept, newest first; empty before the first publish.

        Raises
        ------
        DatasetCorrupt
            If a version's description cannot be read.
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
        NoData
            If there is no such version.
        DatasetCorrupt
            If a file is missing or damaged.
        """
        ...

    def publish(self, additions: Mapping[Kind, pl.DataFrame], *, sources: Sequence[str], now: datetime) -> str:
        """Add rows to tables and publish the result in one step; return its version.

        Parameters
        ----------
        additions : mapping of Kind to polars.DataFrame
            Rows to add; nothing stored is changed or removed.
        sources : sequence of str
            Providers in order of trust, kept with the version.
        now : datetime
            Kept with the version, outside its hash.

        Raises
        ------
        DataError
            If it cannot be written; what was published stays.
        """
        ...

    def quarantine(self, rows: pl.DataFrame) -> None:
        """Keep refused rows beside the tables, each once; no view ever sees them."""
        ...

    def quarantined(self) -> pl.DataFrame:
        """Return the refused rows, oldest first."""
        ...

    def lock(self) -> AbstractContextManager[None]:
        """Hold the only writer's lock.

        Raises
        ------
        SyncBusy
            If another process holds it.
        """
        ...
