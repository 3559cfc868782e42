"""Health of each member, session by session: what its weight is multiplied with.

A pure function of the record, so that a restart changes nothing, and of each session's past only. While an alarm stands
the health shrinks by a factor per session until the member is benched; once all is usual again for a while it grows
back by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from vfr.monitoring.checks import RULE, Frozen, HealthRule, Relative, luck
from vfr.monitoring.signals import Signals
from vfr.typing import BoolArray, FloatArray

__all__ = ["Event", "Health", "health_by_session"]

_HALF: Final = 0.5
"""Share of the usual correlation with peers, and of the names usually answered, that decides: halfway to none."""

_INPUTS: Final = 0.75
"""Share of the inputs known in training that decides."""

_BY_OUTCOMES: Final = "by outcomes it has fallen behind the other members"


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a member's health, in words.

    Parameters
    ----------
    session : datetime64[D]
    member : str
    kind : {"alarm", "over", "benched", "back"}
        ``back``: benched no longer.
    reason : str
        For example ``rank correlation with the other members 0.02, usual 0.61``.
    """

    session: np.datetime64
    member: str
    kind: str
    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the event for JSON."""
        return {"session": str(self.session), "member": self.member, "kind": self.kind, "reason": self.reason}


@dataclass(frozen=True, slots=True, eq=False)
class Health:
    """Health of M members on R sessions.

    Parameters
    ----------
    members : tuple of str, length M
    health : float64 array, shape (R, M)
        0 (benched) to 1.
    alarms : bool array, shape (R, M)
        Whether any alarm stands.
    events : tuple of Event
        In time order.
    """

    members: tuple[str, ...]
    health: FloatArray
    alarms: BoolArray
    events: tuple[Event, ...]

    def latest(self) -> dict[str, float]:
        """Return the health of each member after the last session; 1 where there is none."""
        last = self.health[-1].tolist() if len(self.health) else [1.0] * len(self.members)
        return dict(zip(self.members, last, strict=True))

    def last(self, member: str) -> Event | None:
        """Return the last change of a member's health; None where there was none."""
        return next((event for event in reversed(self.events) if event.member == member), None)

    def reason(self, member: str) -> str | None:
        """Return why a member is not fit after the last session; None where it is."""
        event = self.last(member)
        return None if event is None or self.latest()[member] >= 1.0 else event.reason


def health_by_session(
    signals: Signals,
    rule: HealthRule = RULE,
    *,
    refits: BoolArray | None = None,
    also: BoolArray | None = None,
) -> Health:
    """Return the health of every member on every session of a record.

    Parameters
    ----------
    signals : Signals
        R sessions of M members. A figure that is NaN leaves its check where it was.
    rule : HealthRule
    refits : bool array, shape (R, M), optional
        Sessions from which on a member answers with a new version. Its usual figures are learned anew; until they are
        known, a correlation with its peers no better than luck counts against it.
    also : bool array, shape (R, M), optional
        Alarms from elsewhere, for example by outcomes. None by default: weights learn from the same outcomes.

    Returns
    -------
    Health
        Row r knows the sessions up to r.

    Examples
    --------
    >>> from vfr.monitoring.signals import signals
    >>> rng = np.random.default_rng(0)
    >>> signal = rng.normal(size=(60, 100))
    >>> score = signal + rng.normal(size=(4, 60, 100))
    >>> score[1, 50:] = rng.normal(size=(10, 100))
    >>> days = np.datetime64("2020-01-06") + np.arange(60)
    >>> found = health_by_session(signals(["linear", "trees", "lstm", "xgboost"], days, score))
    >>> found.health[49:59, 1].tolist()
    [1.0, 1.0, 1.0, 1.0, 0.5, 0.25, 0.125, 0.0, 0.0, 0.0]
    >>> float(found.health[:, [0, 2, 3]].min())
    1.0
    """
    rows, members = signals.peers.shape
    states = [_Member(rule) for _ in range(members)]
    health, alarms = np.ones((rows, members)), np.zeros((rows, members), dtype=bool)
    events: list[Event] = []
    chance = [luck(n) for n in signals.names.tolist()]
    for r in range(rows):
        for m, state in enumerate(states):
            if refits is not None and refits[r, m]:
                state.peers.forget()
            state.look(signals, r, m, chance[r])
        _accuse([state.peers for state in states])
        for m, state in enumerate(states):
            elsewhere = _BY_OUTCOMES if also is not None and also[r, m] else None
            reason = next(state.complaints(), elsewhere)
            if reason is None:
                state.learn()
            changes = state.move(reason)
            events += [Event(signals.sessions[r], signals.members[m], kind, why) for kind, why in changes]
            health[r, m], alarms[r, m] = state.health, reason is not None
    return Health(signals.members, health, alarms, tuple(events))


