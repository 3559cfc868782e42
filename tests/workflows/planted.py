"""Studies whose skill is planted: what a table of evidence must show, and what it must not."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from scipy.special import ndtr

from vfr.models.design import session_ranks
from vfr.models.prediction import Prediction
from vfr.workflows.evidence_data import Judged, Study

SHAPE = (500, 40)


def study(
    skill: float = 0.0,
    up_rate: float = 0.6,
    *,
    more: Mapping[str, float] | None = None,
    certain: float = 0.0,
    boast: float = 1.0,
    seed: int = 0,
) -> Study:
    """Make a study of one session ahead.

    Parameters
    ----------
    skill : float
        Correlation of the first model's score with the return.
    up_rate : float
        Share of names that rise, whatever their return.
    more : mapping, optional
        Further models by name, with the skill of each.
    certain : float
        Half the range over which the probability of a rise differs between names; every model knows it exactly.
    boast : float
        By how much too large the models take their skill to be when they say a confidence; 1 is honest.
        A model without skill believes in a correlation of 0.02.
    """
    rng = np.random.default_rng(seed)
    z = rng.normal(size=SHAPE)
    returns = 0.02 * z
    p_up = up_rate + certain * rng.uniform(-1.0, 1.0, SHAPE)
    direction = (rng.random(SHAPE) < p_up).astype(float)
    models = tuple(
        _judged(name, r, r * z + np.sqrt(1 - r**2) * rng.normal(size=SHAPE), p_up, boast)
        for name, r in {"skilled": skill, **(more or {})}.items()
    )
    return Study(
        horizon="1d",
        sessions=np.arange("2010-01-01", "2011-05-16", dtype="datetime64[D]"),
        models=models,
        outcomes={"made up": returns},
        excess=returns - np.median(returns, axis=1, keepdims=True),
        direction=direction,
        base=np.full(SHAPE, up_rate),
        last_sign=np.ones(SHAPE),
        universes={"all names": np.ones(SHAPE, dtype=bool)},
        volatility=np.full(SHAPE, 0.02) * np.linspace(0.99, 1.01, SHAPE[1]),
        rng=np.random.default_rng(1),
        excess_base=np.full(SHAPE, 0.5),
    )


def _judged(name: str, skill: float, score: np.ndarray, p_up: np.ndarray, boast: float) -> Judged:
    rank = session_ranks(score)
    believed = min(boast * (skill or 0.02), 0.99)
    sure = ndtr(believed * np.abs(score) / np.sqrt(1 - believed**2))
    p = p_up + 1e-6 * rank
    return Judged(name, Prediction(p, 0.01 * rank, 0.01 * rank - 0.033, 0.01 * rank + 0.033, sure, 0.9), rank)
