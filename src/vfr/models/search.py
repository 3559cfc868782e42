"""What may be tuned: a range for each hyper-parameter of each learner, narrow around what is known to be sensible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["SPACES", "Range"]


@dataclass(frozen=True, slots=True)
class Range:
    """Inclusive bounds; `log` searches orders of magnitude, `whole` searches integers."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


SPACES: Final[Mapping[str, Mapping[str, Range]]] = {
    "lightgbm": {
        "num_iterations": Range(60, 400, log=True, whole=True),
        "learning_rate": Range(0.02, 0.1, log=True),
        "num_leaves": Range(3, 31, log=True, whole=True),
        "feature_fraction": Range(0.2, 0.8),
        "lambda_l2": Range(1.0, 100.0, log=True),
    },
    "xgboost": {
        "learning_rate": Range(0.02, 0.1, log=True),
        "max_depth": Range(2, 5, whole=True),
        "colsample_bynode": Range(0.1, 0.8),
        "reg_lambda": Range(1.0, 100.0, log=True),
    },
    "linear": {"ridge": Range(0.001, 1.0, log=True)},
    "trees": {
        "max_features": Range(0.05, 0.6, log=True),
        "min_share_leaf": Range(0.002, 0.03, log=True),
    },
    "lstm": {
        "learning_rate": Range(0.0005, 0.01, log=True),
        "weight_decay": Range(1e-6, 1e-2, log=True),
        "dropout": Range(0.0, 0.5),
    },
}
"""By member name; a name in it is a hyper-parameter that the learner's `fit` takes as `tuned`."""
