"""Argon2id: right and wrong, nobody's, damaged hashes and better settings."""

from __future__ import annotations

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from vfr.adapters.auth import passwords
from vfr.adapters.auth.passwords import hashed, verified


def test_right_and_wrong() -> None:
    kept = hashed("four words, easily kept")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verified("four words, easily kept", kept) == (True, None)
    assert verified("four words, easily kepT", kept) == (False, None)
    assert hashed("four words, easily kept") != kept


def test_an_old_setting_gives_a_better_hash() -> None:
    old = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1),)).hash("four words, easily kept")
    right, better = verified("four words, easily kept", old)
    assert right
    assert better is not None
    assert verified("four words, easily kept", better) == (True, None)
    assert verified("wrong", old) == (False, None)


@pytest.mark.parametrize("kept", ["", "x", "$argon2id$v=19$m=19456,t=2,p=1$broken", "$2b$12$abcdefghijklmnopqrstuv"])
def test_a_damaged_hash_lets_nobody_in(kept: str) -> None:
    assert verified("four words, easily kept", kept) == (False, None)


def test_for_nobody_a_hash_is_computed_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    computed = []

    class Counting:
        def verify_and_update(self, password: str, kept: str) -> tuple[bool, str | None]:
            computed.append(kept)
            return PasswordHash((Argon2Hasher(time_cost=2, memory_cost=19_456, parallelism=1),)).verify_and_update(
                password, kept
            )

        def hash(self, password: str) -> str:
            return hashed(password)

    kept = passwords._NOBODYS
    monkeypatch.setattr(passwords, "_HASHER", Counting())
    assert verified("whatever it is", None) == (False, None)
    assert verified("a password that nobody has", None) == (False, None)
    assert computed == [kept, kept]
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
