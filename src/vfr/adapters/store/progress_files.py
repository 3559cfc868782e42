"""Progress of running requests, shared by every server process of a data home.

::

    HOME/progress/<sha256 of the session id>.jsonl    one event per line; gone after ten minutes

The name is a hash, so that an id cannot name another file; the folder holds a bounded number of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from vfr.clock import epoch_ms

__all__ = ["ProgressFiles"]

EXPIRES_MS: Final = 600_000
KEPT: Final = 1_000


class ProgressFiles:
    """Events by session id.

    Parameters
    ----------
    home : Path
        Data home.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "progress"

    def begin(self, session_id: str) -> None:
        """Forget what an earlier request of the same id left, and whatever has expired."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self._path(session_id).write_bytes(b"")

    def append(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Add an event; one write, so that a reader sees a whole line or none."""
        with self._path(session_id).open("ab", buffering=0) as log:
            log.write(json.dumps(dict(event)).encode() + b"\n")

    def read(self, session_id: str, offset: int) -> tuple[list[dict[str, Any]], int]:
        """Return the events after an offset, and the offset after them."""
        try:
            content = self._path(session_id).read_bytes()
        except FileNotFoundError:
            return [], 0
        start = offset if offset <= len(content) else 0
        whole = content[start : content.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], start + len(whole)

    def _path(self, session_id: str) -> Path:
        return self._folder / f"{sha256(session_id.encode()).hexdigest()}.jsonl"

    def _sweep(self) -> None:
        """Remove what has expired, and the oldest beyond the bound; another process may be quicker."""
        ages = []
        for path in self._folder.iterdir():
            try:
                ages.append((epoch_ms() - path.stat().st_mtime_ns // 1_000_000, path))
            except FileNotFoundError:
                continue
        ages.sort(key=lambda entry: entry[0])
        for place, (age, path) in enumerate(ages):
            if age > EXPIRES_MS or place >= KEPT - 1:
                path.unlink(missing_ok=True)
