"""Progress of running requests, shared by every server process of a data home.

::

    HOME/progress/<sha256 of the session id>.jsonl    a mark, then one event per line; gone after ten minutes
    HOME/progress/<sha256 of the session id>.owner    who opened it first, hashed

The name is a hash, so that an id cannot name another file; the folder holds a bounded number of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from vfr.clock import elapsed_ms, epoch_ms
from vfr.workflows.progress_channel import EXPIRES_S, Told

__all__ = ["ProgressFiles"]

KEPT: Final = 1_000
SWEPT_EVERY_MS: Final = 1_000.0
"""A full folder takes 10 ms to look through, which no session of its own should cost."""

MARK: Final = b"# "
"""Begins the first line, which differs each time a session is begun: it tells a file from the one it took over from."""


class ProgressFiles:
    """Events by session id; implements `vfr.workflows.progress_channel.ProgressChannel`.

    Parameters
    ----------
    home : Path
        Data home.

    Notes
    -----
    The id of an event is the mark of its file and the offset after it.
    """

    def __init__(self, home: Path) -> None:
        self._folder = home / "progress"
        self._sweep_from = 0.0

    def claim(self, session_id: str, owner: str) -> bool:
        """Bind a session to whoever opens it first, and say whether that is `owner`."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        path, mine = self._path(session_id, "owner"), sha256(owner.encode()).digest()
        written = self._folder / f"{uuid4().hex}.new"
        written.write_bytes(mine)
        try:
            path.hardlink_to(written)  # With what it holds: who comes second never finds it empty.
        except FileExistsError:
            if path.read_bytes() != mine:
                return False
            os.utime(path)  # Nobody else's for as long as its owner comes back.
        finally:
            written.unlink(missing_ok=True)
        return True

    def begin(self, session_id: str) -> None:
        """Forget what an earlier request of the same id left, and whatever has expired."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._sweep()
        path = self._path(session_id, "jsonl")
        path.unlink(missing_ok=True)
        self._add(path, MARK + uuid4().hex.encode())

    def append(self, session_id: str, event: Mapping[str, Any]) -> None:
        """Add an event; one write, so that a reader sees a whole line or none."""
        self._add(self._path(session_id, "jsonl"), json.dumps(dict(event)).encode())

    def read(self, session_id: str, after: str | None = None) -> list[Told]:
        """Return the events after one, or all if the file was begun anew since; a line that is no event is skipped."""
        try:
            content = self._path(session_id, "jsonl").read_bytes()
        except FileNotFoundError:
            return []
        mark = content[len(MARK) : content.find(b"\n")].decode("ascii", "replace")
        start, told = _offset(after, mark), []
        for line in content[start : content.rfind(b"\n") + 1].splitlines(keepends=True):
            start += len(line)
            event = _event(line)
            if event is not None:
                told.append(Told(f"{mark}-{start}", event))
        return told

    @staticmethod
    def _add(path: Path, line: bytes) -> None:
        with path.open("ab", buffering=0) as log:
            log.write(line + b"\n")

    def _path(self, session_id: str, kind: str) -> Path:
        return self._folder / f"{sha256(session_id.encode()).hexdigest()}.{kind}"

    def _sweep(self) -> None:
        """Remove what has expired, and the oldest beyond the bound, now and then; another process may be quicker."""
        now = elapsed_ms()
        if now < self._sweep_from:
            return
        self._sweep_from = now + SWEPT_EVERY_MS
        ages = []
        for path in self._folder.iterdir():
            try:
                ages.append((epoch_ms() - path.stat().st_mtime_ns // 1_000_000, path))
            except FileNotFoundError:
                continue
        ages.sort(key=lambda entry: entry[0])
        for place, (age, path) in enumerate(ages):
            if age > 1000 * EXPIRES_S or place >= 2 * KEPT - 1:
                path.unlink(missing_ok=True)


def _offset(after: str | None, mark: str) -> int:
    """Return the offset that an event's id names in the file with this mark; 0 if it is of another file."""
    of, _, offset = (after or "").rpartition("-")
    return int(offset) if of == mark and offset.isascii() and offset.isdigit() and len(offset) < 12 else 0


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None
