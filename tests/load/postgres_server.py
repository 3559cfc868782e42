"""A PostgreSQL server of a test's own, that can be stopped and started."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.redis_server import free_port

OWNER = "postgres"
"""It does not run as root; this user comes with it."""


@dataclass
class PostgresServer:
    programs: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = f"-p {self.port} -k {self.folder} -c listen_addresses=127.0.0.1 -c max_connections=100"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        """End it at once, as a crash would."""
        self._run("pg_ctl", "-D", "data", "-w", "-m", "immediate", "stop")

    def query(self, text: str) -> str:
        told = self._run("psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", OWNER, "-tA", "-c", text)
        return told.strip()

    def create(self) -> None:
        self._run("initdb", "-D", "data", "-A", "trust", "-U", OWNER, "-E", "UTF8", "--no-sync")

    def _run(self, program: str, *arguments: str) -> str:
        user = OWNER if os.getuid() == 0 else None
        with tempfile.TemporaryFile() as said:  # A pipe would stay open in the server that pg_ctl leaves behind.
            command = [str(self.programs / program), *arguments]
            status = subprocess.run(command, cwd=self.folder, user=user, stdout=said, stderr=said, check=False)  # noqa: S603
            said.seek(0)
            text = said.read().decode()
        assert status.returncode == 0, text
        return text


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    places = [str(place) for place in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
    found = shutil.which("initdb", path=os.pathsep.join([*reversed(places), os.environ["PATH"]]))
    if found is None:
        pytest.skip("needs the programs of a PostgreSQL server")
    folder = Path(tempfile.mkdtemp(prefix="vfr-pg-"))
    if os.getuid() == 0:
        shutil.chown(folder, OWNER)
    server = PostgresServer(Path(found).parent, folder, free_port())
    try:
        server.create()
        server.start()
        yield server
    finally:
        with suppress(AssertionError):  # It may be stopped already.
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
