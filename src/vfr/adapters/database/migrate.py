"""Bring a database to the tables of this version, or back; safe when many processes start at once."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, inspect, text

from vfr.adapters.database.engine import transaction
from vfr.errors import DataError

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["HEAD", "downgrade", "migrate"]

HEAD: Final = "0007"
"""Newest revision. Stated here, so that a start that has nothing to do need not load the migration tool."""

_LOCK: Final = 0x7646_5201
"""Any number, the same in every process: PostgreSQL's advisory lock of who migrates."""


_ONE_AT_A_TIME: Final = Lock()
"""The migration tool keeps what it works on in globals: one thread of a process at a time."""


def migrate(engine: Engine) -> None:
    """Upgrade to the newest tables; a database that has them costs one short look.

    All changes are one transaction: a killed process leaves what was there before. Others wait, then find them done.

    Raises
    ------
    DataError
        If the database cannot be used, or was made by a newer version of VFR.
    """
    with transaction(engine, reads=True) as connection:
        if _revision(connection) == HEAD:
            return
    with _ONE_AT_A_TIME, transaction(engine) as connection:
        _lock(connection)
        found = _revision(connection)
        if found == HEAD:
            return
        _refuse_newer(found)
        _upgrade(connection)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Go back to an older revision; its own tables stay, those that came later are dropped with their rows."""
    with _ONE_AT_A_TIME, transaction(engine) as connection:
        _lock(connection)
        from alembic import command

        command.downgrade(_config(connection), revision)


def _upgrade(connection: Connection) -> None:
    from alembic import command

    command.upgrade(_config(connection), "head")


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def _lock(connection: Connection) -> None:
    # SQLite's transactions hold the one write lock from their beginning.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})


def _refuse_newer(found: str | None) -> None:
    if found is not None and found > HEAD:
        raise DataError(
            f"VFR_DATABASE_URL: the database is of a newer version of VFR (revision {found}, this one knows {HEAD}); "
            "upgrade VFR, or use another database"
        )


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "vfr.adapters.database:migrations")
    config.attributes["connection"] = connection
    return config
