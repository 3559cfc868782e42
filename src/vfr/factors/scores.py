"""What factors return: scores of sub-factors, with the reason wherever one is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from vfr.data.snapshot import Snapshot
from vfr.typing import DateArray, FloatArray, IntArray

__all__ = ["FACTOR_NAMES", "FactorName", "FactorScores", "Measured", "Reason", "SubFactor"]

FactorName: TypeAlias = Literal["technical", "fundamental", "macro", "sentiment", "alternative"]

FACTOR_NAMES: Final[tuple[FactorName, ...]] = ("technical", "fundamental", "macro", "sentiment", "alternative")


class Reason(IntEnum):
    """Why a sub-factor has no score; PRESENT means it has one."""

    PRESENT = 0
    NO_INPUT = 1
    """The data set has no such input (no volume, no statements, no texts ...)."""
    NO_HISTORY = 2
    """Too few sessions for the window."""
    STALE = 3
    """The latest input is older than the maximum age of its kind."""
    NOT_COVERED = 4
    """The input exists, but not for this symbol."""
    UNUSABLE = 5
    """The input is known but cannot be used: a zero or negative denominator, no share count."""
    SMALL_PEER_GROUP = 6
    """Too few peers for a percentile."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One sub-factor over R sessions and N symbols.

    Parameters
    ----------
    value : float64 array, shape (R, N)
        The raw measurement, in the unit its `SubFactor` states; NaN where unknown.
    score : float64 array, shape (R, N)
        0-100, 50 neutral, higher is better; NaN where unknown.
    reason : int8 array, shape (R, N)
        `Reason` codes; PRESENT exactly where `score` is finite.
    as_of : datetime64[D] array, shape (R, N)
        Date of the newest input used; NaT where unknown.
    """

    value: FloatArray
    score: FloatArray
    reason: NDArray[np.int8]
    as_of: DateArray


@dataclass(frozen=True, slots=True)
class SubFactor:
    """Registry entry of a sub-factor.

    Parameters
    ----------
    name : str
        ``factor.group.item``, for example ``technical.trend.price_vs_sma_200``.
    factor : FactorName
        The factor it belongs to.
    weight : float
        Share of its factor's weight; the weights of a factor sum to 1. Where one takes no part, for want of the record
        it needs, those of the rest are divided by their sum. Whatever needs a record has half of a factor together:
        halving is exact, so that sets without the record have the same answers as before it was known here.
    unit : str
        Unit of `Measured.value`.
    description, source : str
        What it measures and how the score follows from it; where the field's literature describes it.
    needs : {"insiders", "ratings"}, optional
        Record of a snapshot without which it takes no part: it is neither scored nor counted as missing.
    """

    name: str
    factor: FactorName
    weight: float
    unit: str
    description: str
    source: str
    needs: Literal["insiders", "ratings"] | None = None


FactorFunction: TypeAlias = Callable[[Snapshot, IntArray], Mapping[str, Measured]]
"""Computes every sub-factor of one factor on the given rows of the snapshot's panel, by sub-factor name."""


@dataclass(frozen=True, slots=True, eq=False)
class FactorScores:
    """All K sub-factors over R sessions and N symbols, stacked in registry order.

    `value`, `score`, `reason`, `as_of` are [K x R x N]; `market_cap` [R x N] is in USD, NaN where unknown.
    """

    names: tuple[str, ...]
    sessions: DateArray
    symbols: tuple[str, ...]
    value: FloatArray
    score: FloatArray
    reason: NDArray[np.int8]
    as_of: DateArray
    market_cap: FloatArray
