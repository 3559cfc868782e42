"""Shapes of signing in, of users and of tokens for machines, as OpenAPI documents them."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from vfr.api.shapes import WHOLE, Shape

__all__ = [
    "PRINTABLE",
    "AccountChangesData",
    "JwksData",
    "KeyBody",
    "KeyData",
    "KeysData",
    "NewKeyData",
    "RefreshBody",
    "RevokedData",
    "SignInBody",
    "TokenData",
    "UserBody",
    "UserChangeBody",
    "UserData",
    "UsersData",
]

PRINTABLE: Final = "^[!-~]*$"
"""What names and ids are made of; not every database takes all of the rest."""

TierField = Literal["free", "premium", "enterprise", "admin"]
ScopeField = Literal["classic", "ml", "backtest", "risk", "admin"]
Scopes = Annotated[list[ScopeField], Field(min_length=1, max_length=5)]
Password = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=64)]


class SignInBody(Shape):
    """Who signs in."""

    username: Annotated[str, Field(min_length=1, max_length=200)]
    password: Password


class RefreshBody(Shape):
    """A refresh token."""

    refresh_token: Annotated[str, Field(min_length=1, max_length=256)]


class TokenData(Shape):
    """A pair of tokens: one for calls, and one that gives the next pair, once."""

    access_token: str
    refresh_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds the access token lives.")
    scopes: list[ScopeField]
    tier: TierField


class RevokedData(Shape):
    """A sign-in that ended; said also where there was none."""

    revoked: Literal[True]


class Jwk(Shape):
    """A public key (RFC 8037)."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: Literal["EdDSA"]
    kid: str
    x: str


class JwksData(Shape):
    """A JSON Web Key Set (RFC 7517)."""

    keys: list[Jwk]


class UserBody(Shape):
    """A new user."""

    name: Name
    password: Password
    tier: TierField = "free"
    scopes: Scopes | None = Field(default=None, description="Those of the tier by default.")


class UserChangeBody(Shape):
    """What is changed of a user; what is left out stays."""

    tier: TierField | None = Field(default=None, description="Brings its scopes with it, unless they are named.")
    scopes: Scopes | None = None
    disabled: bool | None = None
    password: Password | None = Field(default=None, description="Ends every sign-in of the user.")


class UserData(Shape):
    """A user."""

    id: str
    name: str
    tier: TierField
    scopes: list[ScopeField]
    disabled: bool
    created_at: str


class UsersData(Shape):
    """A page of users, by name."""

    users: list[UserData]
    next_cursor: str | None


class KeyBody(Shape):
    """A new token for a machine."""

    label: Annotated[str, Field(min_length=1, max_length=64, description="What it is for.")]
    tier: TierField = Field(default="free", description="Not looked at where there is a user.")
    scopes: Scopes | None = Field(default=None, description="Those of the tier by default.")
    user_id: Annotated[str, Field(max_length=32, pattern=PRINTABLE)] | None = Field(
        default=None, description="Whom it acts for."
    )
    days: Annotated[int, Field(ge=1, le=3650), WHOLE] | None = Field(default=None, description="Forever if none.")


class KeyData(Shape):
    """A token for a machine, without its secret; `id` is how it begins."""

    id: str
    label: str
    tier: TierField
    scopes: list[ScopeField]
    user_id: str | None
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    revoked: bool


class NewKeyData(KeyData):
    """A new token for a machine, and its text, which is shown this once."""

    token: str


class KeysData(Shape):
    """A page of tokens for machines, by id."""

    keys: list[KeyData]
    next_cursor: str | None


class AccountChange(Shape):
    """Who did what to whom; `who` is ``system`` for VFR itself."""

    sequence: int
    at: str
    who: str
    action: str
    subject: str
    detail: str


class AccountChangesData(Shape):
    """A page of the log of changes, newest first."""

    rows: list[AccountChange]
    next_cursor: str | None
    problems: list[str] = Field(description="What was changed in the log afterwards; nothing, unless somebody did.")
