"""The database of an installation, opened: migrated, and refusing where a rehearsal says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vfr.bootstrap.chaos import chaos_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from vfr.settings import Settings

__all__ = ["database_exists", "open_database"]


def database_exists(settings: Settings) -> bool:
    """Whether there can be anything in it: the file of a data home is there, or it is a database somewhere else."""
    url = settings.database
    file = url.partition("?")[0].removeprefix("sqlite:///")
    return not url.startswith("sqlite:///") or Path(file).exists()


def open_database(settings: Settings, *, socket_s: float | None = None) -> Engine:
    """Return an engine on the migrated database; the caller keeps it, and disposes of it.

    Parameters
    ----------
    settings : Settings
    socket_s : float, optional
        Longest wait for an answer of PostgreSQL, where it is to be shorter than for others.

    Raises
    ------
    DataError
        If it cannot be used.
    """
    from vfr.adapters.database.engine import open_engine
    from vfr.adapters.database.migrate import migrate

    settings.data_home.mkdir(parents=True, exist_ok=True)
    chaos = chaos_of(settings)
    refuses = None if chaos is None else lambda: chaos.read().db == "down"
    engine = open_engine(settings.database, refuses=refuses)
    migrate(engine)
    if socket_s is None:
        return engine
    engine.dispose()  # To make tables may take longer than that.
    return open_engine(settings.database, refuses=refuses, socket_s=socket_s)
