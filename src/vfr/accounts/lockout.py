"""How long somebody waits who failed to sign in: nothing for the first few times, then twice as long each time.

Failures are counted by name, whether or not there is such a user, and by address. An attempt is counted before its
password is looked at, so that a hundred at once are a hundred failures, and forgiven if it was right.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

__all__ = ["BY_ADDRESS", "BY_NAME", "FORGOTTEN_S", "Failures", "Patience", "counter_of"]

FORGOTTEN_S: Final = 3_600.0
"""Seconds after the last failure from which on none is remembered."""

_LONGEST_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How many failures cost nothing; from then on each doubles the delay, up to a quarter of an hour."""

    free: int


BY_NAME: Final = Patience(5)
BY_ADDRESS: Final = Patience(20)
"""Many people may share an address."""


@dataclass(frozen=True, slots=True)
class Failures:
    """What is remembered of failures.

    Parameters
    ----------
    count : int
    last_at : float
        Moment of the last one, seconds since 1970.
    """

    count: int = 0
    last_at: float = 0.0

    def wait(self, patience: Patience, now: float) -> float:
        """Return the seconds until the next attempt is looked at; 0 if it is now.

        A clock that was put back lengthens no delay.

        Examples
        --------
        >>> [Failures(n, 100.0).wait(Patience(5), now=100.0) for n in (4, 5, 6, 9, 50)]
        [0.0, 1.0, 2.0, 16.0, 900.0]
        >>> Failures(6, 7_300.0).wait(Patience(5), now=100.0)
        2.0
        """
        over = self.current(now).count - patience.free
        if over < 0:
            return 0.0
        delay = min(_LONGEST_S, 2.0 ** min(over, 30))
        return min(delay, max(0.0, self.last_at + delay - now))

    def current(self, now: float) -> Failures:
        """Return what counts of it now."""
        return Failures() if self.last_at + FORGOTTEN_S <= now else self

    def more(self, now: float) -> Failures:
        """Return it with one failure more."""
        return Failures(self.current(now).count + 1, now)


def counter_of(kind: str, value: str) -> str:
    """Return the name failures are kept under: of fixed length, and without what was typed.

    Examples
    --------
    >>> counter_of("name", "Jane") == counter_of("name", "jane"), len(counter_of("address", "192.0.2.1"))
    (True, 40)
    """
    return sha256(f"{kind}\n{value.lower()}".encode(errors="replace")).hexdigest()[:40]
