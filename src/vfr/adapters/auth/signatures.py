"""Signed access tokens: Ed25519 and nothing else (RFC 7519, RFC 8037, RFC 8725, RFC 9068).

What a token says about keys is not believed: its key id is looked up among our own public keys, and a header that
brings or points to a key is refused, as is every algorithm but one.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from jwt.api_jws import PyJWS

from vfr.accounts.standing import Standing
from vfr.accounts.tokens import TOKEN_MAX, Claims
from vfr.errors import TokenRefused

__all__ = ["jwks", "public_of", "sign", "verify"]

ALGORITHM: Final = "EdDSA"
TYPE: Final = "at+jwt"

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_HEADER: Final = frozenset({"alg", "kid", "typ"})
_JWS: Final = PyJWS(algorithms=[ALGORITHM])
_NOT_OURS: Final = "the token is not signed by this service"


def public_of(private: bytes) -> bytes:
    """Return the 32 bytes of the public key of a private one."""
    return Ed25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def sign(claims: Claims, kid: str, private: bytes) -> str:
    """Return an access token."""
    key = Ed25519PrivateKey.from_private_bytes(private)
    return jwt.encode(claims.payload(), key, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


def verify(token: str, standing: Standing, now: float) -> tuple[Claims, str]:
    """Return what an access token says and the id of the key that signed it.

    Raises
    ------
    TokenRefused
        If it is malformed, not signed by one of our keys, or its claims do not hold now.
    """
    if len(token) > TOKEN_MAX or not _SHAPE.fullmatch(token):
        raise TokenRefused("the token is malformed")
    try:
        header = jwt.get_unverified_header(token)
        if set(header) != _HEADER or header["alg"] != ALGORITHM or header["typ"] != TYPE:
            raise TokenRefused(_NOT_OURS)
        found = standing.public_key(header["kid"], now)
        payload = json.loads(_JWS.decode(token, _public_key(found.public), algorithms=[ALGORITHM]))
    except (jwt.PyJWTError, ValueError, RecursionError):
        raise TokenRefused(_NOT_OURS) from None
    if not isinstance(payload, dict):
        raise TokenRefused(_NOT_OURS)
    return Claims.parse(payload, now), found.kid


@lru_cache(maxsize=16)
def _public_key(public: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public)


def jwks(standing: Standing, now: float) -> Mapping[str, Any]:
    """Return the public keys that tokens may be signed with now, as a JSON Web Key Set (RFC 7517, RFC 8037)."""
    keys = [key for key in standing.verifying.values() if key.until is None or key.until > now]
    return {
        "keys": [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": ALGORITHM,
                "kid": key.kid,
                "x": urlsafe_b64encode(key.public).decode().rstrip("="),
            }
            for key in sorted(keys, key=lambda key: key.kid)
        ]
    }
