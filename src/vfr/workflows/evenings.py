"""Health of members, evening by evening: computed once for the longest record, and cut for the days before its end."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields
from typing import Final

import numpy as np

from vfr.monitoring.health import Health, health_by_session
from vfr.monitoring.signals import Signals
from vfr.typing import BoolArray

__all__ = ["Evenings"]

KEPT: Final = 8


class Evenings:
    """Healths computed last, by what they are about; for one thread at a time.

    Notes
    -----
    Row r of a health knows the evenings up to r. So the health of the evenings before a past day is the beginning of
    one that goes on, wherever the signals are the same to the last bit; where they are not it is computed. A year of
    evenings takes longer than asking every member.
    """

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, tuple[Signals, BoolArray, Health]] = OrderedDict()

    def health(self, about: Hashable, signals: Signals, refits: BoolArray) -> Health:
        """Return what `vfr.monitoring.health.health_by_session` does.

        Parameters
        ----------
        about : hashable
            The data set and horizon.
        signals : Signals
            R evenings of M members.
        refits : bool array, shape (R, M)
        """
        held = self._held.get(about)
        if held is not None and _begins(held[0], signals) and _starts(held[1], refits):
            return _until(held[2], signals)
        found = health_by_session(signals, refits=refits)
        self._held[about] = signals, refits, found
        self._held.move_to_end(about)
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        return found


def _begins(longer: Signals, signals: Signals) -> bool:
    """Return whether signals are the first of longer ones."""
    if longer.members != signals.members:
        return False
    names = [field.name for field in fields(Signals) if field.name != "members"]
    return all(_starts(getattr(longer, name), getattr(signals, name)) for name in names)


def _starts(longer: np.ndarray, array: np.ndarray) -> bool:
    return longer.dtype == array.dtype and longer[: len(array)].tobytes() == array.tobytes()


def _until(health: Health, signals: Signals) -> Health:
    """Return the beginning of a health: what was known after so many evenings."""
    rows = signals.sessions.size
    events = [event for event in health.events if rows and event.session <= signals.sessions[-1]]
    return Health(health.members, health.health[:rows], health.alarms[:rows], tuple(events))
