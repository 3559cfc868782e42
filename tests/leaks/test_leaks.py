"""Where there is nothing to find, training finds nothing; where the future is planted, it is named and refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import vfr.features
from vfr.adapters.store.models import DirectoryModels
from vfr.data import synthetic
from vfr.data.snapshot import Snapshot
from vfr.features.matrix import FeatureMatrix
from vfr.models.learners import LEARNERS
from vfr.models.trees_learner import Trees
from vfr.validation.splits import Fold
from vfr.workflows import train_walk
from vfr.workflows.train import train

# Where nothing is found, hardly a call stands out: a resample may hold none of the most certain ones.
pytestmark = pytest.mark.filterwarnings("ignore:All-NaN slice encountered:RuntimeWarning")

FAST = [name for name, one in LEARNERS.items() if one.unavailable() is None and one.lookback == 1]
"""Learners of single sessions; those that look back take minutes where these take seconds."""


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Let extremely randomised trees be a tenth as many: what leaks, leaks to twenty of them."""
    params = Trees.params
    monkeypatch.setattr(Trees, "params", lambda *about: {**params(*about), "n_estimators": 20})


@pytest.fixture(scope="module")
def market() -> Snapshot:
    return synthetic.snapshot(np.random.default_rng(7), n_sessions=540, n_symbols=24)


@pytest.fixture(scope="module")
def longer() -> Snapshot:
    """Long enough for the leak alarm, which asks for 250 judged dates."""
    return synthetic.snapshot(np.random.default_rng(7), n_sessions=820, n_symbols=24)


SHUFFLED = [name if name == "linear" else pytest.param(name, marks=pytest.mark.evidence) for name in FAST]
"""Every learner meets driftless walks in every run of the suite, and shuffled labels too in `make verify`."""


@pytest.mark.parametrize("member", SHUFFLED)
def test_shuffled_labels_cannot_be_predicted(run, shuffled, small, ic, failed, market, member):
    shuffled(21)
    study, report = run(market, member, horizon="7d", release=True, recipe=small)
    found = ic(study)
    assert found.low < 0 < found.high
    assert not any(gate.startswith("leak") for gate in failed(report))


def test_a_walk_that_trains_on_what_it_is_judged_by_is_caught(run, shuffled, small, ic, failed, longer, monkeypatch):
    """The test above can fail: shuffled labels are predicted well by whoever has seen them."""
    split = train_walk.walk_forward

    def cheating(sessions, span, **options):
        return tuple(Fold(f.name, np.arange(sessions.size - span), f.test) for f in split(sessions, span, **options))

    monkeypatch.setattr(train_walk, "walk_forward", cheating)
    shuffled(21)
    study, report = run(longer, "linear", horizon="7d", release=True, recipe=small)
    assert ic(study).low > 0
    assert "leak.ic" in failed(report)


def _with_tomorrow(snapshot: Snapshot, rows: slice | None = None) -> FeatureMatrix:
    matrix, close = vfr.features.build.compute(snapshot, rows), snapshot.panel.adj_close
    future = np.full(close.shape, np.nan, dtype=np.float32)
    future[:-1] = close[1:] / close[:-1] - 1
    known = future[rows or slice(None)][None]
    return replace(matrix, names=(*matrix.names, "tomorrow"), values=np.concatenate([matrix.values, known]))


def test_a_planted_future_feature_is_named_and_not_promoted(longer, small, monkeypatch, tmp_path):
    monkeypatch.setattr(vfr.features, "compute", _with_tomorrow)
    store = DirectoryModels(tmp_path)
    report = train(longer, store, horizons=("1d",), members=("linear",), recipe=small, override_rows="a small market")
    (trained,) = report.trained
    assert {"leak.ic", "leak.excess_accuracy", "leak.excess_auc", "leak.single_feature_ic"} <= set(trained.refused)
    assert trained.status == "staged"
    assert not [row for row in store.log() if row["event"] == "status"]
    (note,) = [row["note"] for row in trained.gates["rows"] if row["gate"] == "leak.single_feature_ic"]
    assert "tomorrow" in note


@pytest.mark.parametrize("member", FAST)
def test_driftless_walks_cannot_be_predicted(run, walks, small, ic, lift, failed, market, member):
    made = replace(market, panel=walks(market.panel, np.random.default_rng(3)))
    study, report = run(made, member, horizon="1d", release=True, recipe=small)
    found, more = ic(study), lift(study)
    assert found.low < 0 < found.high
    assert more.low <= 0 <= more.high
    assert not any(gate.startswith("leak") for gate in failed(report))
