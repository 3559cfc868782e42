"""Alarms on one figure of one member; each remembers what it needs of the sessions so far, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Final

from vfr.monitoring.usual import Usual

__all__ = ["RULE", "Frozen", "HealthRule", "Relative", "luck"]

_FROZEN: Final = 0.5
"""Share of unchanged scores from which a member is frozen: the inputs of every name change every session."""

_CLEAR_OF_LUCK: Final = 2.0
"""A usual figure below this many times luck is not judged: halfway to none it could not be told from chance."""

_TOO_MUCH_LUCK: Final = 0.25
"""Luck (of 65 names) above which a version whose usual figure is not known yet is not judged."""

_FEW: Final = 100
"""Names below which a session on which scores stand still says nothing by itself: scores follow the rank, and of few
names half keep theirs overnight, at times all of them. The whole order must last for `HealthRule.limit` sessions."""

_SAME_ORDER: Final = 1.0 - 1e-6
"""Rank correlation with the session before from which the order is the same; rounding takes the rest."""


@dataclass(frozen=True, slots=True)
class HealthRule:
    """When an alarm rings, when it is over, and what it does to the health.

    Parameters
    ----------
    window : int
        Sessions from which a usual figure is learned: half a year. Sessions under alarm teach nothing, or a broken
        member would become its own standard.
    least : int
        Sessions without which there is no usual figure yet.
    limit : float
        Evidence at which an alarm rings. One session gives at most 1, so that fewer sessions than this never do.
    lasting : int
        Sessions in a row that must be usual before an alarm is over.
    shrink : float
        Factor per session while an alarm stands; its inverse while none does.
    floor : float
        Below it the member is benched: health 0.
    """

    window: int = 126
    least: int = 20
    limit: float = 3.0
    lasting: int = 5
    shrink: float = 0.5
    floor: float = 0.1


RULE: Final = HealthRule()
"""The rule in use."""


def luck(names: float) -> float:
    """Return the rank correlation that unrelated scores of some names exceed once in 44 sessions: 2 standard errors.

    Examples
    --------
    >>> luck(401)
    0.1
    """
    return 2.0 / sqrt(names - 1) if names > 1 else 1.0


class Relative:
    """An alarm that a figure has fallen from what is usual for this member.

    Evidence is gathered as in Page's test: a session gives -1 where the figure is as usual, 0 halfway between usual and
    `share` of usual, up to 1 below. It needs no distribution, and one odd session cannot ring.

    Parameters
    ----------
    rule : HealthRule
    share : float
        Share of the usual figure that decides.
    usual : float, optional
        The usual figure where it is known from elsewhere; by default the median of the member's own usual sessions.
    """

    def __init__(self, rule: HealthRule, share: float, usual: float | None = None) -> None:
        self._rule, self._share, self._fixed = rule, share, usual
        self._record = Usual(rule.window)
        self._evidence = 0.0
        self._streak = 0
        self._centre = float("nan")
        self.value = float("nan")
        self.stands = False

    @property
    def usual(self) -> float:
        """The usual figure; NaN while it is not known."""
        if self._fixed is not None:
            return self._fixed
        return self._record.median if self._record.count >= self._rule.least else float("nan")

    @property
    def suspected(self) -> bool:
        """Whether the evidence is enough for an alarm."""
        return self._evidence >= self._rule.limit

    @property
    def fall(self) -> float:
        """How far the newest figure lies below the usual one, in units of it; of what luck allows while unknown."""
        return (self._centre - self.value) / self._centre if self._centre > 0 else 0.0

    @property
    def reversed(self) -> bool:
        """Whether the newest figure is as far below zero as it should be above."""
        return self.value <= -self._share * self._centre

    def look(self, value: float, chance: float = 0.0) -> None:
        """Take in a session's figure, judged by what was usual before it.

        Parameters
        ----------
        value : float
            NaN says nothing.
        chance : float
            What a figure without meaning reaches. A usual figure that is not clear of it says nothing and is not
            judged: with few names, whose order hardly changes from session to session, luck lasts for months. While
            no usual figure is known, twice this stands for it.
        """
        self.value = value
        usual = self.usual
        self._centre = usual if isfinite(usual) else _CLEAR_OF_LUCK * chance
        if not isfinite(value):
            return
        clear = usual > _CLEAR_OF_LUCK * chance if isfinite(usual) else 0.0 < chance <= _TOO_MUCH_LUCK
        if not clear:
            self._evidence, self.stands = 0.0, False
            return
        bound = self._share * self._centre
        step = (bound - value) / (self._centre - bound)
        self._evidence = min(max(self._evidence + min(max(step, -1.0), 1.0), 0.0), 2.0 * self._rule.limit)
        self._streak = self._streak + 1 if value >= 0.5 * (bound + self._centre) else 0
        if self.stands and self._streak >= self._rule.lasting:
            self.stands, self._evidence = False, 0.0

    def learn(self) -> None:
        """Let the newest figure count as usual, unless it is suspected."""
        if isfinite(self.value) and not self.suspected and not self.stands:
            self._record.add(self.value)

    def forget(self) -> None:
        """Learn anew what is usual: another version answers."""
        self._record.clear()


class Frozen:
    """An alarm that scores stand still while the inputs move; it rings at once.

    Parameters
    ----------
    rule : HealthRule
    """

    def __init__(self, rule: HealthRule) -> None:
        self._rule = rule
        self._streak = 0
        self._lasted = 0
        self.words = ""
        self.stands = False

    def look(self, same: float, own: float, names: float) -> None:
        """Take in a session's share of unchanged scores and the correlation with the session before; NaN says nothing.

        Examples
        --------
        >>> check = Frozen(HealthRule())
        >>> check.look(0.0, 0.97, 400)
        >>> check.stands
        False
        >>> check.look(0.2, 1.0, 400)
        >>> check.stands
        True
        """
        if not (isfinite(same) or isfinite(own)):
            return
        still = same >= _FROZEN and names >= _FEW
        self._lasted = self._lasted + 1 if own >= _SAME_ORDER else 0
        if still or self._lasted >= (1 if names >= _FEW else self._rule.limit):
            self.words = f"{same:.0%} of its scores are those" if still else "the order of its scores is that"
            self.stands, self._streak = True, 0
            return
        self._streak += 1
        if self._streak >= self._rule.lasting:
            self.stands = False
