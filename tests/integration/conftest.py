"""Real prices, members really trained on them, and server processes that answer from both."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import Any

import httpx
import pytest
from tests.api.conftest import client_of, failure
from tests.asgi.running import SERVE, answers, ask, start, until
from tests.homes import once

from vfr import bootstrap
from vfr.adapters.providers.bundled import BundledProvider
from vfr.adapters.store.training_state import TrainingState
from vfr.data.fingerprint import fingerprint
from vfr.data.snapshot import Snapshot
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.train import train
from vfr.workflows.train_recipe import Recipe

__all__ = ["client_of", "failure"]

SESSIONS = 800
RECIPE = Recipe(min_train=400, refit_months=12, conformal=60)
HORIZON = "7d"
TRAINED = ("linear", "lightgbm")


def newest(snapshot: Snapshot, sessions: int) -> Snapshot:
    """Return the newest sessions of a data set, as one that began with them."""
    stop = snapshot.sessions.size
    first = stop - sessions
    cut = replace(
        snapshot,
        panel=snapshot.panel.rows(first, stop),
        closes_at=snapshot.closes_at[first:],
        benchmark=snapshot.benchmark and snapshot.benchmark.rows(first, stop),
    )
    return replace(cut, version=fingerprint(cut))


def learn(home: Path) -> None:
    """Install three years of the bundled prices, train two members on them, and make both champions."""
    whole, quality = BundledProvider().load()
    app = bootstrap.build(Settings(data_home=home))
    snapshot = newest(whole, SESSIONS)
    app.datasets.publish(snapshot, quality, compute_board(snapshot))
    report = train(
        app.datasets.snapshot(), app.models, horizons=(HORIZON,), members=TRAINED, recipe=RECIPE,
        override_rows="a test", historical=False, ensembles=app.learning.ensembles,
    )  # fmt: skip
    for one in report.trained:
        if one.status != "champion":
            app.models.set_status(one.model_id, "champion", who="test", why="the tests need it")


@pytest.fixture(scope="session")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with champions at 7d, made once for all test processes; to be copied, not changed."""
    return once(tmp_path_factory, "learned", learn)


@pytest.fixture
def home(learned: Path, tmp_path: Path) -> Path:
    """A copy that a test may change or damage."""
    return Path(shutil.copytree(learned, tmp_path / "home"))


@pytest.fixture
def client_at(client_of: Any) -> Callable[..., Any]:
    """Make clients, in this process, of a data home under settings."""

    def make(home: Path, **settings: Any) -> Any:
        return client_of(bootstrap.build(Settings(data_home=home, **settings)))

    return make


@dataclass(frozen=True)
class Server:
    """Real server processes, and where they are."""

    home: Path
    port: int
    process: Popen[str]

    def analyze(self, **body: Any) -> dict[str, Any]:
        return ask(self.port, "/api/stocks/analyze", body)

    def get(self, path: str) -> dict[str, Any]:
        return ask(self.port, path)

    def client(self, **how: Any) -> httpx.Client:
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30.0, **how)


@contextmanager
def serving(home: Path, **more: str) -> Iterator[Server]:
    """Serve a data home until the context ends; nothing is trained beside it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        TrainingState(home).lead(),
        (home / "server.log").open("w", buffering=1) as log,
        start(SERVE, home, port, **{"VFR_LOG_FORMAT": "json", **more}) as process,
    ):
        # Read to its end: a full pipe would stop the server.
        reader = Thread(target=log.writelines, args=(process.stderr,), daemon=True)
        reader.start()
        try:
            until(lambda: process.poll() is not None or answers(port), 60)
            assert process.poll() is None, "the server ended at its start"
            yield Server(home, port, process)
        finally:
            process.terminate()
            process.wait(30)
            reader.join(10)


@pytest.fixture(scope="session")
def server(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two server processes in single-user mode, whose engine has published its forecasts."""
    home = Path(shutil.copytree(learned, tmp_path_factory.mktemp("served") / "home"))
    with serving(home, VFR_WORKERS="2") as running:
        until(lambda: predicted(running), 60)
        yield running


def predicted(server: Server) -> bool:
    """Whether forecasts are there for every process to look up, without asking the engine."""
    stocks = [server.analyze(mode="single", symbols=["AAPL"], include_ml=True)["data"]["stocks"][0] for _ in range(8)]
    return all(stock.get("mlPrediction", {}).get("fromCache") for stock in stocks)
