"""What each tier may use up: one published table, with overrides from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from vfr.accounts.principal import ANONYMOUS, Principal, TierName
from vfr.errors import SettingsError
from vfr.typing import MEMBER_NAMES

__all__ = ["NAMES", "STREAMS", "TIERS", "Allowance", "RowName", "Tiers", "overridden", "row_name"]

RowName: TypeAlias = Literal["anonymous"] | TierName
"""A row of the table: a tier, or an address without a token."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one caller may use up.

    Parameters
    ----------
    requests_per_minute : int
    ml_units_per_day : int
        A unit is the forecast of one symbol over one horizon.
    symbols_per_request : int
    members : tuple of str
        Ensemble members that forecasts may be made with.
    concurrent_backtests : int
        Not enforced: there are no backtests over HTTP yet.
    event_streams : int
        Progress streams open at a time in one server process.
    """

    requests_per_minute: int
    ml_units_per_day: int
    symbols_per_request: int
    members: tuple[str, ...]
    concurrent_backtests: int
    event_streams: int

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON types, in the shape overrides have."""
        row = asdict(self)
        return {name: list(row[part]) if part == "members" else row[part] for name, part in NAMES.items()}


Tiers: TypeAlias = Mapping[RowName, Allowance]


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


NAMES: Final[Mapping[str, str]] = MappingProxyType({_camel(field.name): field.name for field in fields(Allowance)})
"""Fields of a row by their names in JSON, such as ``requestsPerMinute``."""

STREAMS: Final = 64
"""Progress streams open at once in one server process; no tier can promise more."""

_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "requests_per_minute": (1, 10_000_000),
    "ml_units_per_day": (0, 100_000_000),
    "symbols_per_request": (1, 100),
    "concurrent_backtests": (0, 1_000),
    "event_streams": (0, STREAMS),
}

_LIGHT: Final = ("lightgbm", "linear", "trees")

TIERS: Final[Tiers] = MappingProxyType(
    {
        "anonymous": Allowance(30, 0, 10, (), 0, 2),
        "free": Allowance(60, 200, 25, _LIGHT, 1, 2),
        "premium": Allowance(600, 10_000, 100, MEMBER_NAMES, 4, 10),
        "enterprise": Allowance(6_000, 200_000, 100, MEMBER_NAMES, 16, 64),
        "admin": Allowance(6_000, 200_000, 100, MEMBER_NAMES, 16, 64),
    }
)
"""The published table. Whoever calls without a token shares the row ``anonymous`` with its whole address."""


def row_name(caller: Principal) -> RowName:
    """Return which row holds for a caller: its tier, or ``anonymous`` without a token.

    Examples
    --------
    >>> TIERS[row_name(ANONYMOUS)].requests_per_minute
    30
    """
    return "anonymous" if caller.subject == ANONYMOUS.subject else caller.tier


def overridden(overrides: Mapping[str, Any]) -> Tiers:
    """Return the published table with some of its numbers replaced.

    Parameters
    ----------
    overrides : mapping
        By tier the fields that differ, named as in `Allowance.to_dict`.

    Raises
    ------
    SettingsError
        Naming the tier and the field that is wrong.

    Examples
    --------
    >>> overridden({"free": {"requestsPerMinute": 120}})["free"].requests_per_minute
    120
    """
    rows: dict[RowName, Allowance] = dict(TIERS)
    for name, given in overrides.items():
        tier = next((known for known in TIERS if known == name), None)
        if tier is None:
            raise SettingsError(f"knows no tier {name!r}; there are {', '.join(TIERS)}")
        if not isinstance(given, Mapping):
            raise SettingsError(f"{tier}: must be an object with some of {', '.join(NAMES)}")
        rows[tier] = replace(rows[tier], **dict(_part(tier, field, value) for field, value in given.items()))
    return MappingProxyType(rows)


def _part(tier: str, field: str, value: object) -> tuple[str, Any]:
    part = NAMES.get(field)
    if part is None:
        raise SettingsError(f"{tier}: knows no field {field!r}; there are {', '.join(NAMES)}")
    if part == "members":
        if not isinstance(value, (list, tuple)) or any(name not in MEMBER_NAMES for name in value):
            raise SettingsError(f"{tier}.{field}: must be a list of some of {', '.join(MEMBER_NAMES)}")
        return part, tuple(name for name in MEMBER_NAMES if name in value)
    low, high = _BOUNDS[part]
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise SettingsError(f"{tier}.{field}: must be a whole number from {low} to {high}")
    return part, value
