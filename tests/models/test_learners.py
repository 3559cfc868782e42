from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from vfr.errors import ArtifactCorrupt
from vfr.models.learner import Rows
from vfr.models.learners import LEARNERS
from vfr.models.prediction import MEMBER_NAMES
from vfr.validation.correlation import midranks

NAMES = [
    pytest.param(name, marks=pytest.mark.skipif(bool(learner.unavailable()), reason=str(learner.unavailable())))
    for name, learner in LEARNERS.items()
]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-0.5, 0.5, (6000, 8)).astype(np.float32)
    X[rng.random(X.shape) < 0.05] = np.nan
    signal = np.nan_to_num(X[:, 0]) - np.nan_to_num(X[:, 1]) ** 2
    y = signal + rng.normal(0, 0.5, 6000)
    return X, y, np.ones(6000)


def whole(X, y, weight):
    return Rows(X, y, weight, np.arange(y.size) // 100)


def seen_by(name, X):
    """Return rows as a learner sees them: where it looks back, nine sessions that tell nothing and then the row."""
    lookback = LEARNERS[name].lookback
    if lookback == 1:
        return X
    before = np.random.default_rng(1).uniform(-0.5, 0.5, (X.shape[0], lookback - 1, X.shape[1])).astype(np.float32)
    return np.concatenate([before, X[:, None]], axis=1)


def test_learners_are_named_as_in_the_contract():
    assert set(LEARNERS) <= set(MEMBER_NAMES)
    assert all(name == learner.name for name, learner in LEARNERS.items())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", ["direction", "excess"])
def test_same_rows_and_seed_give_the_same_bytes_and_the_same_scores_after_loading(name, target, rows):
    X, y, w = rows
    outcome = (y > 0).astype(float) if target == "direction" else y
    learner, X = LEARNERS[name], seen_by(name, X)
    one, two = (learner.fit(whole(X, outcome, w), target=target, seed=3) for _ in range(2))
    assert one.dump() == two.dump()
    assert np.array_equal(learner.load(one.dump()).score(X[:100]), one.score(X[:100]))


@pytest.mark.parametrize("name", NAMES)
def test_it_learns_what_is_there_and_names_what_it_used(name, rows):
    X, y, w = rows
    X = seen_by(name, X)
    scorer = LEARNERS[name].fit(whole(X[:5000], y[:5000], w[:5000]), target="excess", seed=0)
    got = np.corrcoef(midranks(scorer.score(X[5000:])), midranks(y[5000:]))[0, 1]
    assert got > 0.35
    shares = scorer.importance([f"f{k}" for k in range(8)])
    # A network's weights, few steps from where they started, name nothing yet; its own tests train it longer.
    assert LEARNERS[name].lookback > 1 or max(shares, key=shares.get) == "f0"
    assert sum(shares.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("name", NAMES)
def test_weights_matter(name, rows):
    X, y, _ = rows
    X = seen_by(name, X)
    early = np.where(np.arange(y.size) < 3000, 1.0, 1e-6)
    flipped = np.where(np.arange(y.size) < 3000, y, -y)
    scorer = LEARNERS[name].fit(whole(X, flipped, early), target="excess", seed=0)
    assert np.corrcoef(scorer.score(X), y)[0, 1] > 0.3


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize(
    "blob", [b"", b"tree\n", b"{}", b'{"coef": [1], "centre": [1, 2], "scale": [1], "intercept": 0}']
)
def test_a_model_that_is_no_model_is_refused_by_name(name, blob):
    with pytest.raises(ArtifactCorrupt, match=name):
        LEARNERS[name].load(blob)


def test_ridge_equals_scikit_learn(rows):
    X, y, w = rows
    learner = LEARNERS["linear"]
    plane = learner.fit(whole(X, y, w), target="excess", seed=0)
    Z = np.nan_to_num((X - np.nanmean(X, axis=0, dtype=float)) / np.nanstd(X, axis=0, dtype=float))
    theirs = Ridge(alpha=learner.ridge * y.size).fit(Z, y)
    assert np.allclose(plane.score(X) - plane.score(X).mean(), theirs.predict(Z) - theirs.predict(Z).mean(), atol=1e-3)


def test_logistic_equals_scikit_learn(rows):
    X, y, w = rows
    up = (y > 0.1).astype(float)
    learner = LEARNERS["linear"]
    plane = learner.fit(whole(X, up, w), target="direction", seed=0)
    Z = np.nan_to_num((X - np.nanmean(X, axis=0, dtype=float)) / np.nanstd(X, axis=0, dtype=float))
    theirs = LogisticRegression(C=1.0 / (learner.ridge * y.size), tol=1e-8).fit(Z, up)
    assert np.allclose(plane.score(X), theirs.decision_function(Z), atol=2e-3)


def _planes(value: object) -> bytes:
    return json.dumps({"intercept": 0.0} | dict.fromkeys(("centre", "scale", "coef"), value)).encode()


@pytest.mark.parametrize(
    "blob",
    [b"[" * 100_000, _planes([0.5] * 500_000), _planes([[0.5]]), _planes(0.5), _planes([float("nan")])],
    ids=["nested", "wide", "of two dimensions", "of none", "unknown"],
)
def test_what_is_no_plane_is_refused_by_name(blob):
    with pytest.raises(ArtifactCorrupt, match="linear: "):
        LEARNERS["linear"].load(blob)
