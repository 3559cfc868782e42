"""Signing keys, wired: made when they are needed, sealed with the secret, changed without a token becoming void."""

from __future__ import annotations

import secrets
from functools import cached_property
from typing import TYPE_CHECKING

from vfr.bootstrap.callers import Callers, now

if TYPE_CHECKING:
    from vfr.accounts.tokens import Claims
    from vfr.adapters.database.signing_keys import SealedKey, SqlSigningKeys
    from vfr.settings import Settings

__all__ = ["Signer"]


class Signer:
    """Signs access tokens with the newest key of the installation.

    Parameters
    ----------
    settings : Settings
        The secret seals private keys; without one, a random secret in the data home does.
    callers : Callers
        Told of new keys, which it verifies tokens with.
    """

    def __init__(self, settings: Settings, callers: Callers) -> None:
        self._settings = settings
        self._callers = callers

    def sign(self, claims: Claims) -> str:
        """Return an access token."""
        from vfr.adapters.auth.sealing import unseal
        from vfr.adapters.auth.signatures import sign

        key = self._keys.signing()
        private = None if key is None else unseal(key.sealed, self._sealing, key.kid)
        if key is None or private is None:  # The first of all, or the secret is another one than it was.
            key, private = self._new()
            self._keys.rotate(key, None, now())
            self._callers.changed()
        return sign(claims, key.kid, private)

    def prepare(self) -> None:
        """Make the first key, so that every process knows it before anybody signs in."""
        if self._keys.signing() is None:
            self._keys.rotate(self._new()[0], None, now())

    def rotate(self, who: str, *, at_once: bool = False) -> str:
        """Sign with a new key from now on, and return its id; `at_once` voids what the others signed."""
        key, _ = self._new()
        self._keys.rotate(key, who, now(), at_once=at_once)
        self._callers.changed()
        return key.kid

    def _new(self) -> tuple[SealedKey, bytes]:
        from vfr.adapters.auth.sealing import seal
        from vfr.adapters.auth.signatures import public_of
        from vfr.adapters.database.signing_keys import SealedKey

        private, kid = secrets.token_bytes(32), secrets.token_hex(8)
        return SealedKey(kid, public_of(private), seal(private, self._sealing, kid)), private

    @cached_property
    def _sealing(self) -> bytes:
        from vfr.adapters.auth.sealing import local_secret, sealing_key

        secret = self._settings.secret
        return sealing_key(
            local_secret(self._settings.data_home) if secret is None else secret.get_secret_value().encode()
        )

    @property
    def _keys(self) -> SqlSigningKeys:
        from vfr.adapters.database.signing_keys import SqlSigningKeys

        return SqlSigningKeys(self._callers.database())
