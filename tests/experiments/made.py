"""Experiments and paired scores for tests."""

from __future__ import annotations

from typing import Any

import numpy as np

from vfr.experiments.analysis import Paired
from vfr.experiments.experiment import Experiment

HALF = {"classic": 0.5, "ml": 0.5}


def experiment(**changed: Any) -> Experiment:
    """A running experiment, changed where asked."""
    fields: dict[str, Any] = {
        "id": "3f2a", "name": "blend", "salt": "5a17", "shares": HALF, "holdout": 0.0, "horizon": "7d", "weight": 0.15,
        "first": "2019-06-28", "started_at": 1e9, "who": "me", "why": "to see",
    }  # fmt: skip
    return Experiment(**fields | changed)


def paired(
    rng: np.random.Generator, *, gain: float, sessions: int = 400, names: int = 60, horizon: str = "7d"
) -> Paired:
    """Scores of which the blended one knows more of the excess return by `gain`."""
    excess = rng.normal(size=(sessions, names))
    noise = rng.normal(size=excess.shape)
    score = [50.0 + 10.0 * (known * excess + noise) for known in (0.05, 0.05 + gain)]
    days = np.busday_offset(np.datetime64("2015-01-01"), np.arange(sessions), roll="forward")
    return Paired("7d", days, *score, excess, np.ones(excess.shape, dtype=bool))
