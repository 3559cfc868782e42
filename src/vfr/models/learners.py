"""The learners there are, by member name."""

from __future__ import annotations

from typing import Final

from vfr.models.learner import Learner
from vfr.models.lightgbm_learner import LightGbm
from vfr.models.linear_learner import Linear

__all__ = ["LEARNERS"]

LEARNERS: Final[dict[str, Learner]] = {"lightgbm": LightGbm(), "linear": Linear()}
