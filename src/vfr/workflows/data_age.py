"""How old the inputs of an answer are, beside the age at which each counts as stale."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from vfr.data.freshness import Age, Input, age
from vfr.data.trading_days import new_york_day

if TYPE_CHECKING:
    from vfr.factors.board import InputStatus

__all__ = ["age_warnings", "ages", "described"]

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

_UNSEEN: Final[tuple[Input, ...]] = ("actions", "profile")
"""What boards do not name, and only a source's confirmation tells the age of."""

_WORDS: Final[Mapping[str, str]] = {
    "prices": "prices end",
    "fundamentals": "statements end",
    "macro": "macro figures end",
    "texts": "texts end",
    "membership": "index membership was last known to change",
    "insiders": "insiders' trades end",
    "ratings": "analysts' ratings end",
}
"""What an old input is called. Volume and the benchmark come with the prices and are not named beside them."""

_WORDS_CONFIRMED: Final[Mapping[str, str]] = {
    "membership": "index membership was last confirmed",
    "actions": "splits and dividends were last confirmed",
    "profile": "names and sectors were last confirmed",
}


def ages(
    inputs: Mapping[str, InputStatus], now: datetime, confirmed: Mapping[str, datetime] | None = None
) -> dict[str, Age]:
    """Return the age of every input of a board at a moment.

    Parameters
    ----------
    inputs : mapping of str to InputStatus
        Those of a board.
    now : datetime
        Aware.
    confirmed : mapping of str to datetime, optional
        When a source last confirmed membership, actions and profile, aware: what a live archive knows. Membership that
        is there counts from it; actions and profile, which boards do not name, are told of where it is given. Without
        it membership counts from its last change, so that an imported list grows old.
    """
    moments = confirmed or {}
    found = {kind: age(_PROMISED[kind], _counted_from(kind, status, moments), now) for kind, status in inputs.items()}
    return found | {kind: age(kind, moments[kind], now) for kind in _UNSEEN if kind in moments}


def _counted_from(kind: str, status: InputStatus, moments: Mapping[str, datetime]) -> date | datetime | None:
    if status.newest is None:
        return None
    if kind == "membership" and kind in moments:
        return moments[kind]
    return date.fromisoformat(status.newest)


def described(found: Mapping[str, Age]) -> dict[str, dict[str, Any]]:
    """Return ages as plain JSON types; `age` counts completed sessions or days, as `unit` says."""
    return {
        kind: {
            "newest": str(_day(one.newest)) if one.newest else None,
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
        f"{words} on {_day(one.newest)}, {one.days:,} {'sessions' if one.kind == 'bars' else 'days'} ago"
        for kind, one in found.items()
        if one.newest is not None and not one.fresh and (words := _words(kind, one)) is not None
    ]


def _words(kind: str, one: Age) -> str | None:
    words = _WORDS_CONFIRMED if isinstance(one.newest, datetime) else _WORDS
    return words.get(kind)


def _day(newest: date | datetime) -> date:
    return new_york_day(newest) if isinstance(newest, datetime) else newest
