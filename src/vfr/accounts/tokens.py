"""What a signed token says, how long it lives, and what it is refused for.

A sign-in gives two tokens. The *access token* is signed (a JWT, RFC 9068), lives a quarter of an hour and is verified
without asking anybody. The *refresh token* is random, kept as a hash, and good for one use: it gives the next pair. All
pairs that follow from one sign-in are a *family*, which ends thirty days after it.

============================  =======================  =================================
what happens                  access tokens            refresh tokens
============================  =======================  =================================
time passes                   void after 15 minutes    void 30 days after the sign-in
refreshed                     live on to their end     void; used again, the family ends
signed out, or used twice     void: the family's       void: the family's
password changed              void: the user's         void: the user's
user disabled or deleted      void: the user's         void: the user's
scopes or tier changed        as the user's are now    as the user's are now
signing key rotated           live on to their end     untouched
============================  =======================  =================================

Tokens for machines (`vfr.accounts.keys`) outlive passwords; they end with their user, when they are revoked, or at the
moment they were made for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from vfr.accounts.principal import SCOPES, Scope
from vfr.accounts.users import in_order
from vfr.errors import TokenRefused

__all__ = ["ACCESS_S", "AUDIENCE", "ISSUER", "LEEWAY_S", "REFRESH_PREFIX", "REFRESH_S", "TOKEN_MAX", "Claims"]

ISSUER: Final = "vfr"
AUDIENCE: Final = "vfr-api"

ACCESS_S: Final = 900
REFRESH_S: Final = 30 * 86_400
LEEWAY_S: Final = 5
"""Seconds that clocks of machines may differ."""

TOKEN_MAX: Final = 2_048
"""Characters of the longest token that is looked at."""

REFRESH_PREFIX: Final = "vfrr_"
_TEXT: Final = ("sub", "fam", "jti", "scope")
_NUMBERS: Final = ("iat", "nbf", "exp", "gen")


@dataclass(frozen=True, slots=True)
class Claims:
    """What an access token says.

    Parameters
    ----------
    subject : str
        Id of the user.
    family : str
        Of the sign-in it follows from.
    generation : int
        Of the user's password.
    scopes : frozenset of str
    token_id : str
        Different in every token.
    issued_at, expires_at : int
        Seconds since 1970.
    """

    subject: str
    family: str
    generation: int
    scopes: frozenset[Scope]
    token_id: str
    issued_at: int
    expires_at: int

    def payload(self) -> dict[str, Any]:
        """Return the claims under their registered names (RFC 7519, RFC 9068)."""
        return {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": self.subject,
            "fam": self.family,
            "gen": self.generation,
            "scope": " ".join(in_order(self.scopes)),
            "jti": self.token_id,
            "iat": self.issued_at,
            "nbf": self.issued_at,
            "exp": self.expires_at,
        }

    @staticmethod
    def parse(payload: Mapping[str, Any], now: float) -> Claims:
        """Return the claims of a payload whose signature was verified.

        Raises
        ------
        TokenRefused
            If one is missing or of another type, it is of another issuer or for another audience, it is not valid
            yet or not any more.

        Examples
        --------
        >>> made = Claims("u1", "f1", 0, frozenset({"ml"}), "t1", 1_000, 1_900)
        >>> Claims.parse(made.payload(), now=1_500.0) == made
        True
        >>> Claims.parse(made.payload(), now=2_000.0)
        Traceback (most recent call last):
            ...
        vfr.errors.TokenRefused: the token has expired; refresh it, or sign in again
        """
        if payload.get("iss") != ISSUER or payload.get("aud") != AUDIENCE:
            raise TokenRefused("the token was not made for this service")
        if not all(isinstance(payload.get(name), str) for name in _TEXT):
            raise TokenRefused("the token lacks a claim")
        if not all(type(payload.get(name)) is int for name in _NUMBERS):
            raise TokenRefused("the token lacks a claim")
        if max(payload["nbf"], payload["iat"]) > now + LEEWAY_S:
            raise TokenRefused("the token is not valid yet; check the clocks of both machines")
        if payload["exp"] <= now - LEEWAY_S:
            raise TokenRefused("the token has expired; refresh it, or sign in again")
        named = frozenset(payload["scope"].split())
        return Claims(
            subject=payload["sub"],
            family=payload["fam"],
            generation=payload["gen"],
            scopes=frozenset(scope for scope in SCOPES if scope in named),
            token_id=payload["jti"],
            issued_at=payload["iat"],
            expires_at=payload["exp"],
        )
