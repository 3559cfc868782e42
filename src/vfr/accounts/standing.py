"""Where every account stands at one moment: all that is needed to say who holds a token, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from vfr.accounts.keys import ApiKey
from vfr.accounts.principal import Principal
from vfr.accounts.tokens import Claims
from vfr.accounts.users import User
from vfr.errors import TokenRefused

__all__ = ["Standing", "VerifyingKey"]


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key.

    Parameters
    ----------
    kid : str
    public : bytes
        The 32 bytes of an Ed25519 public key.
    until : float or None
        From this moment on nothing it signed is accepted; None while it signs.
    """

    kid: str
    public: bytes
    until: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Users, tokens for machines, families that ended and public keys, as one revision of the store has them.

    Parameters
    ----------
    revision : int
        Grows with every change.
    users : mapping of str to User
        By id.
    keys : mapping of str to ApiKey
        By the hash of the token.
    ended : frozenset of str
        Families that ended while access tokens of theirs may still be about.
    verifying : mapping of str to VerifyingKey
        By key id: the only place that keys are looked up in.
    """

    revision: int = 0
    users: Mapping[str, User] = field(default_factory=lambda: MappingProxyType({}))
    keys: Mapping[str, ApiKey] = field(default_factory=lambda: MappingProxyType({}))
    ended: frozenset[str] = frozenset()
    verifying: Mapping[str, VerifyingKey] = field(default_factory=lambda: MappingProxyType({}))

    def bearer(self, claims: Claims) -> Principal:
        """Return who holds an access token, with the scopes that both the token and the user have.

        Raises
        ------
        TokenRefused
            If the user is gone, disabled or has a newer password, or the family ended.
        """
        user = self.users.get(claims.subject)
        if user is None or user.disabled:
            raise TokenRefused("the user of this token is disabled or deleted")
        if claims.generation < user.generation or claims.family in self.ended:
            raise TokenRefused("the token was revoked; sign in again")
        return Principal(user.id, claims.scopes & user.scopes, user.tier)

    def machine(self, digest: str, now: float) -> tuple[Principal, ApiKey]:
        """Return who holds a token for machines, and the token.

        Raises
        ------
        TokenRefused
            If it does not exist, was revoked, has expired, or its user is gone or disabled.
        """
        key = self.keys.get(digest)
        if key is None or key.revoked:
            raise TokenRefused("the token does not exist or was revoked; `vfr token create` makes one")
        if key.expires_at is not None and key.expires_at <= now:
            raise TokenRefused("the token has expired; `vfr token create` makes a new one")
        if key.user is None:
            return Principal(key.id, key.scopes, key.tier), key
        user = self.users.get(key.user)
        if user is None or user.disabled:
            raise TokenRefused("the user of this token is disabled or deleted")
        return Principal(user.id, key.scopes & user.scopes, user.tier), key

    def public_key(self, kid: object, now: float) -> VerifyingKey:
        """Return the key that a token says it was signed with.

        Raises
        ------
        TokenRefused
            If there is none of this id, or it was retired longer ago than a token lives.
        """
        found = self.verifying.get(kid) if isinstance(kid, str) else None
        if found is None or (found.until is not None and found.until <= now):
            raise TokenRefused("the token is not signed by this service")
        return found
