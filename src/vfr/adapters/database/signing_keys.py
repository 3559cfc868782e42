"""Signing keys in the database: public ones for everybody who verifies, private ones sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select, update

from vfr.accounts.tokens import ACCESS_S, LEEWAY_S
from vfr.adapters.database.account_rows import changed
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import SIGNING_KEYS

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["SealedKey", "SqlSigningKeys"]


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A signing key; `sealed` is its private part, encrypted."""

    kid: str
    public: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class SqlSigningKeys:
    """The signing keys of a migrated database; every method raises `DataError` if it cannot be used.

    Parameters
    ----------
    engine : sqlalchemy.Engine
    """

    engine: Engine

    def signing(self) -> SealedKey | None:
        """Return the key that signs now, the newest that was not retired."""
        question = (
            select(SIGNING_KEYS.c.kid, SIGNING_KEYS.c.public, SIGNING_KEYS.c.sealed)
            .where(SIGNING_KEYS.c.until.is_(None))
            .order_by(SIGNING_KEYS.c.created_at.desc(), SIGNING_KEYS.c.kid)
            .limit(1)
        )
        with transaction(self.engine, reads=True) as connection:
            row = connection.execute(question).first()
        return None if row is None else SealedKey(row.kid, row.public, row.sealed)

    def rotate(self, key: SealedKey, who: str | None, now: float, *, at_once: bool = False) -> None:
        """Let a new key sign, and retire the others.

        Parameters
        ----------
        key : SealedKey
        who : str or None
            None for VFR itself.
        now : float
        at_once : bool
            Accept nothing any more that the others signed; by default it lives on to its end.
        """
        until = now if at_once else now + ACCESS_S + 2 * LEEWAY_S
        signs = SIGNING_KEYS.c.until.is_(None) | (SIGNING_KEYS.c.until > until)
        with transaction(self.engine) as connection:
            changed(connection, "signing key rotated", key.kid, now, who, "at once" if at_once else "")
            connection.execute(delete(SIGNING_KEYS).where(SIGNING_KEYS.c.until <= now - ACCESS_S))
            connection.execute(update(SIGNING_KEYS).where(signs).values(until=until))
            row = {"kid": key.kid, "public": key.public, "sealed": key.sealed, "created_at": now}
            connection.execute(insert(SIGNING_KEYS).values(row))
