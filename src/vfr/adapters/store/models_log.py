"""The append-only log of model versions: what was stored, promoted and rolled back, by whom and why."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["append_rows", "read_rows"]


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return every whole row, oldest first; a last row cut short by a kill never happened."""
    if not path.is_file():
        return []
    rows = []
    for line in path.read_bytes().split(b"\n")[:-1]:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict):
            rows.append(row)
    return rows


def append_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Append rows in one write and wait until they are on disk; the caller holds the lock."""
    body = b"".join(json.dumps(row, sort_keys=True, allow_nan=False).encode() + b"\n" for row in rows)
    with path.open("ab+") as handle:
        if handle.tell() > 0:
            handle.seek(-1, os.SEEK_END)
            if handle.read(1) != b"\n":
                body = b"\n" + body
        handle.write(body)
        handle.flush()
        os.fsync(handle.fileno())
