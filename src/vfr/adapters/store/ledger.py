"""A hash-chained ledger in one JSON-lines file: changing or dropping an earlier row breaks every later hash."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vfr.adapters.chain import link
from vfr.adapters.store.models_log import Chain, append_chained, read_chain
from vfr.adapters.store.publishing import single_writer

__all__ = ["FileLedger"]


class FileLedger:
    """Rows ``{previous, entry, hash}``; implements `vfr.workflows.ledger.Ledger`.

    That its newest rows were cut off cannot be seen in the file alone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def append(self, entry: Mapping[str, Any]) -> str:
        """Append a run and return its hash; a ledger that is not whole takes it, and stays not whole."""
        with single_writer(self._path.parent):
            head = self._chain().head
            append_chained(self._path, head, [entry])
        return link(head, entry)

    def entries(self) -> list[dict[str, Any]]:
        """Return the entry of every run that can be believed, oldest first."""
        return list(self._chain().entries)

    def problems(self) -> tuple[str, ...]:
        """Return a sentence about each row that was changed, dropped or moved; none if the chain holds."""
        return self._chain().problems

    def _chain(self) -> Chain:
        body = self._path.read_bytes() if self._path.is_file() else b""
        return read_chain(body, from_the_first=True)
