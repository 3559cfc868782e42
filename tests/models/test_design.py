"""Rows of a request are the rows of training: ranks among those that trade, one state of the market for everybody."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.errors import ArtifactCorrupt
from vfr.models import design
from vfr.models.design import Design, session_ranks

DESIGN = Design(("a", "vix", "b"), ("a", "b"), ("vix",))


@pytest.fixture
def raw() -> np.ndarray:
    """Three sessions of four names; the second name does not trade in the first session, and has nothing there."""
    X = np.random.default_rng(2).normal(size=(3, 4, 3)).astype(np.float32)
    X[:, :, 1] = np.array([[20.0], [21.0], [22.0]])
    X[0, 1] = np.nan
    return X


@pytest.mark.parametrize("columns", [("a", "b", "vix"), ("b", "vix"), ("a",), ("vix",)])
def test_rows_of_a_request_are_ranks_and_state_of_the_block(raw, columns):
    """Training ranks a whole block among the cells that trade; a request has those cells and nothing else."""
    block = raw.transpose(2, 0, 1)
    ranks, state = DESIGN.rank(block, np.isfinite(raw[:, :, 0])), DESIGN.state(block)
    every = np.concatenate([ranks, np.repeat(state[:, None], 4, axis=1)], axis=2)
    chosen = [("a", "b", "vix").index(name) for name in ("a", "b", "vix") if name in columns]
    assert np.array_equal(DESIGN.rows(raw, columns), every[:, :, chosen], equal_nan=True)


def test_the_state_of_the_market_is_known_for_a_name_that_did_not_trade(raw):
    rows = DESIGN.rows(raw, ("a", "b", "vix"))
    assert np.isnan(rows[0, 1, :2]).all()
    assert rows[:, 1, 2].tolist() == [20.0, 21.0, 22.0]
    assert np.isnan(DESIGN.rows(np.full_like(raw, np.nan), ("vix",))).all()


def test_rows_of_other_features_are_refused(raw):
    with pytest.raises(ArtifactCorrupt, match="rows have 2 features, the model expects 3"):
        DESIGN.rows(raw[:, :, :2], ("a",))


def test_few_sessions_are_ranked_as_the_compiled_kernel_does_to_the_last_bit(monkeypatch):
    rng = np.random.default_rng(4)
    score = np.where(rng.random((40, 30)) < 0.5, rng.normal(size=(40, 30)), rng.integers(-2, 3, (40, 30)) * 1.0)
    score[rng.random(score.shape) < 0.2] = np.nan
    score[3] = np.nan
    score[4, :2] = np.inf, -0.0
    few = session_ranks(score)
    monkeypatch.setattr(design, "_FEW", 0)
    assert session_ranks(score).tobytes() == few.tobytes()
