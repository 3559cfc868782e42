"""What a registered feature says about itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Family", "Feature"]

Family: TypeAlias = Literal[
    "returns",
    "volatility",
    "market_relative",
    "bars",
    "trading",
    "oscillators",
    "regime",
    "sector_relative",
    "cross_section",
    "fundamentals",
]
"""One pass over the panel each."""


@dataclass(frozen=True, slots=True)
class Feature:
    """Registry entry of a feature.

    Parameters
    ----------
    name : str
        Unique, stable: models are tied to it.
    family : Family
        The pass that computes it.
    unit : str
        Unit and scale of its values.
    window : int
        Sessions (bars of the symbol) it looks back on; 0 if it depends on the session alone or on statements.
    description, reference : str
        What it measures; where the field's literature describes it.
    """

    name: str
    family: Family
    unit: str
    window: int
    description: str
    reference: str
