"""Rows of accounts, and what every change of them does besides: count up the revision, and be logged."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from vfr.accounts.keys import ApiKey
from vfr.accounts.principal import Scope, TierName
from vfr.accounts.users import User, checked_scopes, checked_tier
from vfr.adapters.database import chained_log
from vfr.adapters.database.tables import ACCOUNT_AUDIT, ACCOUNT_REVISION, API_KEYS, USERS
from vfr.errors import UnknownAccount

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["KEY_COLUMNS", "USER_COLUMNS", "changed", "key_of", "user_of", "user_row", "words_of"]

_SYSTEM: Final = "system"

USER_COLUMNS: Final = tuple(
    USERS.c[name] for name in ("id", "name", "tier", "scopes", "disabled", "created_at", "generation")
)
KEY_COLUMNS: Final = tuple(
    API_KEYS.c[name]
    for name in ("id", "label", "scopes", "tier", "user_id", "created_at", "expires_at", "last_used_at", "revoked")
)


def words_of(scopes: frozenset[Scope]) -> str:
    """Return scopes as they are stored."""
    return " ".join(sorted(scopes))


def user_of(row: Any) -> User:
    """Return the user of a row that begins with `USER_COLUMNS`."""
    user, name, tier, scopes, disabled, created_at, generation = row[: len(USER_COLUMNS)]
    return User(user, name, *_held(tier, scopes), disabled, created_at, generation)


def key_of(row: Any) -> ApiKey:
    """Return the token of a row that begins with `KEY_COLUMNS`."""
    key, label, scopes, tier, *rest = row[: len(KEY_COLUMNS)]
    kind, held = _held(tier, scopes)
    return ApiKey(key, label, held, kind, *rest)


@lru_cache(maxsize=256)
def _held(tier: str, scopes: str) -> tuple[TierName, frozenset[Scope]]:
    """Return a tier and scopes as they are stored; few pairs are ever different."""
    kind = checked_tier(tier)
    return kind, checked_scopes(scopes.split(), kind)


def user_row(connection: Connection, user: str) -> User:
    """Return a user by id.

    Raises
    ------
    UnknownAccount
        If there is none.
    """
    row = connection.execute(select(*USER_COLUMNS).where(USERS.c.id == user)).first()
    if row is None:
        raise UnknownAccount("there is no such user; `vfr users list` shows them")
    return user_of(row)


def changed(
    connection: Connection, action: str, subject: str, now: float, who: str | None = None, detail: str = ""
) -> None:
    """Count up the revision that every process follows, and log who did what to whom; `who` is None for VFR itself."""
    # The row is locked until the end of the transaction: revisions appear in their order, and so do rows of the log.
    connection.execute(update(ACCOUNT_REVISION).values(revision=ACCOUNT_REVISION.c.revision + 1))
    row = {"at": float(now), "who": (who or _SYSTEM)[:100], "action": action, "subject": subject}
    chained_log.append(connection, ACCOUNT_AUDIT, row | {"detail": detail[:300]})
