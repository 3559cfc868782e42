"""How fast a vendor is asked, by all processes together: the generic cell rate algorithm on one row per vendor.

Each question takes a place in time, a fixed interval after the one before; a quiet time saves up a burst. The row holds
the place after the last one given out, so that a process that dies between takes nothing with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import select, update

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import PROVIDER_PACE, REASON_LENGTH
from vfr.adapters.database.upsert import insert_into

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

__all__ = ["Pace", "PaceState", "place"]


@dataclass(frozen=True, slots=True)
class PaceState:
    """Where a vendor stands; moments are seconds since 1970, 0 where there never was one.

    Parameters
    ----------
    next_at : float
        The first moment that no question has taken, had there been no burst.
    paused_until : float
        End of the last pause.
    reason : str
        Why it was made.
    """

    next_at: float = 0.0
    paused_until: float = 0.0
    reason: str = ""


def place(state: PaceState, per_second: float, burst: int, now: float) -> tuple[float, float]:
    """Return the seconds until the next free place, and `next_at` once it is taken.

    After a pause questions come one by one: the burst is saved up anew, so that a vendor that just complained does not
    meet everybody at once.

    Examples
    --------
    >>> place(PaceState(), per_second=2.0, burst=1, now=100.0)
    (0.0, 100.5)
    >>> place(PaceState(next_at=100.5), per_second=2.0, burst=1, now=100.0)
    (0.5, 101.0)
    """
    interval = 1.0 / per_second
    slack = (burst - 1) * interval
    due = max(state.next_at, now, state.paused_until + slack)
    return max(0.0, due - slack - now), due + interval


@dataclass(frozen=True, slots=True)
class Pace:
    """The pace of every vendor; each method is one short transaction, atomic between processes.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A migrated database. Machines that share one must agree on the time, as by NTP.

    Notes
    -----
    Every method raises `DataError` if the database cannot be used.
    """

    engine: Engine

    def reserve(self, provider: str, per_second: float, burst: int, now: float, *, at_most: float = math.inf) -> float:
        """Take the next place and return the seconds to wait for it.

        Parameters
        ----------
        provider : str
            Whom the question is for.
        per_second : float
            Questions per second, above 0.
        burst : int
            Questions that may come at once after a quiet time, at least 1.
        now : float
            Seconds since 1970.
        at_most : float
            Longest wait the caller accepts: if the returned one is longer, no place was taken.
        """
        with transaction(self.engine) as connection:
            wait, next_at = place(_locked(connection, provider), per_second, burst, now)
            if wait <= at_most:
                mine = PROVIDER_PACE.c.provider == provider
                connection.execute(update(PROVIDER_PACE).where(mine).values(next_at=next_at))
            return wait

    def pause(self, provider: str, until: float, reason: str) -> None:
        """Let nobody ask before a moment; an earlier one never shortens a pause."""
        with transaction(self.engine) as connection:
            wanted = insert_into(connection, PROVIDER_PACE).values(
                provider=provider, next_at=0.0, paused_until=until, reason=reason[:REASON_LENGTH]
            )
            longer = wanted.on_conflict_do_update(
                index_elements=[PROVIDER_PACE.c.provider],
                set_={"paused_until": wanted.excluded.paused_until, "reason": wanted.excluded.reason},
                where=PROVIDER_PACE.c.paused_until < wanted.excluded.paused_until,
            )
            connection.execute(longer)

    def state(self, provider: str) -> PaceState:
        """Return where a vendor stands; one never asked stands at zero."""
        with transaction(self.engine, reads=True) as connection:
            return _read(connection, provider, lock=False) or PaceState()


def _locked(connection: Connection, provider: str) -> PaceState:
    """Return the row, made if it is missing, with the lock that lasts to the end of the transaction."""
    found = _read(connection, provider, lock=True)
    if found is not None:
        return found
    row = insert_into(connection, PROVIDER_PACE).values(provider=provider, next_at=0.0, paused_until=0.0, reason="")
    connection.execute(row.on_conflict_do_nothing())
    return _read(connection, provider, lock=True) or PaceState()


def _read(connection: Connection, provider: str, *, lock: bool) -> PaceState | None:
    columns = (PROVIDER_PACE.c.next_at, PROVIDER_PACE.c.paused_until, PROVIDER_PACE.c.reason)
    question = select(*columns).where(PROVIDER_PACE.c.provider == provider)
    # SQLite knows no row locks, and its transactions are alone anyway.
    row = connection.execute(question.with_for_update() if lock else question).one_or_none()
    return None if row is None else PaceState(*row)
