"""What keeps accounts, as use cases see it: every method is one transaction, and raises `DataError` if it cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Protocol

from vfr.accounts.keys import ApiKey
from vfr.accounts.lockout import Patience
from vfr.accounts.principal import Scope, TierName
from vfr.accounts.standing import Standing
from vfr.accounts.users import User, moment

__all__ = ["AccountChange", "Changed", "Family", "SignInStore", "UserStore"]


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is changed of a user; None leaves it as it is."""

    tier: TierName | None = None
    scopes: frozenset[Scope] | None = None
    disabled: bool | None = None
    password_hash: str | None = None

    def words(self) -> str:
        """Return the change in words, without the password.

        Examples
        --------
        >>> AccountChange(tier="free", disabled=True, password_hash="...").words()
        'tier free; disabled; new password'
        """
        said = [f"tier {self.tier}"] if self.tier is not None else []
        if self.scopes is not None:
            said.append(f"scopes {' '.join(sorted(self.scopes))}")
        if self.disabled is not None:
            said.append("disabled" if self.disabled else "enabled")
        if self.password_hash is not None:
            said.append("new password")
        return "; ".join(said)


@dataclass(frozen=True, slots=True)
class Changed:
    """One row of the log of changes: who did what to whom, when."""

    sequence: int
    at: float
    who: str
    action: str
    subject: str
    detail: str

    def to_dict(self) -> dict[str, object]:
        """Return the row as it is shown."""
        return {**asdict(self), "at": moment(self.at)}


@dataclass(frozen=True, slots=True)
class Family:
    """A sign-in and all that follows from it; void once the user's generation is newer."""

    id: str
    user: str
    generation: int
    expires_at: float


class UserStore(Protocol):
    """Users, tokens for machines, and the log of their changes."""

    def standing(self, known: Standing | None, now: float) -> Standing:
        """Return where every account stands; `known` itself where nothing changed since."""

    def add_user(self, user: User, password_hash: str, who: str) -> None:
        """Add a user; `InvalidField` if the name is taken."""

    def change_user(self, user: str, change: AccountChange, who: str, now: float) -> User:
        """Change a user, by id; `UnknownAccount` if there is none."""

    def delete_user(self, user: str, who: str, now: float) -> User:
        """Delete a user with every token; `UnknownAccount` if there is none."""

    def users(self, limit: int, after: str = "") -> Sequence[User]:
        """Return users by name, those after a name."""

    def user(self, user: str) -> User:
        """Return a user by id; `UnknownAccount` if there is none."""

    def user_named(self, name: str) -> User:
        """Return a user by name, whatever its case; `UnknownAccount` if there is none."""

    def add_key(self, key: ApiKey, digest: str, who: str) -> None:
        """Add a token for machines; `UnknownAccount` if its user is gone."""

    def keys(self, limit: int, after: str = "") -> Sequence[ApiKey]:
        """Return tokens for machines by id, those after an id."""

    def revoke_key(self, key: str, who: str, now: float) -> ApiKey:
        """Revoke a token for machines; `UnknownAccount` if there is none."""

    def used_keys(self, keys: Iterable[tuple[str, float]]) -> None:
        """Keep when tokens for machines were last used, by id."""

    def changes(self, limit: int, before: int | None = None) -> Sequence[Changed]:
        """Return the log of changes, newest first."""

    def problems(self) -> tuple[str, ...]:
        """Say what was changed in the log afterwards; nothing, unless somebody did."""


class SignInStore(Protocol):
    """What signing in needs."""

    def credentials(self, name: str) -> tuple[User, str] | None:
        """Return a user by name, whatever its case, and the hash of the password."""

    def keep_hash(self, user: str, before: str, password_hash: str) -> None:
        """Keep another hash of the same password, unless there is another password since."""

    def charge(self, counters: Sequence[tuple[str, Patience]], now: float) -> float:
        """Count a failure for each and return 0; or count nothing and return how long to wait."""

    def forgive(self, cleared: str, lowered: str) -> None:
        """Forget the failures of one counter, and one failure of the other."""

    def open_family(self, family: Family, digest: str, now: float) -> None:
        """Keep a sign-in and the hash of its first refresh token; what has expired is forgotten."""

    def use(self, digest: str, successor: str, now: float) -> tuple[Family, User]:
        """Use a refresh token and keep its successor's hash, both at once.

        One of several who try wins; `TokenRefused` for the others, for one that was used, and for one that is void.
        Whoever uses one again ends its family.
        """

    def end_family(self, digest: str, now: float) -> None:
        """End the family of a refresh token, if there is one; it need not be the last."""
