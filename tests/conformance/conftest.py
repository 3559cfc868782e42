"""The database in which processes agree on the pace of a vendor, made once; a test finds it as if nobody had asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, delete

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.migrate import migrate
from vfr.adapters.database.tables import PROVIDER_PACE

Opened = Callable[[], Engine]


def forget(paces: Engine) -> Engine:
    """Return the database, once it knows of no question and no pause."""
    with transaction(paces) as connection:
        connection.execute(delete(PROVIDER_PACE))
    return paces


@pytest.fixture(scope="session")
def paces(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """Return what opens a database of its own."""
    opened: list[Engine] = []

    def another() -> Engine:
        engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('pace') / 'pace.sqlite3'}")
        migrate(engine)
        opened.append(engine)
        return engine

    yield another
    for engine in opened:
        engine.dispose()


@pytest.fixture(scope="session")
def one_for_all(paces: Opened) -> Engine:
    return paces()


@pytest.fixture
def database(one_for_all: Engine) -> Engine:
    return forget(one_for_all)