def _accuse(checks: Sequence[Relative]) -> None:
    """Let those who fell furthest from their peers be at fault: fewer than half, or peers could not tell who is.

    One member that is turned round drags the peers' mean of the others with it, so that all fall at once.
    """
    known = [check for check in checks if np.isfinite(check.value)]
    seats = (len(known) - 1) // 2 - sum(check.stands for check in checks)
    waiting = sorted((c for c in known if c.suspected and not c.stands), key=lambda c: c.fall, reverse=True)
    for check in waiting[: max(seats, 0)]:
        check.stands = True


class _Member:
    """The checks of one member, and its health."""

    def __init__(self, rule: HealthRule) -> None:
        self._rule = rule
        self.peers = Relative(rule, _HALF)
        self._answered = Relative(rule, _HALF)
        self._known = Relative(rule, _INPUTS, usual=1.0)
        self._frozen = Frozen(rule)
        self._alike = True
        self._before: str | None = None
        self.health = 1.0

    def look(self, signals: Signals, r: int, m: int, chance: float) -> None:
        self.peers.look(float(signals.peers[r, m]), chance)
        self._answered.look(float(signals.answered[r, m]))
        self._known.look(float(signals.known[r, m]))
        for check in (self._answered, self._known):
            check.stands |= check.suspected
        self._frozen.look(float(signals.same[r, m]), float(signals.own[r, m]), float(signals.names[r]))
        self._alike = bool(signals.alike[r, m] != 0.0)  # not known is not different

    def learn(self) -> None:
        self.peers.learn()
        self._answered.learn()

    def complaints(self) -> Iterator[str]:
        """Yield what is wrong, the plainest first."""
        if not self._alike:
            yield "its inputs are not the features it was trained on"
        if self._frozen.stands:
            yield f"{self._frozen.words} of the session before, while other members' moved"
        if self._known.stands:
            yield f"{self._known.value:.0%} of the inputs known in training are known"
        if self._answered.stands:
            yield f"it answers for {self._answered.value:.0%} of the names, usual {self._answered.usual:.0%}"
        if self.peers.stands:
            turned = "its order is turned round: " if self.peers.reversed else ""
            usual = f"usual {self.peers.usual:.2f}" if np.isfinite(self.peers.usual) else "no better than luck"
            yield f"{turned}rank correlation with the other members {self.peers.value:.2f}, {usual}"

    def move(self, reason: str | None) -> list[tuple[str, str]]:
        """Shrink or grow the health; return the changes in words."""
        benched, changes = self.health == 0.0, []
        if reason is not None:
            if self._before is None:
                changes.append(("alarm", reason))
            shrunk = self.health * self._rule.shrink if self._alike else 0.0
            self.health = shrunk if shrunk >= self._rule.floor else 0.0
            if self.health == 0.0 and not benched:
                changes.append(("benched", reason))
        else:
            if self._before is not None:
                changes.append(("over", "all is as usual again"))
            self.health = min(1.0, max(self.health / self._rule.shrink, self._rule.floor))
            if benched:
                changes.append(("back", "all is as usual again"))
        self._before = reason
        return changes
