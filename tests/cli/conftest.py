"""A command line run in this process, on data homes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import structlog
from tests.homes import bundled

from vfr.cli import app

RunCli = Callable[..., "Result"]


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def bundled_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with the bundled data, prepared once; tests only read it."""
    return bundled(tmp_path_factory)


@pytest.fixture(scope="session", autouse=True)
def commands_are_built_once() -> Iterator[None]:
    """A program builds its tree of commands for one command line; building it for hundreds took half of their time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "get_command", cache(app.get_command))
        yield


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> RunCli:
    """Run a command line; `home` is an empty data home unless given."""

    def call(*argv: str, home: Path = tmp_path / "home") -> Result:
        monkeypatch.setenv("VFR_DATA_HOME", str(home))
        capsys.readouterr()
        # A command starts without the logging that other tests set up, and leaves none behind: its stream is closed.
        structlog.reset_defaults()
        try:
            code = app.run(argv)
        finally:
            structlog.reset_defaults()
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def process(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start this interpreter with the given arguments, its output in pipes."""

    def start(*argv: str, home: Path = tmp_path / "home") -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - this interpreter, on arguments of the tests
            [sys.executable, *argv],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "VFR_DATA_HOME": str(home)},
        )

    return start
