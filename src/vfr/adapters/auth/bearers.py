"""Who holds a token: verified once and remembered, checked against where accounts stand every time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

from vfr.accounts.keys import KEY_PREFIX, digest_of
from vfr.accounts.tokens import LEEWAY_S, TOKEN_MAX
from vfr.errors import TokenRefused

if TYPE_CHECKING:
    from vfr.accounts.principal import Principal
    from vfr.accounts.standing import Standing
    from vfr.accounts.tokens import Claims

__all__ = ["Bearers"]

REMEMBERED: Final = 8_192
"""Tokens of one process; about half a kilobyte each."""

_USED: Final = 4_096
"""Tokens for machines whose last use waits to be written."""


@dataclass(slots=True)
class _Verified:
    claims: Claims
    kid: str
    until: float
    standing: Standing
    principal: Principal


class Bearers:
    """Verified tokens, by the SHA-256 of each; the least recently used goes first.

    Parameters
    ----------
    verify : callable
        Takes a signed token, where accounts stand and the time, and returns its claims and key id.
    size : int
        Tokens remembered.

    Notes
    -----
    What a change of accounts revokes is refused as soon as the new `Standing` is passed in: a remembered token is
    looked up in it again, without its signature.
    """

    def __init__(self, verify: Callable[[str, Standing, float], tuple[Claims, str]], size: int = REMEMBERED) -> None:
        self._verify = verify
        self._size = size
        self._lock = Lock()
        self._known: OrderedDict[bytes, _Verified] = OrderedDict()
        self._used: dict[str, float] = {}

    def principal(self, token: str, standing: Standing, now: float) -> Principal:
        """Return who holds a token.

        Raises
        ------
        TokenRefused
            If it is malformed, expired, revoked or of somebody who may not sign in.
        """
        if token.startswith(KEY_PREFIX):
            return self._machine(token, standing, now)
        digest = sha256(token.encode("utf-8", "replace")).digest()
        with self._lock:
            found = self._known.get(digest)
            if found is not None:
                self._known.move_to_end(digest)
        if found is None:
            return self._first(token, digest, standing, now)
        if now >= found.until:
            with self._lock:
                self._known.pop(digest, None)
            raise TokenRefused("the token has expired; refresh it, or sign in again")
        if found.standing is not standing:
            standing.public_key(found.kid, now)
            found.principal, found.standing = standing.bearer(found.claims), standing
        return found.principal

    def _first(self, token: str, digest: bytes, standing: Standing, now: float) -> Principal:
        claims, kid = self._verify(token, standing, now)
        made = _Verified(claims, kid, claims.expires_at + LEEWAY_S, standing, standing.bearer(claims))
        with self._lock:
            self._known[digest] = made
            if len(self._known) > self._size:
                self._known.popitem(last=False)
        return made.principal

    def _machine(self, token: str, standing: Standing, now: float) -> Principal:
        if len(token) > TOKEN_MAX:
            raise TokenRefused("the token is malformed")
        principal, key = standing.machine(digest_of(token), now)
        if len(self._used) < _USED:
            self._used[key.id] = now
        return principal

    def used(self) -> dict[str, float]:
        """Return when tokens for machines were used since this was last asked, by id."""
        used, self._used = self._used, {}
        return used
