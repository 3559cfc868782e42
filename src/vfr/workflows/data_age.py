"""How old the inputs of an answer are, beside the age at which each counts as stale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from vfr.data.freshness import Age, Input, age

if TYPE_CHECKING:
    from vfr.factors.board import InputStatus

__all__ = ["InputAges", "Told", "age_warnings", "ages", "described"]

_STEADY_S: Final = 900
"""No age changes within a quarter of an hour: New York's days end on quarters, and sessions count from quarters on."""

_KEPT: Final = 4

_PROMISED: Final[Mapping[str, Input]] = {
    "prices": "bars",
    "volume": "bars",
    "fundamentals": "fundamentals",
    "macro": "macro_daily",
    "texts": "texts",
    "membership": "membership",
    "benchmark": "bars",
    "insiders": "insiders",
    "ratings": "ratings",
}
"""The promise that stands behind each input of a board."""

_WORDS: Final[Mapping[str, str]] = {
    "prices": "prices end",
    "fundamentals": "statements end",
    "macro": "macro figures end",
    "texts": "texts end",
    "membership": "index membership was last told",
    "insiders": "insiders' trades end",
    "ratings": "analysts' ratings end",
}
"""What an old input is called. Volume and the benchmark come with the prices and are not named beside them."""


def ages(inputs: Mapping[str, InputStatus], now: datetime) -> dict[str, Age]:
    """Return the age of every input of a board at a moment."""
    return {
        kind: age(_PROMISED[kind], date.fromisoformat(status.newest) if status.newest else None, now)
        for kind, status in inputs.items()
    }


def described(found: Mapping[str, Age]) -> dict[str, dict[str, Any]]:
    """Return ages as plain JSON types; `age` counts completed sessions or days, as `unit` says."""
    return {
        kind: {
            "newest": str(one.newest) if one.newest else None,
            "age": one.days,
            "unit": "sessions" if one.kind == "bars" else "days",
            "limit": one.sla_days,
            "fresh": one.fresh,
        }
        for kind, one in found.items()
    }


def age_warnings(found: Mapping[str, Age]) -> list[str]:
    """Return a sentence for every input that is there and too old."""
    return [
        f"{_WORDS[kind]} on {one.newest}, {one.days:,} {'sessions' if one.kind == 'bars' else 'days'} ago"
        for kind, one in found.items()
        if one.newest is not None and not one.fresh and kind in _WORDS
    ]


class Told(NamedTuple):
    """Ages as plain JSON types, and a sentence for every input that is too old; shared, so not to be changed."""

    described: dict[str, dict[str, Any]]
    warnings: list[str]


class InputAges:
    """How old the inputs of one board are, worked out once per quarter of an hour.

    Parameters
    ----------
    inputs : mapping of str to InputStatus
    """

    def __init__(self, inputs: Mapping[str, InputStatus]) -> None:
        self._inputs = inputs
        self._kept: dict[int, Told] = {}

    def at(self, now: datetime) -> Told:
        """Return the ages at an aware moment."""
        quarter = int(now.timestamp()) // _STEADY_S
        told = self._kept.get(quarter)
        if told is None:
            found = ages(self._inputs, now)
            told = Told(described(found), age_warnings(found))
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[quarter] = told
        return told
