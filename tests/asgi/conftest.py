"""Data homes that a server can start on, and ports for it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests import homes

from vfr import bootstrap
from vfr.adapters.store.training_state import TrainingState
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.train import train
from vfr.workflows.train_recipe import Recipe


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data home with the bundled data and no models."""
    return homes.bundled(tmp_path_factory)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data home with a champion at 7d, in which nothing is trained beside a server."""
    home = tmp_path_factory.mktemp("trained")
    snapshot = synthetic.snapshot(np.random.default_rng(3), n_sessions=480, n_symbols=12)
    app = bootstrap.build(Settings(data_home=home))
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    options: dict[str, Any] = {"horizons": ("7d",), "members": ("linear",), "historical": True}
    recipe = Recipe(min_train=250, refit_months=12, conformal=60)
    report = train(snapshot, app.models, recipe=recipe, override_rows="a test", **options)
    if report.trained[0].status != "champion":
        app.models.set_status(report.trained[0].model_id, "champion", who="test", why="the test needs one")
    with TrainingState(home).lead():
        yield home


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture
def port() -> int:
    return _free_port()


@pytest.fixture(scope="module")
def module_port() -> int:
    return _free_port()
