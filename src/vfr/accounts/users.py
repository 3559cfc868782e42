"""Users: names, passwords, tiers and scopes, and what is refused of each."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, get_args

from vfr.accounts.principal import SCOPES, Scope, TierName
from vfr.errors import InvalidField

__all__ = [
    "DEFAULT_SCOPES",
    "PASSWORD_MAX",
    "PASSWORD_MIN",
    "TIER_NAMES",
    "User",
    "checked_name",
    "checked_password",
    "checked_scopes",
    "checked_tier",
    "in_order",
    "moment",
    "normalised",
]

TIER_NAMES: Final[tuple[TierName, ...]] = get_args(TierName)

_ALL_BUT_ADMIN: Final = frozenset(SCOPES) - {"admin"}

DEFAULT_SCOPES: Final[Mapping[TierName, frozenset[Scope]]] = MappingProxyType(
    {
        "free": frozenset({"classic", "ml"}),
        "premium": _ALL_BUT_ADMIN,
        "enterprise": _ALL_BUT_ADMIN,
        "admin": frozenset(SCOPES),
    }
)
"""Scopes of a user or a token of a tier, unless they are named."""

PASSWORD_MIN: Final = 12
PASSWORD_MAX: Final = 128
_OWN: Final = 8
"""Characters that must remain once everything easily guessed is taken away."""

_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,62}[A-Za-z0-9])?", re.ASCII)
_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_GUESSED: Final = re.compile(
    "password|passwort|passphrase|secret|qwerty|qwertz|azerty|asdf|zxcv|letmein|welcome|admin|root|login|user|guest|"
    "changeme|default|master|iloveyou|monkey|dragon|football|baseball|sunshine|princess|shadow|superman|batman|"
    "summer|winter|spring|autumn|stock|trading|invest"
)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in.

    Parameters
    ----------
    id : str
        Stable; names may be given again once a user is gone, ids never.
    name : str
        Unique whatever its case.
    tier : {"free", "premium", "enterprise", "admin"}
    scopes : frozenset of str
    disabled : bool
        Nothing of this user is accepted: no password, no token.
    created_at : float
        Seconds since 1970.
    generation : int
        Grows with every new password; tokens of an older generation are void.
    """

    id: str
    name: str
    tier: TierName
    scopes: frozenset[Scope]
    disabled: bool
    created_at: float
    generation: int

    def to_dict(self) -> dict[str, Any]:
        """Return the user as it is shown."""
        return {
            "id": self.id,
            "name": self.name,
            "tier": self.tier,
            "scopes": in_order(self.scopes),
            "disabled": self.disabled,
            "createdAt": moment(self.created_at),
        }


def in_order(scopes: Collection[Scope]) -> list[Scope]:
    """Return scopes in the order of `SCOPES`.

    Examples
    --------
    >>> in_order({"ml", "classic"})
    ['classic', 'ml']
    """
    return [scope for scope in SCOPES if scope in scopes]


def moment(at: float) -> str:
    """Return seconds since 1970 as an ISO moment in UTC.

    Examples
    --------
    >>> moment(0.0)
    '1970-01-01T00:00:00+00:00'
    """
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")


def checked_name(name: str) -> str:
    """Return a name that may be given.

    Raises
    ------
    InvalidField
        If it is not 1-64 letters, digits and ``. _ @ + -``, beginning and ending with a letter or a digit.

    Examples
    --------
    >>> checked_name("jane.doe@example.org")
    'jane.doe@example.org'
    """
    if not _NAME.fullmatch(name):
        raise InvalidField(
            "name", "must be 1 to 64 letters, digits and . _ @ + -, beginning and ending with a letter or a digit"
        )
    return name


def normalised(password: str) -> str:
    """Return a password as it is hashed: keyboards write the same character in different ways (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)


def checked_password(password: str, name: str) -> str:
    """Return a new password, normalised.

    Parameters
    ----------
    password : str
    name : str
        Of its user; it counts as easily guessed.

    Raises
    ------
    InvalidField
        If it is shorter than 12 or longer than 128 characters, holds control characters, or little of it is left
        once common words, runs such as ``12345`` or ``aaaa`` and the user's name are taken away.

    Examples
    --------
    >>> checked_password("four words, easily kept", "jane")
    'four words, easily kept'
    >>> checked_password("Password12345!", "jane")
    Traceback (most recent call last):
        ...
    vfr.errors.InvalidField: password: is easily guessed; take several words that do not belong together
    """
    text = normalised(password)
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX or not text.isprintable():
        raise InvalidField("password", f"must be {PASSWORD_MIN} to {PASSWORD_MAX} printable characters")
    own = _without_runs(text.lower()).translate(_LEET)
    if len(name) > 2:
        own = own.replace(name.lower().translate(_LEET), "")
    own = _GUESSED.sub("", own)
    if len(own) < _OWN or len(set(own)) < _OWN // 2:
        raise InvalidField("password", "is easily guessed; take several words that do not belong together")
    return text


def _without_runs(text: str) -> str:
    """Take away three or more characters that repeat, rise or fall one by one."""
    kept: list[str] = []
    start = 0
    while start < len(text):
        end = start + 1
        if end < len(text) and (step := ord(text[end]) - ord(text[start])) in (-1, 0, 1):
            while end < len(text) and ord(text[end]) - ord(text[end - 1]) == step:
                end += 1
        if end - start < 3:
            end = start + 1
            kept.append(text[start])
        start = end
    return "".join(kept)


def checked_tier(tier: str) -> TierName:
    """Return a tier that exists.

    Raises
    ------
    InvalidField
        If it is none of them.

    Examples
    --------
    >>> checked_tier("free")
    'free'
    """
    for known in TIER_NAMES:
        if tier == known:
            return known
    raise InvalidField("tier", f"must be one of {', '.join(TIER_NAMES)}")


def checked_scopes(scopes: Iterable[str], tier: TierName) -> frozenset[Scope]:
    """Return scopes that exist; those of the tier where none are named.

    Raises
    ------
    InvalidField
        If one is not known.

    Examples
    --------
    >>> sorted(checked_scopes((), "free")), sorted(checked_scopes(("admin",), "free"))
    (['classic', 'ml'], ['admin'])
    """
    named = frozenset(scopes)
    found = frozenset(scope for scope in SCOPES if scope in named)
    if len(found) < len(named):
        raise InvalidField("scopes", f"must be of {', '.join(SCOPES)}")
    return found or DEFAULT_SCOPES[tier]
