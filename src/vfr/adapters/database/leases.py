"""Leases: the right of one process to do something, until a moment that it keeps moving on.

A lease is held by the owner whose name is in the row while ``now < expires_at``. An owner that dies, however it dies,
stops renewing; from `expires_at` on anybody may take the lease. Whoever wakes up late finds out by `renew`, which never
revives a lease that expired. The clocks of all processes must agree to much less than the lease's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import LEASES
from vfr.adapters.database.upsert import insert_into

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["Lease"]


@dataclass(frozen=True, slots=True)
class Lease:
    """One name that one owner at a time may hold; every method is one short transaction, atomic between processes.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A migrated database.
    name : str
        What the lease is for, at most 100 characters.
    owner : str
        Who asks, at most 200 characters; different in every process that ever lived, such as host, process id and a
        random part: the same name is the same owner.
    ttl : float
        Seconds from a moment of asking to expiry.

    Notes
    -----
    Moments are seconds since 1970. Every method raises `DataError` if the database cannot be used: then the caller
    must act as though it held nothing.
    """

    engine: Engine
    name: str
    owner: str
    ttl: float

    def acquire(self, now: float) -> bool:
        """Take the lease if it is free, expired or already this owner's, and return whether it is held now."""
        with transaction(self.engine) as connection:
            wanted = insert_into(connection, LEASES).values(name=self.name, owner=self.owner, expires_at=now + self.ttl)
            free = or_(LEASES.c.expires_at <= now, LEASES.c.owner == self.owner)
            taken = wanted.on_conflict_do_update(
                index_elements=[LEASES.c.name],
                set_={"owner": wanted.excluded.owner, "expires_at": wanted.excluded.expires_at},
                where=free,
            )
            return connection.execute(taken).rowcount == 1

    def renew(self, now: float) -> bool:
        """Move the expiry on if this owner holds the lease still; False says that it was lost, even if nobody came."""
        mine = (LEASES.c.name == self.name) & (LEASES.c.owner == self.owner) & (LEASES.c.expires_at > now)
        with transaction(self.engine) as connection:
            return connection.execute(update(LEASES).where(mine).values(expires_at=now + self.ttl)).rowcount == 1

    def release(self) -> bool:
        """Give the lease back so that another can have it at once; return False if it was another's already."""
        mine = (LEASES.c.name == self.name) & (LEASES.c.owner == self.owner)
        with transaction(self.engine) as connection:
            return connection.execute(delete(LEASES).where(mine)).rowcount == 1

    def holder(self, now: float) -> str | None:
        """Return who holds the lease, None if nobody does."""
        held = (LEASES.c.name == self.name) & (LEASES.c.expires_at > now)
        with transaction(self.engine, reads=True) as connection:
            return connection.execute(select(LEASES.c.owner).where(held)).scalar_one_or_none()
