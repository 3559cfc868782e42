"""Every sub-factor of the classic score, in its published order, and the function that measures each factor.

A newcomer looks here first: adding a sub-factor is one entry in its factor's module. Importing costs numpy only.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from vfr.factors import alternative, fundamental, macro, sentiment, technical
from vfr.factors.scores import FactorFunction, FactorName, SubFactor

__all__ = ["FACTORS", "SUB_FACTORS"]

_ENTRIES: Final = (
    *technical.SUB_FACTORS,
    *fundamental.SUB_FACTORS,
    *macro.SUB_FACTORS,
    *sentiment.SUB_FACTORS,
    *alternative.SUB_FACTORS,
)

FACTORS: Final[Mapping[FactorName, FactorFunction]] = MappingProxyType(
    {
        "technical": technical.measure,
        "fundamental": fundamental.measure,
        "macro": macro.measure,
        "sentiment": sentiment.measure,
        "alternative": alternative.measure,
    }
)
"""The function that measures all sub-factors of a factor, by factor name, in the order of `FACTOR_NAMES`."""

SUB_FACTORS: Final[Mapping[str, SubFactor]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every sub-factor by name, factors in the order of `FACTOR_NAMES`."""
