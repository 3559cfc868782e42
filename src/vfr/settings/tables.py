"""Published tables with the overrides of a setting applied."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from vfr.accounts.tiers import Tiers, overridden
from vfr.errors import SettingsError
from vfr.scoring.table import DEFAULT, CapTilt, ScoreTable, Tier

__all__ = ["score_table_of", "tier_table_of"]

_PARTS: Final = {"weights": "weights", "tilts": "tilts", "tiers": "tiers", "halfLifeDays": "half_life_days"}
_PARSERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "tilts": lambda rows: tuple(CapTilt(**row) for row in rows),
    "tiers": lambda rows: tuple(Tier(**row) for row in rows),
}


def score_table_of(overrides: Mapping[str, Any]) -> ScoreTable:
    """Return the published table of the classic score with some parts replaced; SettingsError if one is wrong."""
    parts: dict[str, Any] = {}
    try:
        for name, value in overrides.items():
            parts[_PARTS[name]] = _PARSERS.get(name, dict)(value)
        return replace(DEFAULT, **parts)
    except SettingsError as error:
        raise SettingsError(f"VFR_SCORE_TABLE: {error.message}") from None
    except KeyError as error:
        raise SettingsError(f"VFR_SCORE_TABLE: knows no {error.args[0]!r}; its parts are {', '.join(_PARTS)}") from None
    except (TypeError, ValueError):
        raise SettingsError("VFR_SCORE_TABLE: must have the shape that the published table is printed in") from None


def tier_table_of(overrides: Mapping[str, Any]) -> Tiers:
    """Return the published table of tiers with some figures replaced; SettingsError if one is wrong."""
    try:
        return overridden(overrides)
    except SettingsError as error:
        raise SettingsError(f"VFR_TIERS: {error.message}") from None
