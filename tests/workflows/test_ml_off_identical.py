"""With machine learning off, the answer is the same byte for byte, whatever became of the models."""

from __future__ import annotations

import json
import shutil
from contextlib import contextmanager, nullcontext

import numpy as np
import pytest

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.models import DirectoryModels
from vfr.bootstrap import build
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.query import AnalyzeQuery
from vfr.workflows.train import train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A data home with data and one champion that can answer."""
    home = tmp_path_factory.mktemp("trained")
    snapshot = synthetic.snapshot(np.random.default_rng(11), n_sessions=400, n_symbols=20)
    DirectoryDatasets(home).publish(snapshot, QualityReport((), {}), compute_board(snapshot))
    models = DirectoryModels(home)
    report = train(snapshot, models, horizons=("7d",), members=("linear",), historical=False, override_rows="a test")
    models.set_status(report.trained[0].model_id, "champion", who="test", why="whatever its gates say")
    return home


def version(home):
    (folder,) = [path for path in (home / "models").iterdir() if path.is_dir()]
    return folder


def untouched(home):
    pass


def absent(home):
    shutil.rmtree(home / "models")


def truncated(home):
    (file,) = version(home).glob("model_excess.*")
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def wrong_sha256(home):
    file = version(home) / "calibration.json"
    file.write_text(file.read_text() + " ")


def missing_file(home):
    (version(home) / "parity_inputs.npy").unlink()


def broken_card(home):
    (version(home) / "card.json").write_text("{")


def broken_log(home):
    (home / "models" / "promotions.jsonl").write_bytes(b"\x00\xff not json\n")


def disabled(home):
    build(Settings(data_home=home)).toggles.turn("ml", False, reason="maintenance", who="test")


@contextmanager
def in_training(application):
    with application.training.lead() as report:
        report("linear 7d", 0.5)
        yield


STATES = {
    "present": (untouched, False, {}, None),
    "absent": (absent, False, {}, "NO_MODEL"),
    "truncated-file": (truncated, False, {}, "ARTIFACT_CORRUPT"),
    "wrong-sha256": (wrong_sha256, False, {}, "ARTIFACT_CORRUPT"),
    "missing-file": (missing_file, False, {}, "ARTIFACT_CORRUPT"),
    "broken-card": (broken_card, False, {}, "ARTIFACT_CORRUPT"),
    "broken-log": (broken_log, False, {}, "ARTIFACT_CORRUPT"),
    "disabled": (disabled, False, {}, "DISABLED"),
    "disabled-by-setting": (untouched, False, {"ml_enabled": False}, "DISABLED"),
    "training": (absent, True, {}, "TRAINING"),
    "training-again": (untouched, True, {}, None),
}

REQUESTS = [
    {"mode": "single", "symbols": ["SYNAA"]},
    {"mode": "multiple", "symbols": ["SYNAC", "SYNAB", "SYNAA", "ZZZZ"], "include_ml": False},
    {"mode": "sector", "sector": "energy", "limit": 2, "ml_weight": 1, "ml_horizon": "30d"},
    {"mode": "single", "symbols": ["SYNAA"], "as_of": "2017-03-01"},
]


def bodies(application):
    """Every answer as it would be sent, without what differs between any two requests."""
    found = []
    for request in REQUESTS:
        data = application.analyze(AnalyzeQuery.parse(request), "id").to_dict()
        del data["metadata"]["timestamp"]
        found.append(json.dumps(data, allow_nan=False).encode())
    return found


@pytest.fixture(scope="module")
def never_installed(trained, tmp_path_factory):
    """Answers of a home that never saw a model."""
    home = tmp_path_factory.mktemp("never")
    shutil.copytree(trained / "datasets", home / "datasets")
    return bodies(build(Settings(data_home=home)))


@pytest.mark.parametrize("state", STATES)
def test_ml_off_is_byte_identical(state, trained, never_installed, tmp_path):
    change, training, options, code = STATES[state]
    home = tmp_path / "home"
    shutil.copytree(trained, home)
    change(home)
    application = build(Settings(data_home=home, **options))
    with in_training(application) if training else nullcontext():
        assert bodies(application) == never_installed
        # The state is what it says it is: with machine learning on, it shows.
        query = AnalyzeQuery.parse(
            {"mode": "single", "symbols": ["SYNAA"], "include_ml": True, "ml_timeout": 30000, "ml_models": ["linear"]}
        )
        (stock,) = application.analyze(query, "id").to_dict()["stocks"]
        assert ("mlPrediction" in stock) == (code is None)
        assert stock.get("mlUnavailable", {}).get("code") == code
        # Having been asked for once, it leaves no trace in what follows.
        assert bodies(application) == never_installed


def test_no_word_of_machine_learning_is_in_them(never_installed):
    for body in never_installed:
        assert b'"ml' not in body
        assert b"classicScore" not in body
