"""The learners there are, by member name."""

from __future__ import annotations

from typing import Final

from vfr.models.learner import Learner
from vfr.models.lightgbm_learner import LightGbm
from vfr.models.linear_learner import Linear
from vfr.models.lstm_learner import Lstm
from vfr.models.trees_learner import Trees
from vfr.models.xgboost_learner import XgBoost

__all__ = ["LEARNERS"]

LEARNERS: Final[dict[str, Learner]] = {
    "lightgbm": LightGbm(),
    "xgboost": XgBoost(),
    "lstm": Lstm(),
    "linear": Linear(),
    "trees": Trees(),
}
