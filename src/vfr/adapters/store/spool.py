"""Exposures of short-lived commands, one JSON line each: loading the database would cost a command half of its time.

Whatever process next opens the journal takes them in. Each line names its request, so that a file taken in twice adds
nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from vfr.journal.records import Exposure

__all__ = ["Spool"]

_LARGEST: Final = 8 * 2**20
"""Bytes beyond which nothing is added: nobody takes the lines in."""


class Spool:
    """A file of exposures in a data home.

    Parameters
    ----------
    home : Path
    """

    def __init__(self, home: Path) -> None:
        self._file = home / "exposures.jsonl"

    def add(self, shown: Sequence[Exposure]) -> None:
        """Append exposures in one write.

        Raises
        ------
        OSError
            If the data home cannot be written, or the file is too large already.
        """
        lines = "".join(f"{json.dumps(asdict(one))}\n" for one in shown).encode()
        with self._file.open("ab") as file:
            if file.tell() + len(lines) > _LARGEST:
                raise OSError("too many exposures wait for a server or `vfr journal settle` to take them in")
            file.write(lines)

    def drain(self, keep: Callable[[Sequence[Exposure]], None]) -> None:
        """Hand everything to a journal, and forget it once it was kept."""
        if self._file.exists():
            # Under a name of its own, so that whoever adds meanwhile begins a new file.
            self._file.rename(self._file.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}"))
        for taken in self._file.parent.glob("exposures.*-*"):
            keep([one for line in taken.read_bytes().splitlines() if (one := _read(line)) is not None])
            taken.unlink(missing_ok=True)


def _read(line: bytes) -> Exposure | None:
    """Return the exposure of a line, None where a killed writer left half of one."""
    try:
        return Exposure(**json.loads(line))
    except (ValueError, TypeError):
        return None
