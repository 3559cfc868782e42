"""Sign in, refresh, sign out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Final, Protocol

from vfr.accounts.keys import digest_of
from vfr.accounts.lockout import BY_ADDRESS, BY_NAME, counter_of
from vfr.accounts.principal import Scope, TierName
from vfr.accounts.store import Family, SignInStore
from vfr.accounts.tokens import ACCESS_S, REFRESH_PREFIX, REFRESH_S, Claims
from vfr.accounts.users import PASSWORD_MAX, User, in_order, normalised
from vfr.errors import BadCredentials, LockedOut, TokenRefused

__all__ = ["Passwords", "SignIns", "TokenPair"]

_ID_BYTES: Final = 12
_SECRET_BYTES: Final = 32
_LONGEST: Final = 100
"""Characters of the longest refresh token that is looked up."""


class Passwords(Protocol):
    """Checks passwords; slow on purpose."""

    def __call__(self, password: str, kept: str | None, /) -> tuple[bool, str | None]:
        """Return whether a password is right, as slowly for nobody's, and a better hash of it if there is one."""


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in gives: a token for calls, and one for the next pair."""

    access_token: str
    refresh_token: str
    expires_in: int
    scopes: tuple[Scope, ...]
    tier: TierName


@dataclass(frozen=True, slots=True, eq=False)
class SignIns:
    """The three use cases, over what they need.

    Parameters
    ----------
    store : SignInStore
    right : Passwords
    sign : callable
        Makes an access token of claims.
    entropy : callable
        Returns so many random bytes, fit for secrets.
    """

    store: SignInStore
    right: Passwords
    sign: Callable[[Claims], str]
    entropy: Callable[[int], bytes]

    def sign_in(self, name: str, password: str, address: str, now: float) -> TokenPair:
        """Return a pair of tokens for a name and a password.

        Parameters
        ----------
        name, password : str
            As they were typed.
        address : str
            Where the caller is.
        now : float
            Seconds since 1970.

        Raises
        ------
        LockedOut
            If too many attempts for this name or from this address failed.
        BadCredentials
            If one of both is wrong, or the user is disabled.
        DataError
            If the database cannot be used.
        """
        by_name, by_address = counter_of("name", name), counter_of("address", address)
        wait = self.store.charge(((by_name, BY_NAME), (by_address, BY_ADDRESS)), now)
        if wait > 0:
            raise LockedOut(ceil(wait))
        # Not every database takes what cannot be printed, and no name holds it.
        user, kept = (self.store.credentials(name) if name.isprintable() else None) or (None, None)
        right, better = self.right(normalised(password)[: PASSWORD_MAX + 1], kept)
        if user is None or not right or user.disabled:
            raise BadCredentials("the name or the password is wrong")
        self.store.forgive(by_name, by_address)
        if kept is not None and better is not None:
            self.store.keep_hash(user.id, kept, better)
        family = Family(self._random(_ID_BYTES), user.id, user.generation, now + REFRESH_S)
        refresh = REFRESH_PREFIX + self._random(_SECRET_BYTES)
        pair = self._pair(user, family, refresh, now)
        self.store.open_family(family, digest_of(refresh), now)
        return pair

    def refresh(self, token: str, now: float) -> TokenPair:
        """Return the next pair for a refresh token, which is then used up.

        Raises
        ------
        TokenRefused
            If the token is not valid; one that was used before also ends all that follows from its sign-in, since
            somebody has a copy.
        DataError
            If the database cannot be used.
        """
        successor = REFRESH_PREFIX + self._random(_SECRET_BYTES)
        if not _well_formed(token):
            raise TokenRefused("the refresh token is malformed; sign in again")
        family, user = self.store.use(digest_of(token), digest_of(successor), now)
        return self._pair(user, family, successor, now)

    def sign_out(self, token: str, now: float) -> None:
        """End the sign-in that a refresh token follows from; one that is not known changes nothing.

        Raises
        ------
        DataError
            If the database cannot be used.
        """
        if _well_formed(token):
            self.store.end_family(digest_of(token), now)

    def _pair(self, user: User, family: Family, refresh: str, now: float) -> TokenPair:
        issued = int(now)
        ends = min(issued + ACCESS_S, int(family.expires_at))
        claims = Claims(user.id, family.id, user.generation, user.scopes, self._random(_ID_BYTES), issued, ends)
        return TokenPair(self.sign(claims), refresh, ends - issued, tuple(in_order(user.scopes)), user.tier)

    def _random(self, size: int) -> str:
        return self.entropy(size).hex()


def _well_formed(token: str) -> bool:
    return token.startswith(REFRESH_PREFIX) and len(token) <= _LONGEST and token.isascii()
