"""What an archive holds, by source and subject, read once per sync."""

from __future__ import annotations

from datetime import date, datetime
from threading import Lock

import polars as pl

from vfr.data.bitemporal.tables import Kind, empty
from vfr.errors import NoData
from vfr.workflows.archive import Archive

__all__ = ["Stored"]


class Stored:
    """The tables of an archive's newest version; safe to ask from several threads.

    Parameters
    ----------
    archive : Archive
        One without any version counts as empty.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = Lock()
        self._tables: dict[Kind, pl.DataFrame] = {}
        self._parts: dict[Kind, dict[tuple[str, str], pl.DataFrame]] = {}

    def table(self, kind: Kind) -> pl.DataFrame:
        """Return a table whole."""
        with self._lock:
            if kind not in self._tables:
                try:
                    self._tables[kind] = self._archive.read(kind)
                except NoData:
                    self._tables[kind] = empty(kind)
            return self._tables[kind]

    def rows(self, kind: Kind, source: str, subject: str) -> pl.DataFrame:
        """Return the rows of a subject from a source."""
        frame = self.table(kind)
        with self._lock:
            if kind not in self._parts:
                parts = frame.partition_by(["source", frame.columns[0]], as_dict=True)
                self._parts[kind] = {(str(held), str(name)): part for (held, name), part in parts.items()}
            return self._parts[kind].get((source, subject), empty(kind))

    def newest(self, kind: Kind, source: str, subject: str) -> date | None:
        """Return the day of the newest fact of a subject from a source, None if there is none."""
        rows = self.rows(kind, source, subject)
        column = next((name for name in ("date", "created_at", "period_end") if name in rows.columns), "known_at")
        last = rows[column].max()
        if isinstance(last, datetime):
            return last.date()
        return last if isinstance(last, date) else None
