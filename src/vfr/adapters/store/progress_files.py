"""Progress of running requests, shared by every server process of a data home.

::

    HOME/progress/<sha256 of the session id>.jsonl    a mark, then one event per line; gone after ten minutes

The name is a hash, so that an id cannot name another file; the folder holds a bounded number of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from vfr.clock import epoch_ms

__all__ = ["ProgressFiles"]

EXPIRES_MS: Final = 600_000
KEPT: Final = 1_000
MARK: Final = b"# "
"""Begins the first line, which differs each time a session is begun: it tells a file from the one it took over from."""

Place = tuple[bytes, int]
"""First line of the file that was read, and the offset after what was read of it."""


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
        path = self._path(session_id)
        path.unlink(missing_ok=True)
        self._add(path, MARK + uuid4().hex.encode())

    def append(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Add an event; one write, so that a reader sees a whole line or none."""
        self._add(self._path(session_id), json.dumps(dict(event)).encode())

    def read(self, session_id: str, place: Place | None = None) -> tuple[list[dict[str, Any]], Place | None]:
        """Return the events after a place, and the place after them; None is the beginning.

        A file that was begun anew since is read from its beginning; a line that is no event is passed over.
        """
        try:
            content = self._path(session_id).read_bytes()
        except FileNotFoundError:
            return [], None
        first = content[: content.find(b"\n") + 1]
        start = place[1] if place is not None and place[0] == first else 0
        whole = content[start : content.rfind(b"\n") + 1]
        events = [event for line in whole.splitlines() if (event := _event(line)) is not None]
        return events, (first, start + len(whole))

    @staticmethod
    def _add(path: Path, line: bytes) -> None:
        with path.open("ab", buffering=0) as log:
            log.write(line + b"\n")

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


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
