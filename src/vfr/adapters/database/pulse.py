"""Whether a database file changed, told without reading it: a look costs microseconds instead of a transaction."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

__all__ = ["FilePulse"]


class FilePulse:
    """The pulse of an SQLite file, for one thread; implements `vfr.adapters.database.follower.Pulse`.

    Parameters
    ----------
    file : Path

    References
    ----------
    SQLite documentation, ``PRAGMA data_version``: it changes when another connection commits, in any process. The
    connection that asks writes nothing, so every other one is another.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._identity: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None

    def beat(self) -> object:
        """Return what stays equal while nothing is committed; None where that cannot be told."""
        try:
            found = self._file.stat()
            identity = (found.st_dev, found.st_ino)
            if self._connection is None:
                self._connection = sqlite3.connect(f"{self._file.absolute().as_uri()}?mode=rw", uri=True, timeout=0.0)
                self._identity = identity
            if identity != self._identity:  # Another file of that name: whoever reads is told, and nobody opens it.
                return identity
            return identity, self._connection.execute("PRAGMA data_version").fetchall()
        except (OSError, sqlite3.Error):
            self.close()
            return None

    def close(self) -> None:
        """Let the file go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
