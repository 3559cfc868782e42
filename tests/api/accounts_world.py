"""An application with accounts in a database of its own, and tokens of every kind: good ones and forged ones."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from vfr import bootstrap
from vfr.accounts.tokens import ACCESS_S, Claims
from vfr.adapters.auth.sealing import unseal
from vfr.bootstrap import Application
from vfr.bootstrap.callers import now
from vfr.settings import Settings

SECRET = "a-secret-of-more-than-thirty-two-characters"
PASSWORD = "four words, easily kept"
ROOMY = {
    tier: {"requestsPerMinute": 1_000_000, "mlUnitsPerDay": 1_000_000, "eventStreams": 64}
    for tier in ("anonymous", "free", "premium", "enterprise", "admin")
}
"""Limits that no test meets by accident."""


def settings(home: Path, folder: Path, **values: Any) -> Settings:
    """Settings on the data of `home`, with a database in `folder`."""
    given = {"data_home": home, "database_url": f"sqlite:///{folder / 'accounts.db'}", "tiers": ROOMY, **values}
    return Settings(**given)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@dataclass
class World:
    """Users of every tier, and what they and others send."""

    application: Application
    client: Any

    @classmethod
    def made(cls, home: Path, folder: Path, client_of: Callable[[Application], Any], **values: Any) -> World:
        """A new database with a user of every tier, named like it."""
        made = cls.opened(home, folder, client_of, **values)
        for tier in ("free", "premium", "enterprise", "admin"):
            made.application.accounts.add_user(tier, PASSWORD, tier, (), "test")
        return made

    @classmethod
    def opened(cls, home: Path, folder: Path, client_of: Callable[[Application], Any], **values: Any) -> World:
        """The database of a folder, as it is."""
        application = bootstrap.build(settings(home, folder, **{"secret": SECRET, **values}))
        return cls(application, client_of(application))

    def sign_in(self, name: str, password: str = PASSWORD) -> dict[str, Any]:
        response = self.client.post("/api/auth/token", json={"username": name, "password": password})
        assert response.status_code == 200, response.text
        return response.json()["data"]

    @cached_property
    def signing(self) -> tuple[str, bytes, bytes]:
        """Key id, private and public part of the key that signs."""
        signer = self.application.accounts.signer
        key = signer._keys.signing()
        assert key is not None
        private = unseal(key.sealed, signer._sealing, key.kid)
        assert private is not None
        return key.kid, private, key.public

    def claims(self, name: str = "admin", **changes: Any) -> Claims:
        user = self.application.accounts.user_named(name)
        issued = int(now())
        made = Claims(user.id, "f" * 24, user.generation, user.scopes, "t" * 24, issued, issued + ACCESS_S)
        return replace(made, **changes)

    def crafted(
        self, header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None, private: bytes | None = None
    ) -> str:
        """A token of the admin with any header and payload, well signed unless another key is given."""
        kid, own, _ = self.signing
        whole = {"alg": "EdDSA", "typ": "at+jwt", "kid": kid} | (header or {})
        signed = f"{part(whole)}.{part(self.claims().payload() | (payload or {}))}"
        signature = Ed25519PrivateKey.from_private_bytes(private or own).sign(signed.encode())
        return f"{signed}.{urlsafe_b64encode(signature).decode().rstrip('=')}"

    def confused(self) -> str:
        """HS256 with the public key as its secret."""
        kid, _, public = self.signing
        signed = f"{part({'alg': 'HS256', 'typ': 'at+jwt', 'kid': kid})}.{part(self.claims().payload())}"
        made = hmac.new(public, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{urlsafe_b64encode(made).decode().rstrip('=')}"


def part(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
