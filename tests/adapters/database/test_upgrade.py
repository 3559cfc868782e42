"""The database before a server's processes start: all tables are there, and one that is away is named soon."""

from __future__ import annotations

import socket
from pathlib import Path

from sqlalchemy import inspect, text
from tests.adapters.database.conftest import finish, launch

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.migrate import HEAD
from vfr.adapters.database.tables import METADATA
from vfr.bootstrap import database
from vfr.settings import Settings

AWAY = """
import sys
from vfr.bootstrap import database
from vfr.errors import DataError
from vfr.settings import Settings
database.REACH_S = 0.2
try:
    database.upgrade_database(Settings(data_home=sys.argv[1], database_url=sys.argv[2]))
except DataError as error:
    print(error.message)
"""


def revision(url: str) -> str:
    engine = open_engine(url)
    try:
        with transaction(engine, reads=True) as connection:
            assert set(METADATA.tables) < set(inspect(connection).get_table_names())
            return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one())
    finally:
        engine.dispose()


def test_tables_are_made_and_left_where_they_are_made(database_url: str, tmp_path: Path) -> None:
    settings = Settings(data_home=tmp_path / "home", database_url=database_url)
    (tmp_path / "home").mkdir()
    for _ in range(2):
        database.upgrade_database(settings)
        assert revision(database_url) == HEAD


def test_a_database_that_says_nothing_is_named_soon(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        told = finish(launch(AWAY, tmp_path, f"postgresql://vfr@127.0.0.1:{silent.getsockname()[1]}/vfr"))
    assert told.startswith("VFR_DATABASE_URL: PostgreSQL cannot be used")
