"""Names, passwords, tiers and scopes: what is taken and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.accounts.principal import SCOPES
from vfr.accounts.users import (
    DEFAULT_SCOPES,
    TIER_NAMES,
    checked_name,
    checked_password,
    checked_scopes,
    checked_tier,
    normalised,
)
from vfr.errors import InvalidField


@pytest.mark.parametrize("name", ["a", "jane", "Jane.Doe", "jane@example.org", "a-b_c+d.e", "7", "x" * 64])
def test_names(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", " jane", "jane ", ".jane", "jane.", "a b", "jäne", "x" * 65, "a\nb", "a\0b", "../etc", "a'--", "ja/ne"],
)
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidField, match=r"^name: "):
        checked_name(name)


@pytest.mark.parametrize(
    "password",
    ["four words, easily kept", "correct horse battery staple", "Tr0ub4dor&3xy!", "kq8-ZpL2#vTn", "пароль длинный один",
     "x9" * 3 + "vbnhj8"],
)  # fmt: skip
def test_passwords(password: str) -> None:
    assert checked_password(password, "jane") == normalised(password)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "x" * 129,
        "four words,\neasily kept",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijklmnop",
        "12345678901234567890",
        "Password12345!",
        "P@ssw0rd2024",
        "passwordpassword",
        "qwerty123456789",
        "letmein!!letmein",
        "Welcome2024!!!",
        "admin-admin-admin",
        "abababababababab",
        "jane.miller-jane.miller",
        "jane.miller2024",
        "            ",
    ],
)
def test_passwords_that_are_refused(password: str) -> None:
    with pytest.raises(InvalidField, match=r"^password: ") as caught:
        checked_password(password, "jane.miller")
    assert password not in caught.value.message


def test_the_same_password_from_another_keyboard() -> None:
    assert checked_password("caf\u00e9 au lait, deux", "x") == checked_password("cafe\u0301 au lait, deux", "x")


@given(st.text(max_size=200), st.text(max_size=64))
def test_a_password_is_taken_as_it_is_hashed_or_refused_by_name(password: str, name: str) -> None:
    try:
        taken = checked_password(password, name)
    except InvalidField:
        taken = "refused with a sentence"
    else:
        assert 12 <= len(taken) <= 128
    assert normalised(taken) == taken


def test_tiers_and_scopes() -> None:
    assert {checked_tier(name) for name in TIER_NAMES} == set(DEFAULT_SCOPES)
    for tier in TIER_NAMES:
        assert ("admin" in DEFAULT_SCOPES[tier]) is (tier == "admin")
        assert checked_scopes((), tier) == DEFAULT_SCOPES[tier]
    assert checked_scopes(SCOPES, "free") == set(SCOPES)
    for wrong in (("root",), ("ml", "root"), ("ML",), ("",)):
        with pytest.raises(InvalidField, match=r"^scopes: "):
            checked_scopes(wrong, "free")
    for wrong in ("gold", "", "FREE"):
        with pytest.raises(InvalidField, match=r"^tier: "):
            checked_tier(wrong)
