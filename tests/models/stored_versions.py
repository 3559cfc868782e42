"""Small versions of every member, whole enough to be stored, loaded and asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from vfr.features import spec_hash
from vfr.models.calibrated import Calibrated
from vfr.models.design import Design
from vfr.models.learner import Rows
from vfr.models.learners import LEARNERS
from vfr.models.member import Member
from vfr.models.prediction import ModelCard
from vfr.models.scale import Scale
from vfr.typing import Target
from vfr.validation.calibration import Platt

NAMES = ("volatility_21", "return_5", "market_volatility_21")
MEMBERS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(learner.unavailable()), reason=str(learner.unavailable())))
    for name, learner in LEARNERS.items()
]
LOOKBACK = max(learner.lookback for learner in LEARNERS.values())
SAMPLE = np.random.default_rng(5).uniform(0.1, 0.4, (LOOKBACK, 30, 3)).astype(np.float32)


@cache
def member(name: str = "linear", seed: int = 0) -> Member:
    """Fit a member to 600 rows of three features, one of them the market's."""
    rng = np.random.default_rng(seed)
    design, learner = Design(NAMES, NAMES[:2], NAMES[2:]), LEARNERS[name]
    X = rng.uniform(-0.5, 0.5, (600, learner.lookback, 3)).astype(np.float32)
    y = X[:, -1, 0] + rng.normal(0, 0.3, 600)
    session = np.arange(600) // 20

    def rows(target: Target, outcome: np.ndarray) -> Rows:
        read = [NAMES.index(name) for name in learner.columns(design.columns(target))]
        cut = X[:, -1, read] if learner.lookback == 1 else X[:, :, read]
        return Rows(cut, outcome, np.ones(600), session)

    direction = learner.fit(rows("direction", (y > 0).astype(float)), target="direction", seed=0)
    excess = learner.fit(rows("excess", y), target="excess", seed=0)
    scale = Scale(NAMES[:1], (1.0,), 0.0, 0.02)
    calibrated = Calibrated(
        Platt(0.1, 0.0, (0.2, 0.3), (0.0, 0.0)), 0.01, Platt(0, 0.01, (0.05,), (0.25,)), scale, 0.5, 0.9
    )
    return Member(name, direction, excess, design, calibrated)


@cache
def files_of(name: str = "linear", seed: int = 0) -> dict[str, bytes]:
    """Return the artifact of a member; treat it as frozen."""
    return member(name, seed).files(SAMPLE)


def card(tail: str = "20200131-abc", **changes: Any) -> ModelCard:
    """Describe a staged version that passed its gates."""
    name = changes.get("member", "linear")
    made = ModelCard(
        model_id=f"{name}-{changes.get('horizon', '7d')}-{tail}",
        member="linear",
        horizon="7d",
        status="staged",
        created_at="2020-02-01T00:00:00+00:00",
        data_name="bundled",
        data_version="v1",
        feature_spec=spec_hash(),
        feature_names=NAMES,
        labels_end="2020-01-31",
        train_start="2010-01-04",
        n_rows=500,
        n_dates=50,
        seed=0,
        params={"direction": {"ridge": 0.02}},
        metrics={"rank_ic": 0.02, "rank_ic_t": None},
        importance={"return_5": 1.0},
        gates={"passed": True, "refused": [], "rows": []},
        libraries={"numpy": "2"},
        files={},
        folds=({"name": "2012", "train_start": "2010-01-04", "rows": 400},),
        limitations=("Not advice.",),
        training_seconds=1.5,
    )
    return replace(made, **changes)
