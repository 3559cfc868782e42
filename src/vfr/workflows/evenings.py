"""Health and weights of members, evening by evening: computed once for the longest record, and cut for past days."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import fields
from typing import Any, Final, Generic, TypeVar

import numpy as np

from vfr.ensemble.fitted import Fitted
from vfr.ensemble.scores import Scores
from vfr.ensemble.weights import weights_by_session
from vfr.monitoring.health import Health, health_by_session
from vfr.monitoring.signals import Signals
from vfr.typing import BoolArray, DateArray, FloatArray, Horizon

__all__ = ["Evenings"]

T = TypeVar("T")

KEPT: Final = 8


class Evenings:
    """Healths and weights computed last, by what they are about; for one thread at a time.

    Notes
    -----
    Row r knows the evenings up to r. So what holds for the evenings before a past day is the beginning of what goes on,
    wherever the record is the same to the last bit; where it is not it is computed. A year of evenings takes longer
    than asking every member.
    """

    def __init__(self) -> None:
        self._healths: _Lately[Health] = _Lately()
        self._weights: _Lately[FloatArray] = _Lately()
        self._trained: _Lately[tuple[Signals, BoolArray]] = _Lately()

    def of(self, fitted: Fitted, make: Callable[[Fitted], tuple[Signals, BoolArray]]) -> tuple[Signals, BoolArray]:
        """Return what `make` gives of the record of training, made once."""
        about = (fitted.data_name, fitted.horizon)
        return self._trained.beginning(about, (fitted,)) or self._trained.keep(about, (fitted,), make(fitted))

    def health(self, about: Hashable, signals: Signals, refits: BoolArray, rows: int) -> Health:
        """Return the first evenings of what `vfr.monitoring.health.health_by_session` gives.

        Parameters
        ----------
        about : hashable
            The data set and horizon.
        signals : Signals
            Evenings of M members, the more the better.
        refits : bool array, shape (R, M)
            Of the same evenings.
        rows : int
            Evenings wanted.
        """
        record = (signals.members, *_columns(signals), refits)
        found = self._healths.beginning(about, record)
        if found is None:
            found = self._healths.keep(about, record, health_by_session(signals, refits=refits))
        events = [event for event in found.events if rows and event.session <= signals.sessions[rows - 1]]
        return Health(found.members, found.health[:rows], found.alarms[:rows], tuple(events))

    def weights(self, about: Hashable, scores: Scores, sessions: DateArray, horizon: Horizon, rows: int) -> FloatArray:
        """Return the first sessions of what `vfr.ensemble.weights.weights_by_session` gives, shape (rows, M).

        Parameters
        ----------
        about : hashable
            The data set and horizon.
        scores : Scores
            The record of M members, the more the better; a session reads what had matured by then.
        sessions : datetime64[D] array, shape (R,)
            From the first date of the record on.
        horizon : Horizon
        rows : int
            Sessions wanted.
        """
        record = (scores.members, *_columns(scores), sessions)
        found = self._weights.beginning(about, record)
        if found is None:
            found = self._weights.keep(about, record, weights_by_session(scores, sessions, horizon))
        return found[:rows]


class _Lately(Generic[T]):
    """What was computed last, each with the record that it was computed from."""

    def __init__(self) -> None:
        self._held: OrderedDict[Hashable, tuple[tuple[Any, ...], T]] = OrderedDict()

    def beginning(self, about: Hashable, record: tuple[Any, ...]) -> T | None:
        """Return what was computed from a record that begins with this one; None where there is none."""
        held = self._held.get(about)
        return None if held is None or not all(map(_begins, held[0], record)) else held[1]

    def keep(self, about: Hashable, record: tuple[Any, ...], made: T) -> T:
        """Keep what was computed from a record, and return it."""
        self._held[about] = record, made
        self._held.move_to_end(about)
        while len(self._held) > KEPT:
            self._held.popitem(last=False)
        return made


def _columns(record: Scores | Signals) -> list[np.ndarray]:
    """Return the arrays of a record, one row for each of its dates."""
    return [getattr(record, field.name) for field in fields(record) if field.name != "members"]


def _begins(longer: Any, part: Any) -> bool:
    """Return whether members are the same, or rows the first of more."""
    if not isinstance(part, np.ndarray):
        return bool(longer == part)
    return longer is part or bool(longer.dtype == part.dtype and longer[: len(part)].tobytes() == part.tobytes())
