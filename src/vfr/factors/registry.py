"""Every sub-factor of the classic score, in its published order, and the function that measures each factor.

A newcomer looks here first: adding a sub-factor is one entry in its factor's module. Importing costs numpy only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from vfr.data.snapshot import Snapshot
from vfr.factors import alternative, analysts, fundamental, insiders, macro, sentiment, technical
from vfr.factors.carried import Carried
from vfr.factors.scores import FactorName, Measured, SubFactor
from vfr.factors.shares import MarketValue
from vfr.typing import IntArray

__all__ = ["FACTORS", "SUB_FACTORS", "taking_part"]

_ENTRIES: Final = (
    *technical.SUB_FACTORS,
    *fundamental.SUB_FACTORS,
    *macro.SUB_FACTORS,
    *sentiment.SUB_FACTORS,
    *analysts.SUB_FACTORS,
    *alternative.SUB_FACTORS,
    *insiders.SUB_FACTORS,
)


_Measure: TypeAlias = Callable[[Snapshot, IntArray, Carried, MarketValue], Mapping[str, Measured]]


def _technical(snapshot: Snapshot, rows: IntArray, along: Carried, _: MarketValue) -> Mapping[str, Measured]:
    return technical.measure(snapshot, rows, along.histories)


def _fundamental(snapshot: Snapshot, rows: IntArray, along: Carried, cap: MarketValue) -> Mapping[str, Measured]:
    return fundamental.measure(snapshot, rows, cap, along.order)


def _macro(snapshot: Snapshot, rows: IntArray, along: Carried, _: MarketValue) -> Mapping[str, Measured]:
    return macro.measure(snapshot, rows, along.economy)


def _sentiment(snapshot: Snapshot, rows: IntArray, along: Carried, _: MarketValue) -> Mapping[str, Measured]:
    return {**sentiment.measure(snapshot, rows, along.texts), **analysts.measure(snapshot, rows)}


def _alternative(snapshot: Snapshot, rows: IntArray, along: Carried, cap: MarketValue) -> Mapping[str, Measured]:
    return {**alternative.measure(snapshot, rows, cap, along.traded), **insiders.measure(snapshot, rows)}


FACTORS: Final[Mapping[FactorName, _Measure]] = MappingProxyType(
    {
        "technical": _technical,
        "fundamental": _fundamental,
        "macro": _macro,
        "sentiment": _sentiment,
        "alternative": _alternative,
    }
)
"""The function that measures the sub-factors of a factor that take part, by name, in the order of `FACTOR_NAMES`."""

SUB_FACTORS: Final[Mapping[str, SubFactor]] = MappingProxyType({entry.name: entry for entry in _ENTRIES})
"""Every sub-factor by name, factors in the order of `FACTOR_NAMES`."""


def taking_part(snapshot: Snapshot) -> tuple[SubFactor, ...]:
    """Return the sub-factors of a snapshot, in order: all but those whose record it does not hold.

    A record that is there and empty takes part: then nothing is known of it yet.
    """
    return tuple(
        entry for entry in SUB_FACTORS.values() if entry.needs is None or getattr(snapshot, entry.needs) is not None
    )
