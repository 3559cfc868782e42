"""Open the database that `VFR_DATABASE_URL` names: an SQLite file, or PostgreSQL."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, SQLAlchemyError

from vfr.errors import DataError

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Engine

__all__ = ["open_engine", "transaction"]

_SETTING: Final = "VFR_DATABASE_URL"
_BUSY_MS: Final = 30_000
"""Longest wait of an SQLite writer for another."""

_LOG_BYTES: Final = 32 * 2**20
"""What the write-ahead log is cut back to: a settlement of years would leave it as large as all that it wrote."""

_READS: Final = "vfr_reads"
"""Execution option of a transaction that writes nothing."""

_REFUSES: Final = "vfr_refuses"
"""Execution option of an engine whose transactions may be refused for a rehearsal."""

SOCKET_S: Final = 60.0
"""Longest wait for PostgreSQL; above a busy moment, below a worker's patience."""

_DRIVERS: Final = {
    "sqlite": "sqlite+pysqlite",
    "postgres": "postgresql+pg8000",
    "postgresql": "postgresql+pg8000",
}

_TLS: Final = {"disable": False, "require": True, "verify-full": True}
"""Whether a connection is encrypted; if it is, the certificate is checked in either mode."""


def open_engine(url: str, *, refuses: Callable[[], bool] | None = None, socket_s: float = SOCKET_S) -> Engine:
    """Return an engine; nothing is connected yet. Dispose of it before forking.

    An SQLite file is used with a write-ahead log, and every transaction that may write takes the write lock as it
    begins: reading first and writing later would fail when two processes do it at once.

    Parameters
    ----------
    url : str
    refuses : callable, optional
        Asked by every transaction whether to act as though the database were away.
    socket_s : float
        Longest wait for an answer of PostgreSQL.

    Raises
    ------
    DataError
        If the address is malformed, of another database, or the driver is not installed; never repeats the address.

    Examples
    --------
    >>> open_engine("sqlite:///leases.db").dialect.name
    'sqlite'
    """
    address = _address(url)
    try:
        engine = _sqlite(address) if address.get_backend_name() == "sqlite" else _postgresql(address, socket_s)
    except ModuleNotFoundError:
        raise DataError(f"{_SETTING}: PostgreSQL needs a driver; install VFR with its extra `postgres`") from None
    if refuses is not None:
        engine.update_execution_options(**{_REFUSES: refuses})
    return engine


@contextmanager
def transaction(engine: Engine, *, reads: bool = False) -> Iterator[Connection]:
    """Run statements as one transaction, and say in plain words what the database cannot do.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    reads : bool
        Nothing is written: then an SQLite file is read as it was last written, without waiting for who writes.

    Raises
    ------
    DataError
        If the database cannot be reached or refuses; names the setting, never the address, a path or a password.
    """
    refuses = engine.get_execution_options().get(_REFUSES)
    if refuses is not None and refuses():
        raise DataError(f"{_SETTING}: is away for a rehearsal; `vfr chaos off` ends it")
    try:
        with engine.execution_options(**{_READS: reads}).begin() as connection:
            yield connection
    except (SQLAlchemyError, OSError) as error:
        # The cause is not chained: a driver's error may repeat the address it was given.
        kind = getattr(getattr(error, "orig", None), "sqlite_errorname", type(error).__name__)
        raise DataError(
            f"{_SETTING}: {_described(engine.url)} cannot be used ({kind}); check that it runs, that the address is "
            "right and that this account may write there"
        ) from None


def _address(url: str) -> URL:
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        raise DataError(f"{_SETTING}: is no address of a database, such as postgresql://user@host/name") from None
    address = address.set(drivername=_DRIVERS.get(address.drivername, address.drivername))
    if address.drivername not in _DRIVERS.values():
        raise DataError(f"{_SETTING}: must begin with sqlite:/// or postgresql://")
    if address.get_backend_name() == "sqlite" and address.database in (None, "", ":memory:"):
        raise DataError(f"{_SETTING}: must name a file; a database in memory is not shared")
    return address


def _postgresql(address: URL, socket_s: float) -> Engine:
    options: dict[str, Any] = {"timeout": socket_s}
    mode = address.query.get("sslmode", "disable")
    if set(address.query) - {"sslmode"} or mode not in _TLS:
        raise DataError(f"{_SETTING}: takes no option but sslmode, one of {', '.join(_TLS)}")
    if _TLS[str(mode)]:
        # The driver knows no sslmode; its own default context checks certificate and host.
        options["ssl_context"] = True
    engine = create_engine(address.set(query={}), connect_args=options, hide_parameters=True)
    event.listen(engine, "checkout", _look((engine.dialect.loaded_dbapi.Error, OSError)))
    return engine


def _look(failures: tuple[type[Exception], ...]) -> Callable[[Any, Any, Any], None]:
    """Return a look at a pooled connection before its use: a restarted server leaves dead ones behind.

    The pool's own look knows the driver's errors only, and this driver lets those of the socket through.
    """

    def look(connection: Any, _record: Any, _proxy: Any) -> None:
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute("SELECT 1")
            cursor.close()
            connection.autocommit = False
        except failures:
            raise DisconnectionError from None

    return look


def _sqlite(address: URL) -> Engine:
    engine = create_engine(address, connect_args={"timeout": _BUSY_MS / 1e3}, hide_parameters=True)
    event.listen(engine, "connect", _prepare)
    if not str(address.database).startswith("file:"):  # Of a name in URI form it is not told which file it is.
        same = _SameFile(str(address.database))
        event.listen(engine, "do_connect", same.connect)
        event.listen(engine, "checkout", same.look)
    event.listen(engine, "begin", _begin)
    return engine


class _SameFile:
    """Whether the file that was opened first is still the one of that name; once it is not, nothing is opened any more.

    Connections to the first go on with a file that is gone. New ones would read its log, which has the same name, as
    part of the other.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._first: tuple[int, int] | None = None
        self._gone = False

    def look(self, *_about: Any) -> None:
        """Look before a connection is used."""
        with suppress(FileNotFoundError):
            found = os.stat(self._path)  # noqa: PTH116 - at every transaction: a path object takes three times as long
            self._first = self._first or (found.st_dev, found.st_ino)
            if self._first == (found.st_dev, found.st_ino) and not self._gone:
                return
        self._gone = True  # For good: the number of a file that is gone may be given to the next.
        self.connect()

    def connect(self, *_about: Any) -> None:
        """Refuse to open a file that is not the one of before."""
        if self._gone:
            raise DataError(
                f"{_SETTING}: the database file was replaced or removed while it was in use; end every process of VFR, "
                "remove the files beside it that end in -wal and -shm, and start again"
            )


def _prepare(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: `_begin` does.
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}").close()
    for pragma in ("journal_mode=WAL", f"journal_size_limit={_LOG_BYTES}", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(_READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _described(url: URL) -> str:
    return "the database file" if url.get_backend_name() == "sqlite" else "PostgreSQL"
