"""The record of every member, for people: its weight and why, its figures, and whether an alarm stands."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from vfr.errors import VfrError
from vfr.monitoring.degradation import Alarm, evidence, fit_alarm
from vfr.monitoring.health import Event
from vfr.monitoring.performance import Performance, performance
from vfr.typing import Horizon
from vfr.workflows.earned import Standing

if TYPE_CHECKING:
    from vfr.ensemble.fitted import Fitted
    from vfr.ensemble.scores import Scores

__all__ = [
    "HorizonRecord",
    "MemberRecord",
    "PerformanceReport",
    "Watch",
    "WeightsThen",
    "record_of_members",
    "tried",
]

_DIGITS: Final = 6


@dataclass(frozen=True, slots=True)
class Watch:
    """The alarm by outcomes of one member, learned from training and watching what was served since.

    Parameters
    ----------
    alarm : Alarm
        With its power and its rate of false alarms; a limit that is NaN never rings.
    dates : int
        Dates watched: served since training, their outcomes known.
    statistic : float
        Evidence gathered by the last of them, at least 0.
    since : str or None
        First date of the ringing, an ISO day; None while it is quiet.
    """

    alarm: Alarm
    dates: int
    statistic: float
    since: str | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        told = _camel(self.alarm.to_dict())
        fitted = {name: told[name] for name in ("quantity", "usual", "skill", "power", "delay", "falseAlarms")}
        return {
            "rings": self.since is not None,
            "since": self.since,
            "datesWatched": self.dates,
            "evidence": round(self.statistic, _DIGITS),
            "limit": told["limit"],
            "datesLearned": told["dates"],
        } | fitted


@dataclass(frozen=True, slots=True)
class MemberRecord:
    """One member at one horizon.

    Parameters
    ----------
    member : str
    weight : float
        In the next forecast, health included; those of all members sum to 1. Members that do not answer leave theirs
        to the others.
    health : float
        0 (benched) to 1.
    event : Event or None
        The last change of its health; None while there was none.
    trained, served : int
        Dates of its record that are out of fold from training, and that were served since.
    figures : tuple of Performance
        Over 60, 252 and all dates.
    watch : Watch or None
        None for a member that was not trained with the others.
    """

    member: str
    weight: float
    health: float
    event: Event | None
    trained: int
    served: int
    figures: tuple[Performance, ...]
    watch: Watch | None

    @property
    def reason(self) -> str | None:
        """Why it is not fit; None where it is."""
        return None if self.event is None or self.health >= 1.0 else self.event.reason

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "weight": round(self.weight, _DIGITS),
            "health": self.health,
            "reason": self.reason,
            "lastEvent": None if self.event is None else self.event.to_dict(),
            "datesTrained": self.trained,
            "datesServed": self.served,
            "figures": [_figures(one) for one in self.figures],
            "alarm": None if self.watch is None else self.watch.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class WeightsThen:
    """Weights of members that answered for one session, health included; they sum to 1."""

    session: str
    weights: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HorizonRecord:
    """Every member of one horizon.

    Parameters
    ----------
    horizon : Horizon
    note : str
        What the weights rest on, and who is not well; or why there is no record.
    problem : str or None
        What hinders reading the record, where anything does; forecasts then have equal weights.
    last : str or None
        Last session of the record with a known outcome.
    trained, served : int
        Dates of the record that are out of fold from training, and that were served since.
    members : tuple of MemberRecord
        Empty without a record.
    weights : tuple of WeightsThen
        At the last session of each month, oldest first, and now.
    """

    horizon: Horizon
    note: str
    problem: str | None = None
    last: str | None = None
    trained: int = 0
    served: int = 0
    members: tuple[MemberRecord, ...] = ()
    weights: tuple[WeightsThen, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "horizon": self.horizon,
            "note": self.note,
            "problem": self.problem,
            "last": self.last,
            "datesTrained": self.trained,
            "datesServed": self.served,
            "members": [{"member": one.member} | one.to_dict() for one in self.members],
            "weights": [
                {"session": then.session}
                | {"weights": {member: round(weight, _DIGITS) for member, weight in then.weights.items()}}
                for then in self.weights
            ],
        }


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """What the members of the current data set did, horizon by horizon.

    Parameters
    ----------
    data_name : str or None
        None where no data set is installed.
    as_of : str or None
        Its last session, an ISO day.
    horizons : tuple of HorizonRecord
    """

    data_name: str | None
    as_of: str | None
    horizons: tuple[HorizonRecord, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """What hinders reading, each once."""
        return tuple(dict.fromkeys(one.problem for one in self.horizons if one.problem is not None))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        return {
            "dataName": self.data_name,
            "asOf": self.as_of,
            "horizons": [one.to_dict() for one in self.horizons],
        }


def tried(horizon: Horizon, make: Callable[[], HorizonRecord]) -> HorizonRecord:
    """Return a record, or what hinders reading it: another horizon's may be whole."""
    try:
        return make()
    except (VfrError, OSError, ValueError) as error:
        why = error.message if isinstance(error, VfrError) else str(error)
        return HorizonRecord(horizon, "equal weights: what the members have earned cannot be read", why)


