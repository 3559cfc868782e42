"""Users and tokens for machines in the database; on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, or_, select, update

from vfr.accounts.keys import ApiKey
from vfr.accounts.standing import Standing, VerifyingKey
from vfr.accounts.store import AccountChange, Changed
from vfr.accounts.tokens import ACCESS_S, LEEWAY_S
from vfr.accounts.users import User
from vfr.adapters.database import chained_log
from vfr.adapters.database.account_rows import (
    KEY_COLUMNS,
    USER_COLUMNS,
    changed,
    key_of,
    user_of,
    user_row,
    words_of,
)
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.tables import (
    ACCOUNT_AUDIT,
    ACCOUNT_REVISION,
    API_KEYS,
    SIGNING_KEYS,
    TOKEN_FAMILIES,
    USERS,
)
from vfr.errors import InvalidField, UnknownAccount

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["SqlAccounts"]


@dataclass(frozen=True, slots=True)
class SqlAccounts:
    """Implements `vfr.accounts.store.UserStore`.

    Parameters
    ----------
    engine : sqlalchemy.Engine
        A migrated database.
    """

    engine: Engine

    def standing(self, known: Standing | None, now: float) -> Standing:
        """Return where every account stands; `known` itself where nothing changed, which costs one look at a row."""
        with transaction(self.engine, reads=True) as connection:
            revision = connection.execute(select(ACCOUNT_REVISION.c.revision)).scalar_one()
            if known is not None and known.revision == revision:
                return known
            users = {row.id: user_of(row) for row in connection.execute(select(*USER_COLUMNS))}
            keys = {row.digest: key_of(row) for row in connection.execute(select(*KEY_COLUMNS, API_KEYS.c.digest))}
            families = select(TOKEN_FAMILIES.c.id).where(TOKEN_FAMILIES.c.ended_at > now - ACCESS_S - 2 * LEEWAY_S)
            ended = frozenset(connection.execute(families).scalars())
            public = select(SIGNING_KEYS.c.kid, SIGNING_KEYS.c.public, SIGNING_KEYS.c.until)
            verifying = {row.kid: VerifyingKey(row.kid, row.public, row.until) for row in connection.execute(public)}
        return Standing(revision, MappingProxyType(users), MappingProxyType(keys), ended, MappingProxyType(verifying))

    def add_user(self, user: User, password_hash: str, who: str) -> None:
        """Add a user.

        Raises
        ------
        InvalidField
            If the name is taken, whatever its case.
        """
        key = user.name.lower()
        with transaction(self.engine) as connection:
            # The revision's row is locked first, so that of two who add the same name one comes second.
            changed(connection, "user added", user.name, user.created_at, who, f"{user.tier}: {words_of(user.scopes)}")
            if connection.execute(select(USERS.c.id).where(USERS.c.name_key == key)).first() is not None:
                raise InvalidField("name", f"{user.name} is taken; names are the same in any case")
            row = {
                "id": user.id,
                "name": user.name,
                "name_key": key,
                "password_hash": password_hash,
                "tier": user.tier,
                "scopes": words_of(user.scopes),
                "disabled": user.disabled,
                "created_at": user.created_at,
                "generation": user.generation,
            }
            connection.execute(insert(USERS).values(row))

    def change_user(self, user: str, change: AccountChange, who: str, now: float) -> User:
        """Change a user; a new password voids every token of the user.

        Raises
        ------
        UnknownAccount
            If there is none of this id.
        """
        values: dict[str, Any] = {}
        if change.tier is not None:
            values["tier"] = change.tier
        if change.scopes is not None:
            values["scopes"] = words_of(change.scopes)
        if change.disabled is not None:
            values["disabled"] = change.disabled
        if change.password_hash is not None:
            values |= {"password_hash": change.password_hash, "generation": USERS.c.generation + 1}
        with transaction(self.engine) as connection:
            found = user_row(connection, user)
            if not values:
                return found
            connection.execute(update(USERS).where(USERS.c.id == user).values(values))
            changed(connection, "user changed", found.name, now, who, change.words())
            return user_row(connection, user)

    def delete_user(self, user: str, who: str, now: float) -> User:
        """Delete a user with every token.

        Raises
        ------
        UnknownAccount
            If there is none of this id.
        """
        with transaction(self.engine) as connection:
            found = user_row(connection, user)
            connection.execute(delete(USERS).where(USERS.c.id == user))
            changed(connection, "user deleted", found.name, now, who)
            return found

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        """Return users by name, those after a name."""
        question = select(*USER_COLUMNS).where(USERS.c.name_key > after.lower()).order_by(USERS.c.name_key).limit(limit)
        with transaction(self.engine, reads=True) as connection:
            return [user_of(row) for row in connection.execute(question)]

    def user(self, user: str) -> User:
        """Return a user by id.

        Raises
        ------
        UnknownAccount
            If there is none.
        """
        with transaction(self.engine, reads=True) as connection:
            return user_row(connection, user)

    def user_named(self, name: str) -> User:
        """Return a user by name, whatever its case.

        Raises
        ------
        UnknownAccount
            If there is none.
        """
        with transaction(self.engine, reads=True) as connection:
            row = connection.execute(select(*USER_COLUMNS).where(USERS.c.name_key == name.lower())).first()
        if row is None:
            raise UnknownAccount("there is no such user; `vfr users list` shows them")
        return user_of(row)

    def add_key(self, key: ApiKey, digest: str, who: str) -> None:
        """Add a token for machines.

        Raises
        ------
        UnknownAccount
            If its user is gone.
        """
        row = {
            "id": key.id,
            "digest": digest,
            "label": key.label,
            "scopes": words_of(key.scopes),
            "tier": key.tier,
            "user_id": key.user,
            "created_at": key.created_at,
            "expires_at": key.expires_at,
            "revoked": key.revoked,
        }
        with transaction(self.engine) as connection:
            if key.user is not None:
                user_row(connection, key.user)
            connection.execute(insert(API_KEYS).values(row))
            changed(connection, "token created", key.id, key.created_at, who, f"{key.label}: {words_of(key.scopes)}")

    def keys(self, limit: int, after: str = "") -> Sequence[ApiKey]:
        """Return tokens for machines by id, those after an id."""
        question = select(*KEY_COLUMNS).where(API_KEYS.c.id > after).order_by(API_KEYS.c.id).limit(limit)
        with transaction(self.engine, reads=True) as connection:
            return [key_of(row) for row in connection.execute(question)]

    def revoke_key(self, key: str, who: str, now: float) -> ApiKey:
        """Revoke a token for machines, for good.

        Raises
        ------
        UnknownAccount
            If there is none of this id.
        """
        with transaction(self.engine) as connection:
            connection.execute(update(API_KEYS).where(API_KEYS.c.id == key).values(revoked=True))
            row = connection.execute(select(*KEY_COLUMNS).where(API_KEYS.c.id == key)).first()
            if row is None:
                raise UnknownAccount("there is no such token; `vfr token list` shows them")
            changed(connection, "token revoked", key, now, who)
            return key_of(row)

    def used_keys(self, keys: Iterable[tuple[str, float]]) -> None:
        """Keep when tokens for machines were last used; nothing that processes follow changes."""
        with transaction(self.engine) as connection:
            for key, at in keys:
                newer = or_(API_KEYS.c.last_used_at.is_(None), API_KEYS.c.last_used_at < at)
                connection.execute(update(API_KEYS).where(API_KEYS.c.id == key, newer).values(last_used_at=at))

    def changes(self, limit: int, before: int | None = None) -> Sequence[Changed]:
        """Return the log of changes, newest first; `before` is a sequence that they stand before."""
        columns = (ACCOUNT_AUDIT.c[name] for name in Changed.__dataclass_fields__)
        question = select(*columns).order_by(ACCOUNT_AUDIT.c.sequence.desc()).limit(limit)
        if before is not None:
            question = question.where(ACCOUNT_AUDIT.c.sequence < before)
        with transaction(self.engine, reads=True) as connection:
            return [Changed(*row) for row in connection.execute(question)]

    def problems(self) -> tuple[str, ...]:
        """Say what is wrong with the log of changes; nothing where every row is what was written, in its place."""
        rows = select(func.count()).select_from(ACCOUNT_AUDIT).scalar_subquery()
        with transaction(self.engine, reads=True) as connection:
            found = chained_log.problems(connection, ACCOUNT_AUDIT)
            changes, kept = connection.execute(select(ACCOUNT_REVISION.c.revision, rows)).one()
        if changes != kept:  # Rows cut off at the end leave a chain that holds.
            found.append(f"{changes} changes were made and {kept} rows are left")
        return tuple(found)
