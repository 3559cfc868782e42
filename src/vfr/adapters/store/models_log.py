"""Append-only logs in JSON lines, chained by hashes: a row that is changed, dropped or moved is seen by every reader.

A chained row is ``{previous, entry, hash}``; `hash` is the sha256 of the row before's and of the entry. Rows without a
hash were written before logs were chained; the first chained row then follows from the sha256 of all of them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vfr.adapters.chain import GENESIS, link

__all__ = ["Chain", "append_chained", "append_rows", "read_chain", "read_rows"]


@dataclass(frozen=True, slots=True)
class Chain:
    """A chained log as it was read.

    Parameters
    ----------
    entries : tuple of dict
        Every entry that can be believed, oldest first: a row whose own hash is wrong is left out.
    head : str
        Hash the next row follows from.
    problems : tuple of str
        What is wrong with the log, by number of the row (from 1); empty if nothing is.
    """

    entries: tuple[dict[str, Any], ...]
    head: str
    problems: tuple[str, ...]


def read_chain(body: bytes, *, from_the_first: bool = False) -> Chain:
    """Read a chained log and check every link; `from_the_first`: it never had rows without a hash.

    A last row cut short by a kill never happened; the next writer ends its line, so that it stays behind as a line
    nobody can read and that no row follows from.
    """
    entries: list[dict[str, Any]] = []
    problems: list[str] = []
    lines = body.split(b"\n")[:-1]
    head, unchained, chained = GENESIS, b"", from_the_first
    for number, line in enumerate(lines, start=1):
        row = _parsed(line)
        if row is None:
            if number == len(lines):
                problems.append(f"row {number} cannot be read")
        elif "hash" not in row:
            if chained:
                problems.append(f"row {number} is not chained to the row before")
            else:
                entries.append(row)
                unchained += line + b"\n"
        else:
            if not chained and unchained:
                head = sha256(unchained).hexdigest()
            chained = True
            entry, previous = row.get("entry"), str(row.get("previous"))
            if not isinstance(entry, dict) or row["hash"] != _linked(previous, entry):
                problems.append(f"row {number} was changed after it was written")
            else:
                entries.append(entry)
                if previous != head:
                    problems.append(f"rows before row {number} were changed or are missing")
            head = str(row["hash"])
    if not chained and unchained:
        head = sha256(unchained).hexdigest()
    return Chain(tuple(entries), head, tuple(problems))


def _linked(previous: str, entry: Mapping[str, Any]) -> str | None:
    """Return `link`; None for what is never written: a figure that is not finite, nesting without end."""
    try:
        return link(previous, entry)
    except (ValueError, RecursionError):
        return None


def append_chained(path: Path, head: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Append entries that follow from `head` in one write; the caller holds the lock since it read the log."""
    append_rows(path, list(_chained(head, entries)))


def _chained(head: str, entries: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for entry in entries:
        digest = link(head, entry)
        yield {"previous": head, "entry": dict(entry), "hash": digest}
        head = digest


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return every whole row, oldest first; a last row cut short by a kill never happened."""
    if not path.is_file():
        return []
    rows = (_parsed(line) for line in path.read_bytes().split(b"\n")[:-1])
    return [row for row in rows if row is not None]


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


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