def record_of_members(fitted: Fitted, found: Standing, *, rng: np.random.Generator) -> HorizonRecord:
    """Return the record of the members of one horizon.

    Parameters
    ----------
    fitted : Fitted
        What training left: its dates are the ones that count as training.
    found : Standing
        Of the same members, training and service together.
    rng : numpy.random.Generator
        Resamples the record of training for the limit and the power of the alarm.

    Returns
    -------
    HorizonRecord
        A pure function of stored records: a restart changes nothing.
    """
    scores = found.scores
    later = _after(fitted, scores)
    watches = _watches(fitted, later, rng)
    figures = performance(scores, fitted.horizon)
    health = found.health.latest()
    members = tuple(
        MemberRecord(
            member=member,
            weight=found.weights[member],
            health=health.get(member, 1.0),
            event=found.health.last(member),
            trained=_dates(fitted.scores, member),
            served=_dates(scores, member) - _dates(fitted.scores, member),
            figures=tuple(one for one in figures if one.member == member),
            watch=watches.get(member),
        )
        for member in scores.members
    )
    return HorizonRecord(
        horizon=fitted.horizon,
        note=found.note,
        last=str(scores.dates[-1]),
        trained=int(fitted.scores.dates.size),
        served=int(later.dates.size),
        members=members,
        weights=_weights(found),
    )


def _watches(fitted: Fitted, later: Scores, rng: np.random.Generator) -> dict[str, Watch]:
    alarms = fit_alarm(fitted.scores, fitted.horizon, rng=rng)
    seen = evidence(alarms, later)
    ringing = seen.ringing()
    last = seen.statistic[-1].tolist() if len(seen.statistic) else [0.0] * len(alarms)
    return {
        alarm.member: Watch(
            alarm,
            _dates(later, alarm.member),
            statistic,
            str(ringing[alarm.member]) if alarm.member in ringing else None,
        )
        for alarm, statistic in zip(alarms, last, strict=True)
    }


def _after(fitted: Fitted, scores: Scores) -> Scores:
    """Return the dates of a record after those of training, of the members trained: the alarm knows no others."""
    rows = np.arange(scores.dates.size) >= fitted.scores.dates.size
    columns = [scores.members.index(member) for member in fitted.scores.members]
    by_member = {name: getattr(scores, name)[rows][:, columns] for name in ("log_loss", "brier", "ic", "accuracy")}
    by_date = {name: getattr(scores, name)[rows] for name in ("dates", "cells", "base_log_loss", "base_brier")}
    return replace(fitted.scores, **by_date, **by_member)


def _dates(scores: Scores, member: str) -> int:
    """Return on how many dates a member was judged."""
    if member not in scores.members:
        return 0
    m = scores.members.index(member)
    return int((np.isfinite(scores.brier[:, m]) | np.isfinite(scores.ic[:, m])).sum())


def _weights(found: Standing) -> tuple[WeightsThen, ...]:
    months = found.sessions.astype("datetime64[M]")
    rows = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    held = found.held()[rows].tolist()
    days = found.sessions[rows].astype(str).tolist()
    return tuple(
        WeightsThen(day, dict(zip(found.scores.members, row, strict=True))) for day, row in zip(days, held, strict=True)
    )


def _figures(one: Performance) -> dict[str, Any]:
    told: dict[str, Any] = _camel(one.to_dict())
    return {name: value for name, value in told.items() if name not in ("member", "horizon")}


def _camel(told: Any) -> Any:
    """Return names as JSON has them everywhere: ``brier_skill`` is ``brierSkill``."""
    if not isinstance(told, dict):
        return told
    return {re.sub(r"_(\w)", lambda found: found[1].upper(), name): _camel(value) for name, value in told.items()}
