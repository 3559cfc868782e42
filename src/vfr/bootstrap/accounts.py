"""Accounts, wired: signing in, and what commands and admins change."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final

from vfr.accounts.keys import KEY_BYTES, ApiKey, checked_label, digest_of, key_id, key_text
from vfr.accounts.store import AccountChange
from vfr.accounts.users import User, checked_name, checked_password, checked_scopes, checked_tier
from vfr.bootstrap.callers import Callers, now
from vfr.bootstrap.database import database_exists
from vfr.bootstrap.signing import Signer
from vfr.errors import InvalidField, TokenRefused

if TYPE_CHECKING:
    from vfr.accounts.store import Changed
    from vfr.adapters.database.accounts import SqlAccounts
    from vfr.settings import Settings
    from vfr.workflows.sign_in import SignIns, TokenPair

__all__ = ["AccountDesk"]

_MAX_DAYS: Final = 3_650


class AccountDesk:
    """The accounts of one installation; every method raises `DataError` if the database cannot be used.

    Parameters
    ----------
    settings : Settings

    Attributes
    ----------
    callers : Callers
        Who holds which token; asked by every request, and answers without the database.
    signer : Signer
        Makes access tokens.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.callers = Callers(settings)
        self.signer = Signer(settings, self.callers)

    def sign_in(self, name: str, password: str, address: str) -> TokenPair:
        """Sign in; see `vfr.workflows.sign_in.SignIns.sign_in`."""
        return self._sign_ins.sign_in(name, password, address, now())

    def refresh(self, token: str) -> TokenPair:
        """Return the next pair of tokens; see `vfr.workflows.sign_in.SignIns.refresh`."""
        try:
            return self._sign_ins.refresh(token, now())
        except TokenRefused:  # Perhaps for the second time: then its family has just ended.
            self.callers.changed()
            raise

    def sign_out(self, token: str) -> None:
        """End a sign-in; see `vfr.workflows.sign_in.SignIns.sign_out`."""
        self._sign_ins.sign_out(token, now())
        self.callers.changed()

    def add_user(self, name: str, password: str, tier: str, scopes: Iterable[str], who: str) -> User:
        """Add a user; single-user mode ends with the first.

        Raises
        ------
        InvalidField
            If the name is taken or malformed, the password easily guessed, the tier or a scope unknown.
        """
        from vfr.adapters.auth.passwords import hashed

        kind = checked_tier(tier)
        wanted = checked_scopes(scopes, kind)
        text = checked_password(password, checked_name(name))
        user = User("u" + secrets.token_hex(8), name, kind, wanted, disabled=False, created_at=now(), generation=0)
        self._accounts.add_user(user, hashed(text), who)
        self.signer.prepare()
        self.callers.changed()
        return user

    def change_user(
        self,
        user: User,
        who: str,
        *,
        tier: str | None = None,
        scopes: Iterable[str] | None = None,
        disabled: bool | None = None,
        password: str | None = None,
    ) -> User:
        """Change what is given of a user; every process follows within a second.

        A new tier brings its scopes with it, unless scopes are named.

        Raises
        ------
        InvalidField
            If a value is malformed.
        UnknownAccount
            If the user is gone.
        """
        from vfr.adapters.auth.passwords import hashed

        kind = None if tier is None else checked_tier(tier)
        change = AccountChange(
            tier=kind,
            scopes=None if scopes is None and kind is None else checked_scopes(scopes or (), kind or user.tier),
            disabled=disabled,
            password_hash=None if password is None else hashed(checked_password(password, user.name)),
        )
        changed = self._accounts.change_user(user.id, change, who, now())
        self.callers.changed()
        return changed

    def delete_user(self, user: str, who: str) -> User:
        """Delete a user, by id, with every token.

        Raises
        ------
        UnknownAccount
            If there is none.
        """
        deleted = self._accounts.delete_user(user, who, now())
        self.callers.changed()
        return deleted

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        """Return users by name, those after a name."""
        return self._accounts.users(limit, after)

    def user(self, user: str) -> User:
        """Return a user by id; `UnknownAccount` if there is none."""
        return self._accounts.user(user)

    def user_named(self, name: str) -> User:
        """Return a user by name; `UnknownAccount` if there is none."""
        return self._accounts.user_named(name)

    def create_key(
        self, label: str, who: str, *, tier: str, scopes: Iterable[str], user: User | None, days: int | None
    ) -> tuple[ApiKey, str]:
        """Make a token for machines, and return it with its text, which is kept nowhere.

        Parameters
        ----------
        label : str
            What it is for.
        who : str
            Who makes it.
        tier : str
            Whose limits hold; those of `user`, if it has one.
        scopes : iterable of str
            Those of the tier by default.
        user : User or None
            Whom it acts for.
        days : int or None
            How long it lives; forever by default.

        Raises
        ------
        InvalidField
            If a value is malformed.
        """
        if days is not None and not 1 <= days <= _MAX_DAYS:
            raise InvalidField("days", f"must be 1 to {_MAX_DAYS}")
        kind = checked_tier(tier) if user is None else user.tier
        text, moment = key_text(secrets.token_bytes(KEY_BYTES)), now()
        key = ApiKey(
            id=key_id(text),
            label=checked_label(label),
            scopes=checked_scopes(scopes, kind),
            tier=kind,
            user=None if user is None else user.id,
            created_at=moment,
            expires_at=None if days is None else moment + 86_400.0 * days,
            last_used_at=None,
            revoked=False,
        )
        self._accounts.add_key(key, digest_of(text), who)
        self.callers.changed()
        return key, text

    def keys(self, limit: int, after: str = "") -> Sequence[ApiKey]:
        """Return tokens for machines by id, those after an id."""
        return self._accounts.keys(limit, after)

    def revoke_key(self, key: str, who: str) -> ApiKey:
        """Revoke a token for machines, by id; `UnknownAccount` if there is none."""
        revoked = self._accounts.revoke_key(key, who, now())
        self.callers.changed()
        return revoked

    def changes(self, limit: int, before: int | None = None) -> Sequence[Changed]:
        """Return the log of changes, newest first; `before` is a sequence that they stand before."""
        return self._accounts.changes(limit, before)

    def problems(self) -> tuple[str, ...]:
        """Say what was changed in the log afterwards; nothing, unless somebody did."""
        return self._accounts.problems() if database_exists(self._settings) else ()

    @cached_property
    def _sign_ins(self) -> SignIns:
        from vfr.adapters.auth.passwords import verified
        from vfr.adapters.database.sign_ins import SqlSignIns
        from vfr.workflows.sign_in import SignIns

        return SignIns(SqlSignIns(self.callers.database()), verified, self.signer.sign, secrets.token_bytes)

    @property
    def _accounts(self) -> SqlAccounts:
        from vfr.adapters.database.accounts import SqlAccounts

        return SqlAccounts(self.callers.database())
