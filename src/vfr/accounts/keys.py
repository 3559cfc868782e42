"""Tokens for machines: a random key with a readable beginning, kept as a hash, shown once."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from vfr.accounts.principal import Scope, TierName
from vfr.accounts.users import in_order, moment
from vfr.errors import InvalidField

__all__ = ["KEY_BYTES", "KEY_PREFIX", "ApiKey", "checked_label", "digest_of", "key_id", "key_text"]

KEY_PREFIX: Final = "vfr_"
"""What every token for a machine begins with: secret scanners can find one that was published by mistake."""

KEY_BYTES: Final = 32
_SHOWN: Final = 8
_LABEL: Final = re.compile(r"[ -~]{1,64}")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A token for a machine, without its secret.

    Parameters
    ----------
    id : str
        Its readable beginning, ``vfr_`` and eight characters more.
    label : str
        What it is for.
    scopes : frozenset of str
    tier : {"free", "premium", "enterprise", "admin"}
        Whose limits hold; those of the user, if it has one.
    user : str or None
        Id of the user it acts for; it may do what both may.
    created_at : float
        Seconds since 1970, like the other moments.
    expires_at : float or None
    last_used_at : float or None
        To the minute.
    revoked : bool
    """

    id: str
    label: str
    scopes: frozenset[Scope]
    tier: TierName
    user: str | None
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    revoked: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the token as it is shown."""
        return {
            "id": self.id,
            "label": self.label,
            "tier": self.tier,
            "scopes": in_order(self.scopes),
            "userId": self.user,
            "createdAt": moment(self.created_at),
            "expiresAt": None if self.expires_at is None else moment(self.expires_at),
            "lastUsedAt": None if self.last_used_at is None else moment(self.last_used_at),
            "revoked": self.revoked,
        }


def key_text(secret: bytes) -> str:
    """Return the token that 32 random bytes make.

    Examples
    --------
    >>> key_text(bytes(32))
    'vfr_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'
    """
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a key is made of {KEY_BYTES} random bytes")
    return KEY_PREFIX + urlsafe_b64encode(secret).decode().rstrip("=")


def key_id(key: str) -> str:
    """Return the readable beginning of a token.

    Examples
    --------
    >>> key_id(key_text(bytes(32)))
    'vfr_AAAAAAAA'
    """
    return key[: len(KEY_PREFIX) + _SHOWN]


def digest_of(token: str) -> str:
    """Return the hash that is kept of a random token: with 256 random bits no slow hash is needed."""
    return sha256(token.encode()).hexdigest()


def checked_label(label: str) -> str:
    """Return what a token is for, if it can be printed.

    Raises
    ------
    InvalidField
        If it is not 1-64 printable ASCII characters.
    """
    text = label.strip()
    if not _LABEL.fullmatch(text):
        raise InvalidField("label", "must be 1 to 64 printable ASCII characters")
    return text
