"""Sign-ins in the database: failures that are counted, families of refresh tokens; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert, select, update

from vfr.accounts.lockout import FORGOTTEN_S, Failures, Patience
from vfr.accounts.store import Family
from vfr.accounts.tokens import ACCESS_S, LEEWAY_S
from vfr.accounts.users import User
from vfr.adapters.database.account_rows import USER_COLUMNS, changed, user_of, user_row
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import LOGIN_FAILURES, REFRESH_TOKENS, TOKEN_FAMILIES, USERS
from vfr.adapters.database.upsert import insert_into
from vfr.errors import TokenRefused

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Row, Select

__all__ = ["SqlSignIns"]

_VOID: Final = "the refresh token is not valid; sign in again"


@dataclass(frozen=True, slots=True)
class SqlSignIns:
    """Implements `vfr.accounts.store.SignInStore`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A migrated database.
    """

    engine: Engine

    def credentials(self, name: str) -> tuple[User, str] | None:
        """Return a user by name, whatever its case, and the hash of the password."""
        question = select(*USER_COLUMNS, USERS.c.password_hash).where(USERS.c.name_key == name.lower())
        with transaction(self.engine, reads=True) as connection:
            row = connection.execute(question).first()
        return None if row is None else (user_of(row), row.password_hash)

    def keep_hash(self, user: str, before: str, password_hash: str) -> None:
        """Keep another hash of the same password, unless there is another password since; tokens stay valid."""
        same = (USERS.c.id == user) & (USERS.c.password_hash == before)
        with transaction(self.engine) as connection:
            connection.execute(update(USERS).where(same).values(password_hash=password_hash))

    def charge(self, counters: Sequence[tuple[str, Patience]], now: float) -> float:
        """Count a failure for each and return 0; or count nothing and return how long to wait."""
        patience = dict(counters)
        names = sorted(patience)  # Always in the same order: two who lock the same rows never wait for each other.
        self._forget(now)
        with transaction(self.engine) as connection:
            found = {name: _locked(connection, name, now) for name in names}
            wait = max(found[name].wait(patience[name], now) for name in names)
            if wait <= 0:
                for name in names:
                    _keep(connection, name, found[name].more(now))
            return wait

    def _forget(self, now: float) -> None:
        # On its own, and past rows that others hold: so it waits for nobody, and nobody for long.
        old = select(LOGIN_FAILURES.c.counter).where(LOGIN_FAILURES.c.last_at <= now - FORGOTTEN_S)
        with transaction(self.engine) as connection:
            connection.execute(
                delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.counter.in_(old.with_for_update(skip_locked=True)))
            )

    def forgive(self, cleared: str, lowered: str) -> None:
        """Forget the failures of one counter, and one failure of the other."""
        forgotten = delete(LOGIN_FAILURES).where(LOGIN_FAILURES.c.counter == cleared)
        one_less = update(LOGIN_FAILURES).where(LOGIN_FAILURES.c.counter == lowered, LOGIN_FAILURES.c.count > 0)
        steps = {cleared: forgotten, lowered: one_less.values(count=LOGIN_FAILURES.c.count - 1)}
        with transaction(self.engine) as connection:
            for name in sorted(steps):  # The order of `charge`.
                connection.execute(steps[name])

    def open_family(self, family: Family, digest: str, now: float) -> None:
        """Keep a sign-in and the hash of its first refresh token; what has expired is forgotten."""
        with transaction(self.engine) as connection:
            # Not before the last access token is void: until then it must be known which families ended.
            void = TOKEN_FAMILIES.c.expires_at <= now - ACCESS_S - 2 * LEEWAY_S
            connection.execute(delete(TOKEN_FAMILIES).where(void))
            row = {
                "id": family.id,
                "user_id": family.user,
                "generation": family.generation,
                "expires_at": family.expires_at,
            }
            connection.execute(insert(TOKEN_FAMILIES).values(row))
            connection.execute(insert(REFRESH_TOKENS).values(digest=digest, family_id=family.id))

    def use(self, digest: str, successor: str, now: float) -> tuple[Family, User]:
        """Use a refresh token and keep its successor's hash; whoever uses one again ends its family.

        Raises
        ------
        TokenRefused
            If the token is not known, was used before, or is void.
        """
        with transaction(self.engine) as connection:
            used = self._used(connection, digest, successor, now)
        if used is None:  # Outside of the transaction: the end of a family must be kept.
            raise TokenRefused(_VOID)
        return used

    def _used(self, connection: Connection, digest: str, successor: str, now: float) -> tuple[Family, User] | None:
        # First the family, which the successor needs: who deletes its user takes the rows in this order, too.
        connection.execute(_families(digest).with_for_update(read=True, key_share=True, of=TOKEN_FAMILIES))
        unused = (REFRESH_TOKENS.c.digest == digest) & REFRESH_TOKENS.c.used_at.is_(None)
        # One statement: of several at once, one finds it unused.
        won = connection.execute(update(REFRESH_TOKENS).where(unused).values(used_at=now)).rowcount == 1
        row = _family(connection, digest)
        if row is None:
            return None
        if not won:
            _end(connection, row, now, "refresh token used again")
            return None
        user = user_row(connection, row.user_id)
        if row.ended_at is not None or row.expires_at <= now or user.disabled or row.generation != user.generation:
            return None
        connection.execute(insert(REFRESH_TOKENS).values(digest=successor, family_id=row.id))
        return Family(row.id, row.user_id, row.generation, row.expires_at), user

    def end_family(self, digest: str, now: float) -> None:
        """End the family of a refresh token, if there is one; it need not be the last."""
        with transaction(self.engine) as connection:
            row = _family(connection, digest)
            if row is not None:
                _end(connection, row, now, "signed out")


def _families(digest: str) -> Select[Any]:
    of_token = REFRESH_TOKENS.c.family_id == TOKEN_FAMILIES.c.id
    return select(TOKEN_FAMILIES).join(REFRESH_TOKENS, of_token).where(REFRESH_TOKENS.c.digest == digest)


def _family(connection: Connection, digest: str) -> Row[Any] | None:
    return connection.execute(_families(digest)).first()


def _end(connection: Connection, family: Row[Any], now: float, action: str) -> None:
    if family.ended_at is None:
        name = user_row(connection, family.user_id).name
        connection.execute(update(TOKEN_FAMILIES).where(TOKEN_FAMILIES.c.id == family.id).values(ended_at=now))
        changed(connection, action, name, now)


def _locked(connection: Connection, counter: str, now: float) -> Failures:
    """Return what is remembered under a counter; nobody else changes it until the end of the transaction."""
    none = insert_into(connection, LOGIN_FAILURES).values(counter=counter, count=0, last_at=now)
    # One statement that finds the row or makes it, and locks it: between two, another may forgive it.
    same = {"counter": none.excluded.counter}
    kept = none.on_conflict_do_update(index_elements=[LOGIN_FAILURES.c.counter], set_=same)
    return Failures(*connection.execute(kept.returning(LOGIN_FAILURES.c.count, LOGIN_FAILURES.c.last_at)).one())


def _keep(connection: Connection, counter: str, failures: Failures) -> None:
    values = {"count": failures.count, "last_at": failures.last_at}
    connection.execute(update(LOGIN_FAILURES).where(LOGIN_FAILURES.c.counter == counter).values(values))
