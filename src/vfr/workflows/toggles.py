"""Switches of machine learning: all of it, one member, or one model version; who turned them, when and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Protocol

__all__ = ["EVERYTHING", "Toggle", "ToggleState", "Toggles"]

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
