"""How old each input may be before an answer says that it is stale."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

from vfr.data.trading_days import new_york_day, sessions_behind

__all__ = ["SLA", "Age", "Input", "age"]

Input: TypeAlias = Literal[
    "bars",
    "fundamentals",
    "macro_daily",
    "macro_monthly",
    "membership",
    "texts",
    "insiders",
    "ratings",
]
"""Kinds of input with a promise of their own; macro series differ by how often they appear."""

SLA: Final[Mapping[Input, int]] = MappingProxyType(
    {
        "bars": 1,
        "fundamentals": 120,
        "macro_daily": 7,
        "macro_monthly": 60,
        "membership": 35,
        "texts": 3,
        "insiders": 30,
        "ratings": 45,
    }
)
"""Greatest age at which an input counts as fresh: completed sessions for bars, days for everything else."""


@dataclass(frozen=True, slots=True)
class Age:
    """How old an input is.

    Parameters
    ----------
    kind : Input
        The input.
    newest : date, datetime or None
        What its age was counted from; None where nothing is stored.
    days : int or None
        Age in days; for bars the completed sessions that are missing. None where nothing is stored.
    sla_days : int
        Greatest age that counts as fresh, in the same unit.
    fresh : bool
        Whether the age is within it; never where nothing is stored.
    """

    kind: Input
    newest: date | datetime | None
    days: int | None
    sla_days: int
    fresh: bool


def age(kind: Input, newest: date | datetime | None, now: datetime) -> Age:
    """Return how old an input is at a moment; cheap enough for every answer to say it.

    Parameters
    ----------
    kind : Input
        A key of `SLA`.
    newest : date, datetime or None
        Bars: the last session with a bar. Fundamentals: the newest filing. Macro: the newest observation; of a
        monthly series, the last day of the month observed. Texts, insiders, ratings: the newest of them.
        Actions, membership, profile, which may rightly stay as they are for years: when the source last confirmed
        them; the last change known, where nobody is there to confirm it. A datetime must be aware.
    now : datetime
        Aware.

    Raises
    ------
    KeyError
        If the kind has no promise.

    Examples
    --------
    >>> from datetime import UTC, date, datetime
    >>> age("bars", date(2024, 7, 3), datetime(2024, 7, 8, 12, tzinfo=UTC))
    Age(kind='bars', newest=datetime.date(2024, 7, 3), days=1, sla_days=1, fresh=True)
    """
    limit = SLA[kind]
    if newest is None:
        return Age(kind, None, None, limit, fresh=False)
    if kind == "bars":
        days = sessions_behind(new_york_day(newest) if isinstance(newest, datetime) else newest, now)
    elif isinstance(newest, datetime):
        days = max(0, (now - newest) // timedelta(days=1))
    else:
        days = max(0, (new_york_day(now) - newest).days)
    return Age(kind, newest, days, limit, fresh=days <= limit)
