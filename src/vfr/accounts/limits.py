"""What a caller is charged, who pays, and what a limiter answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

from vfr.accounts.principal import ANONYMOUS, Principal
from vfr.accounts.tiers import Allowance

__all__ = ["Budget", "Charge", "Limiter", "Verdict", "members_for", "ml_budget", "payer", "request_budget"]

MINUTE: Final = 60
DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Budget:
    """So much in every window of so many seconds.

    Parameters
    ----------
    name : str
        What is counted; callers see it in the ``RateLimit`` fields.
    amount : int
    window_s : int
    """

    name: str
    amount: int
    window_s: int


Charge: TypeAlias = tuple[Budget, int]
"""A budget and how much is taken of it; 0 only looks."""


class Verdict(NamedTuple):
    """Whether a charge was taken, and where the budget stands after it.

    Parameters
    ----------
    allowed : bool
    limit, remaining : int
    reset_s : int
        Seconds until something of what is used comes back; 0 where nothing is.
    retry_after_s : int
        Seconds after which the same charge may pass; 0 if it has.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    retry_after_s: int


class Limiter(Protocol):
    """Whoever counts. Answers soon, whatever state its store is in, and never raises."""

    async def charge(self, who: str, budget: Budget, n: int) -> Verdict:
        """Take n of a payer's budget if that many are left; n = 0 only looks."""

    async def charge_in_turn(self, who: str, charges: Sequence[Charge]) -> Sequence[Verdict]:
        """Take one charge after the other until one is refused; those behind it are not looked at.

        Returns
        -------
        sequence of Verdict
            Of the charges that were looked at: where the last one was refused, those before it were taken.
        """

    def stats(self) -> Mapping[str, int]:
        """Return counters since the start: ``granted``, ``refused``, ``fallbacks``."""

    async def close(self) -> None:
        """Let go of files and connections."""


def payer(caller: Principal, address: str) -> str:
    """Return who pays: the user, whatever token it calls with, or an address without one.

    Examples
    --------
    >>> payer(ANONYMOUS, "192.0.2.7")
    'address:192.0.2.7'
    """
    return f"address:{address}" if caller.subject == ANONYMOUS.subject else f"user:{caller.subject}"


def request_budget(row: Allowance) -> Budget:
    """Return the budget of requests of a tier."""
    return Budget("requests", row.requests_per_minute, MINUTE)


def ml_budget(row: Allowance) -> Budget:
    """Return the budget of forecasts of a tier: symbols times horizons."""
    return Budget("ml-units", row.ml_units_per_day, DAY)


def members_for(
    row: Allowance, asked: Sequence[str], everything: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the members that may answer, and those asked for by name that the tier does not hold.

    Who asks for everything, which is what a request without names does, gets what the tier holds.

    Examples
    --------
    >>> from vfr.accounts.tiers import TIERS
    >>> members_for(TIERS["free"], ("lstm", "linear"), ("linear", "lstm", "trees"))
    (('linear',), ('lstm',))
    >>> members_for(TIERS["free"], ("linear", "lstm", "trees"), ("linear", "lstm", "trees"))
    (('linear', 'trees'), ())
    """
    held = tuple(name for name in asked if name in row.members)
    if set(asked) == set(everything):
        return held, ()
    return held, tuple(name for name in asked if name not in row.members)
