"""The database of an installation, opened: migrated, and refusing where a rehearsal says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from vfr.bootstrap.chaos import chaos_of

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from vfr.adapters.database.follower import Pulse
    from vfr.settings import Settings

__all__ = ["database_exists", "open_database", "pulse_of", "upgrade_database"]

REACH_S: Final = 3.0
"""How long a start waits for a PostgreSQL that does not answer."""


def database_exists(settings: Settings) -> bool:
    """Whether there can be anything in it: the file of a data home is there, or it is a database somewhere else."""
    file = _file(settings)
    return file is None or file.exists()


def pulse_of(settings: Settings) -> Pulse | None:
    """Return what tells whether the database changed, None where only reading it does."""
    from vfr.adapters.database.pulse import FilePulse

    file = _file(settings)
    return None if file is None else FilePulse(file)


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
    from vfr.adapters.database.migrate import migrate

    settings.data_home.mkdir(parents=True, exist_ok=True)
    engine = _engine(settings)
    migrate(engine)
    if socket_s is None:
        return engine
    engine.dispose()  # To make tables may take longer than that.
    return _engine(settings, socket_s)


def upgrade_database(settings: Settings) -> None:
    """Make the tables of this version, or leave them where they are made.

    Done once before many processes start, none of them has to wait for another that makes them.

    Raises
    ------
    DataError
        If the database cannot be used, or does not answer within `REACH_S`.
    """
    from vfr.adapters.database.engine import transaction

    look = _engine(settings, REACH_S)
    try:
        with transaction(look, reads=True):
            pass  # It answers: making tables may take its time.
    finally:
        look.dispose()
    open_database(settings).dispose()


def _file(settings: Settings) -> Path | None:
    url = settings.database
    return Path(url.partition("?")[0].removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _engine(settings: Settings, socket_s: float | None = None) -> Engine:
    from vfr.adapters.database.engine import SOCKET_S, open_engine

    chaos = chaos_of(settings)
    refuses = None if chaos is None else lambda: chaos.read().db == "down"
    return open_engine(settings.database, refuses=refuses, socket_s=SOCKET_S if socket_s is None else socket_s)
