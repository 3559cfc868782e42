"""The classic answer stands without machine learning: here it cannot even be imported."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.data.quality import QualityReport
from vfr.factors.compute import compute_board

ML = ["lightgbm", "xgboost", "onnxruntime", "torch", "sklearn", "vfr.models", "vfr.ensemble", "vfr.features"]
HEAVY = ["numba", "scipy", "pandas", "polars", "exchange_calendars", "pydantic", "fastapi", "vfr.validation"]

SCRIPT = """
import json, sys
from importlib.abc import MetaPathFinder
from pathlib import Path

class Blocked(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if any(name == b or name.startswith(b + ".") for b in json.loads(sys.argv[1])):
            raise ImportError(name + " is blocked")
        return None

sys.meta_path.insert(0, Blocked())
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.workflows.analyze import analyze
from vfr.workflows.query import AnalyzeQuery

board = DirectoryDatasets(Path(sys.argv[2])).board()
query = AnalyzeQuery.parse({"mode": "multiple", "symbols": ["SYNAA", "SYNAB"], "include_ml": False})
print(json.dumps(analyze(query, board_at=lambda day: board, request_id="r").to_dict()))
"""


@pytest.fixture(scope="module")
def home(seeded_snapshot, tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    DirectoryDatasets(folder).publish(seeded_snapshot, QualityReport((), {}), compute_board(seeded_snapshot))
    return folder


def run(blocked, home):
    command = [sys.executable, "-c", SCRIPT, json.dumps(blocked), str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)  # noqa: S603


def test_a_classic_answer_needs_nothing_but_numpy(home):
    done = run(ML + HEAVY, home)
    assert done.returncode == 0, done.stderr[-2000:]
    stocks = json.loads(done.stdout)["stocks"]
    assert sorted(s["symbol"] for s in stocks) == ["SYNAA", "SYNAB"]
    assert all(np.isfinite(s["compositeScore"]) for s in stocks)


def test_the_block_of_this_test_works(home):
    done = run(["numpy"], home)
    assert done.returncode != 0
    assert "numpy is blocked" in done.stderr
