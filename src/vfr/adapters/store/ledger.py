"""A hash-chained ledger in one JSON-lines file: changing or dropping an earlier row breaks every later hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vfr.adapters.store.models_log import GENESIS, append_chained, link, read_rows
from vfr.adapters.store.publishing import single_writer

__all__ = ["FileLedger"]


class FileLedger:
    """Rows ``{previous, entry, hash}``; implements `vfr.workflows.ledger.Ledger`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: Mapping[str, Any]) -> str:
        """Append a run and return its hash."""
        with single_writer(self._path.parent):
            rows = read_rows(self._path)
            previous = rows[-1]["hash"] if rows else GENESIS
            append_chained(self._path, previous, [entry])
        return link(previous, entry)

    def entries(self) -> list[dict[str, Any]]:
        """Return the entry of every run, oldest first."""
        return [dict(row.get("entry", {})) for row in read_rows(self._path)]

    def broken(self) -> tuple[int, ...]:
        """Return the numbers (from 0) of rows whose hash does not follow from the row before."""
        found, previous = [], GENESIS
        for number, row in enumerate(read_rows(self._path)):
            if row.get("previous") != previous or row.get("hash") != link(previous, row.get("entry", {})):
                found.append(number)
            previous = str(row.get("hash"))
        return tuple(found)
