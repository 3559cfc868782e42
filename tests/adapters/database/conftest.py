"""Both databases: a file of its own, and a PostgreSQL database of its own where a server listens."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.migrate import migrate

if TYPE_CHECKING:
    from sqlalchemy import Engine

SERVER = "postgresql://postgres@127.0.0.1:5432"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Address of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    name = f"vfr_test_{os.getpid()}_{uuid4().hex[:8]}"
    try:
        administer(f"CREATE DATABASE {name}")
    except SQLAlchemyError:
        pytest.skip("needs a PostgreSQL server at 127.0.0.1:5432 that lets postgres in without a password")
    yield f"{SERVER}/{name}"
    administer(f"DROP DATABASE {name} WITH (FORCE)")


def administer(statement: str) -> None:
    """Run a statement that PostgreSQL takes outside of transactions only."""
    engine = open_engine(f"{SERVER}/postgres")
    try:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


@pytest.fixture
def bare(database_url: str) -> Iterator[Engine]:
    """An engine on an empty database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(bare: Engine) -> Engine:
    """An engine on a migrated database."""
    migrate(bare)
    return bare


def launch(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a process that runs `code` with these arguments, and whose output can be read."""
    command: list[Any] = [sys.executable, "-W", "error", "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def finish(process: subprocess.Popen[str]) -> str:
    """Return what a process wrote, once it ended well."""
    written, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    return written


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def redis_port() -> Iterator[int]:
    """A Redis server of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server on the path")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 - the program of the tests
        [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL
    )
    assert until(lambda: listens(port))
    yield port
    server.kill()
    server.wait()
