"""Exposures of short-lived commands, one JSON line each: loading the database would cost a command half of its time.

Whatever process next opens the journal takes them in. Each line names its request, so that a file taken in twice adds
nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from math import isfinite
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
        lines = "".join(f"{json.dumps(one._asdict())}\n" for one in shown).encode()
        with self._file.open("ab") as file:
            if file.tell() + len(lines) > _LARGEST:
                raise OSError("too many exposures wait for a server or `vfr journal settle` to take them in")
            file.write(lines)

    def drain(self, keep: Callable[[Sequence[Exposure]], None]) -> None:
        """Hand everything to a journal, and forget it once it was kept."""
        # Another process may take in the same file at the same time: then it is gone here.
        with suppress(FileNotFoundError):
            # Under a name of its own, so that whoever adds meanwhile begins a new file.
            self._file.rename(self._file.with_suffix(f".{os.getpid()}-{os.urandom(4).hex()}"))
        for taken in self._file.parent.glob("exposures.*-*"):
            with suppress(FileNotFoundError):
                keep([one for line in taken.read_bytes().splitlines() if (one := _read(line)) is not None])
                taken.unlink(missing_ok=True)


def _read(line: bytes) -> Exposure | None:
    """Return the exposure of a line, None where it is none: half of one by a killed writer, or changed by hand.

    One line that the database refuses would keep out all the others.
    """
    try:
        found = Exposure(**json.loads(line))
        return found if _fits(found) else None
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def _fits(one: Exposure) -> bool:
    """Whether the journal's table takes it."""
    texts: tuple[tuple[object, int], ...] = (
        (one.request, 32),
        (one.symbol, 24),
        (one.data_name, 64),
        (one.as_of, 10),
        (one.horizon or "", 4),
        (one.experiment or "", 12),
        (one.arm or "", 8),
    )
    figures: tuple[object, ...] = (one.score, one.shown_at, one.ml_weight or 0.0)
    return (
        all(isinstance(text, str) and text.isprintable() and len(text) <= longest for text, longest in texts)
        and all(isinstance(figure, (int, float)) and isfinite(figure) for figure in figures)
        and isinstance(one.include_ml, bool)
    )
