"""The published numbers of the classic score, in one frozen table: weights, market-cap tilts, tiers, half-lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias, cast, get_args

import numpy as np

from vfr.errors import SettingsError
from vfr.factors.scores import FACTOR_NAMES, FactorName
from vfr.typing import FloatArray

__all__ = ["DEFAULT", "CapTilt", "Recommendation", "ScoreTable", "Tier"]

Recommendation: TypeAlias = Literal["STRONG_BUY", "BUY", "MODERATE_BUY", "HOLD", "MODERATE_SELL", "SELL", "STRONG_SELL"]


@dataclass(frozen=True, slots=True)
class CapTilt:
    """From `floor` USD of market capitalisation up, multiply the fundamental and the technical weight."""

    floor: float
    fundamental: float
    technical: float


@dataclass(frozen=True, slots=True)
class Tier:
    """From `floor` of 0-100 up, this recommendation."""

    floor: float
    recommendation: Recommendation


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """What the composite, the recommendation and the confidence are computed with.

    Parameters
    ----------
    weights : mapping of factor to float
        Positive, one for each of the five factors, summing to 1.
    tilts : tuple of CapTilt
        Floors strictly decreasing, the last one 0. An unknown market capitalisation is not tilted.
    tiers : tuple of Tier
        The seven recommendations from best to worst, floors strictly decreasing from at most 100 to 0.
    half_life_days : mapping of factor to float
        Calendar days after which an input of the factor counts half towards confidence; positive.

    Raises
    ------
    SettingsError
        Naming the part that does not hold.

    Examples
    --------
    >>> DEFAULT.weights["technical"]
    0.28
    >>> DEFAULT.tilted(np.array([250e9, np.nan]))[0].round(4).tolist()
    [0.2347, 0.28]
    """

    weights: Mapping[FactorName, float]
    tilts: tuple[CapTilt, ...]
    tiers: tuple[Tier, ...]
    half_life_days: Mapping[FactorName, float]

    def __post_init__(self) -> None:
        for part in ("weights", "half_life_days"):
            given: Mapping[FactorName, float] = getattr(self, part)
            if set(given) != set(FACTOR_NAMES) or not all(0 < given[name] < np.inf for name in given):
                raise SettingsError(f"{part}: needs one positive number for each of {', '.join(FACTOR_NAMES)}")
            frozen = MappingProxyType({name: float(given[name]) for name in FACTOR_NAMES})
            object.__setattr__(self, part, frozen)
        if abs(sum(self.weights.values()) - 1.0) > 1e-9:
            raise SettingsError(f"weights: must sum to 1, they sum to {sum(self.weights.values()):.6g}")
        self._check_tilts()
        self._check_tiers()

    def _check_tilts(self) -> None:
        floors = [t.floor for t in self.tilts]
        if not _falls_to_zero(floors):
            raise SettingsError("tilts: floors must strictly decrease and end at 0")
        if not all(0 < m < np.inf for t in self.tilts for m in (t.fundamental, t.technical)):
            raise SettingsError("tilts: multipliers must be positive")

    def _check_tiers(self) -> None:
        if tuple(t.recommendation for t in self.tiers) != get_args(Recommendation):
            raise SettingsError(f"tiers: must name {', '.join(get_args(Recommendation))} in this order")
        floors = [t.floor for t in self.tiers]
        if not _falls_to_zero(floors) or floors[0] > 100:
            raise SettingsError("tiers: floors must strictly decrease from at most 100 to 0")

    def tilted(self, market_cap: FloatArray) -> FloatArray:
        """Return factor weights after the market-cap tilt.

        Parameters
        ----------
        market_cap : float64 array, any shape S
            USD; NaN (unknown) is not tilted.

        Returns
        -------
        float64 array, shape (5, *S)
            In the order of `FACTOR_NAMES`; sums to 1 over the first axis.
        """
        base = np.array([self.weights[name] for name in FACTOR_NAMES])
        out = np.repeat(base[:, None], market_cap.size, axis=1).reshape(5, *market_cap.shape)
        floors = np.array([t.floor for t in self.tilts])
        # Floors decrease: the tilt of a capitalisation is the first one whose floor it reaches.
        place = np.searchsorted(-floors, -np.nan_to_num(market_cap, nan=0.0), side="left")
        known = np.isfinite(market_cap)
        for name in ("fundamental", "technical"):
            factor = np.array([getattr(t, name) for t in self.tilts])[place]
            out[FACTOR_NAMES.index(name)] *= np.where(known, factor, 1.0)
        return cast("FloatArray", out / out.sum(axis=0))

    def to_dict(self) -> dict[str, Any]:
        """Return the table as JSON types, as it is published."""
        return {
            "weights": dict(self.weights),
            "tilts": [{"floor": t.floor, "fundamental": t.fundamental, "technical": t.technical} for t in self.tilts],
            "tiers": [{"floor": t.floor, "recommendation": t.recommendation} for t in self.tiers],
            "halfLifeDays": dict(self.half_life_days),
        }


def _falls_to_zero(floors: list[float]) -> bool:
    return bool(floors) and floors[-1] == 0 and all(a > b for a, b in pairwise(floors))


DEFAULT: Final = ScoreTable(
    weights={"technical": 0.28, "fundamental": 0.28, "macro": 0.20, "sentiment": 0.18, "alternative": 0.06},
    tilts=(
        CapTilt(200e9, fundamental=1.20, technical=0.85),
        CapTilt(10e9, fundamental=1.10, technical=0.92),
        CapTilt(2e9, fundamental=1.0, technical=1.0),
        CapTilt(0.0, fundamental=0.90, technical=1.10),
    ),
    tiers=(
        Tier(85.0, "STRONG_BUY"),
        Tier(70.0, "BUY"),
        Tier(60.0, "MODERATE_BUY"),
        Tier(40.0, "HOLD"),
        Tier(30.0, "MODERATE_SELL"),
        Tier(20.0, "SELL"),
        Tier(0.0, "STRONG_SELL"),
    ),
    half_life_days={"technical": 5.0, "fundamental": 365.0, "macro": 60.0, "sentiment": 7.0, "alternative": 30.0},
)
"""The published table; large companies lean on statements, small ones on prices."""
