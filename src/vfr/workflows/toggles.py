"""Switches of machine learning: all of it, one member, or one model version; who turned them, when and why."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

from vfr.errors import InvalidField
from vfr.typing import MEMBER_NAMES

__all__ = ["EVERYTHING", "MAX_REASON", "UNKNOWN", "Toggle", "ToggleState", "Toggles", "checked_id", "checked_reason"]

MAX_REASON: Final = 500
_NAMED: Final = 20
"""Ids that a refusal names; a store holds hundreds of versions."""

EVERYTHING: Final = "ml"
"""Id of the switch of all machine learning; the others are names of members and model ids."""

_ON: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Toggle:
    """One switch as it was last turned; `at` is an ISO moment in UTC."""

    id: str
    enabled: bool
    reason: str
    who: str
    at: str


@dataclass(frozen=True, slots=True)
class ToggleState:
    """Every switch at one moment.

    Parameters
    ----------
    everything : Toggle or None
        The switch of all machine learning; None: never turned, which is on.
    off : mapping of str to str
        Why members and model versions may not answer, by id; those that are on are not in it.
    revision : int
        Grows with every change.
    """

    everything: Toggle | None = None
    off: Mapping[str, str] = field(default_factory=lambda: _ON)
    revision: int = 0

    @property
    def enabled(self) -> bool:
        """Whether machine learning as a whole is on."""
        return self.everything is None or self.everything.enabled

    @property
    def reason(self) -> str:
        """Why it was last turned."""
        return "" if self.everything is None else self.everything.reason


class Toggles(Protocol):
    """Whoever knows the switches; asked by every request, so it answers from memory and never raises."""

    def read(self) -> ToggleState:
        """Return the switches as this process knows them: no older than a second while the store can be reached."""


UNKNOWN: Final = ToggleState(
    Toggle(EVERYTHING, False, "the stored switches cannot be read, so nobody knows that it is on", "", "")
)
"""What holds before the switches were read for the first time: off, for whoever turned it off had a reason."""


def checked_id(toggle_id: str, models: Collection[str]) -> str:
    """Return the id of a switch that exists: ``ml``, a member, or a stored model version.

    Raises
    ------
    InvalidField
        If it is none of them; names those that are.

    Examples
    --------
    >>> checked_id("linear", [])
    'linear'
    """
    if toggle_id == EVERYTHING or toggle_id in MEMBER_NAMES or toggle_id in models:
        return toggle_id
    shown = sorted(models)[:_NAMED]
    more = ", or another model id of `vfr models list --all`" if len(models) > len(shown) else ""
    raise InvalidField("id", f"is no switch; use one of {', '.join((EVERYTHING, *MEMBER_NAMES, *shown))}{more}")


def checked_reason(reason: str, field: str = "reason") -> str:
    """Return a reason without the spaces around it; `field` is what the caller knows it by.

    Raises
    ------
    InvalidField
        If it is empty, too long or not printable.

    Examples
    --------
    >>> checked_reason(" drift alert ")
    'drift alert'
    """
    text = reason.strip()
    if not text or len(text) > MAX_REASON or not text.isprintable():
        raise InvalidField(field, f"is required: say why in 1 to {MAX_REASON} printable characters")
    return text
