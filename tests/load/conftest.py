"""A data home with models, copied for each module; servers of every kind; and a line for what was measured.

VFR_LOAD_HOME names a data home with models, which is only read; without it the bundled data is trained first, which
takes about two minutes. VFR_LOAD_SECONDS shortens the longest runs.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.load.postgres_server import PostgresServer, postgres_server
from tests.redis_server import RedisServer, redis_server

from vfr import bootstrap
from vfr.bootstrap import Application
from vfr.cli.bench_rows import machine
from vfr.cli.bench_server import copied
from vfr.settings import Settings, child_environment

Tell = Callable[[str], None]

TRAIN = """
from vfr import bootstrap, settings
bootstrap.build(settings.load()).prepare()
bootstrap.train_starter()
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents and not item.get_closest_marker("soak"):
            item.add_marker("load")


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """A data home whose scoreboard is made; nothing serves it."""
    with TemporaryDirectory(prefix="vfr-load-") as scratch:
        given = os.environ.get("VFR_LOAD_HOME")
        home = Path(scratch) / "home"
        if given:
            copied(Path(given), Path(scratch))
        else:
            home.mkdir()
            _python("-c", TRAIN, home=home)
        _python("-m", "vfr", "refresh", home=home)
        yield home


def _python(*arguments: str, home: Path) -> None:
    environment = child_environment(VFR_DATA_HOME=str(home))
    program = [sys.executable, *arguments]
    subprocess.run(program, env=environment, cwd=home, check=True, capture_output=True)  # noqa: S603 - this program


@pytest.fixture(scope="module")
def folder(prepared: Path) -> Iterator[Path]:
    """A folder whose `home` is a copy of its own."""
    with TemporaryDirectory(prefix="vfr-load-") as scratch:
        copied(prepared, Path(scratch))
        yield Path(scratch)


@pytest.fixture(scope="module")
def home(folder: Path) -> Path:
    return folder / "home"


@pytest.fixture(scope="module")
def here(home: Path) -> Iterator[Application]:
    """The same data home in this process, as an operator's commands see it."""
    application = bootstrap.build(Settings(data_home=home, chaos=True))
    yield application
    application.close()


@pytest.fixture(scope="module")
def past_days(here: Application) -> Iterator[str]:
    """Days that nobody has asked for yet, latest first."""
    sessions = here.datasets.snapshot().sessions
    return (str(sessions[-1 - back]) for back in count(2))


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as started:
        yield started


@pytest.fixture(scope="session")
def about() -> str:
    told = machine()
    return f"{told['cpu']}, {told['cores']} cores, load {told['load']}, Python {told['python']}"


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str], about: str, request: pytest.FixtureRequest) -> Tell:
    """Say what was measured, also where output is captured."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n{request.node.name}: {text} [{about}]", flush=True)  # noqa: T201 - what load tests are for

    return say
