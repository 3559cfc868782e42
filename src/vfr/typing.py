"""Array aliases and the closed vocabularies that every room shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HORIZONS",
    "MEMBER_NAMES",
    "NEUTRAL_BAND",
    "TARGETS",
    "BoolArray",
    "DateArray",
    "FloatArray",
    "Horizon",
    "IntArray",
    "Keep",
    "Matrix32",
    "Target",
    "TimeArray",
]

FloatArray: TypeAlias = NDArray[np.float64]
Matrix32: TypeAlias = NDArray[np.float32]
IntArray: TypeAlias = NDArray[np.int64]
BoolArray: TypeAlias = NDArray[np.bool_]
DateArray: TypeAlias = NDArray[np.datetime64]  # datetime64[D]
TimeArray: TypeAlias = NDArray[np.datetime64]  # datetime64[s], UTC

Keep: TypeAlias = Callable[[Any], Any]
"""Gives the same figures from where they take no memory, such as a file; raises `OSError` where there is no room."""

Horizon: TypeAlias = Literal["1d", "7d", "30d"]
Target: TypeAlias = Literal["direction", "excess"]

TARGETS: Final[tuple[Target, ...]] = ("direction", "excess")

HORIZONS: Final[dict[Horizon, int]] = {"1d": 1, "7d": 5, "30d": 21}
"""Sessions spanned by each horizon: a week is 5 sessions, a month 21."""

MEMBER_NAMES: Final = ("lightgbm", "xgboost", "lstm", "linear", "trees")
"""Ensemble members of the contract; those without a version are answered with a reason."""

NEUTRAL_BAND: Final = 0.01
"""A probability of a rise this close to one half has no direction."""
