"""The caller of a request: who it is, what it may do, and which tier's limits hold for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

__all__ = ["ANONYMOUS", "LOCAL", "SCOPES", "Principal", "Scope", "TierName"]

Scope: TypeAlias = Literal["classic", "ml", "backtest", "risk", "admin"]
TierName: TypeAlias = Literal["free", "premium", "enterprise", "admin"]

SCOPES: Final[tuple[Scope, ...]] = ("classic", "ml", "backtest", "risk", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller.

    Parameters
    ----------
    subject : str
        Stable id of the user or key; ``local`` in single-user mode, ``anonymous`` for everybody else without a token.
    scopes : frozenset of str
    tier : {"free", "premium", "enterprise", "admin"}
    limited : bool
        False only in single-user mode: no limits, no quota.

    Examples
    --------
    >>> LOCAL.may("ml"), LOCAL.may("admin"), ANONYMOUS.may("ml")
    (True, False, False)
    """

    subject: str
    scopes: frozenset[Scope]
    tier: TierName
    limited: bool = True

    def may(self, scope: Scope) -> bool:
        """Whether the caller holds a scope."""
        return scope in self.scopes


LOCAL: Final = Principal("local", frozenset(SCOPES) - {"admin"}, "enterprise", limited=False)
"""The user of this machine in single-user mode: everything but admin."""

ANONYMOUS: Final = Principal("anonymous", frozenset({"classic"}), "free")
"""Somebody without a token, where classic analysis is open to everybody."""
