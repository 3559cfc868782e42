"""Hashes of passwords: Argon2id at the OWASP cheat sheet's first setting (19 MiB, two passes, one lane)."""

from __future__ import annotations

from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

__all__ = ["hashed", "verified"]

_HASHER: Final = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),))


def hashed(password: str) -> str:
    """Return a hash of a password, with a salt of its own."""
    return _HASHER.hash(password)


def verified(password: str, kept: str | None) -> tuple[bool, str | None]:
    """Return whether a password is right, and a hash to keep instead if the old one was made at another setting.

    Parameters
    ----------
    password : str
    kept : str or None
        The hash that was kept; None where there is no such user. Then a hash is computed all the same, so that the
        time of an answer does not say who has an account.
    """
    try:
        right, better = _HASHER.verify_and_update(password, _NOBODYS if kept is None else kept)
    except PwdlibError:
        return False, None
    return (right, better) if kept is not None else (False, None)


_NOBODYS: Final = hashed("a password that nobody has")
"""Made with the module, so that the first name that does not exist takes no longer than one that does."""
