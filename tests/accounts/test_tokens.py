"""Claims, who holds a token where accounts stand, and how long somebody waits who fails to sign in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.accounts.keys import ApiKey, checked_label, digest_of, key_id, key_text
from vfr.accounts.lockout import BY_ADDRESS, BY_NAME, FORGOTTEN_S, Failures, counter_of
from vfr.accounts.standing import Standing, VerifyingKey
from vfr.accounts.tokens import ACCESS_S, LEEWAY_S, Claims
from vfr.accounts.users import User
from vfr.errors import InvalidField, TokenRefused

NOW = 1_000_000.0
CLAIMS = Claims("u1", "f1", 2, frozenset({"classic", "ml"}), "t1", 1_000_000, 1_000_000 + ACCESS_S)
USER = User("u1", "jane", "premium", frozenset({"classic", "ml", "risk"}), False, 0.0, 2)
TEXT = key_text(bytes(range(32)))
KEY = ApiKey("vfr_AAECAwQF", "ci", frozenset({"ml", "admin"}), "free", None, 0.0, None, None, False)


def test_claims_come_back() -> None:
    assert Claims.parse(CLAIMS.payload(), NOW) == CLAIMS


@pytest.mark.parametrize(
    "change",
    [
        {"iss": "other"},
        {"iss": ["vfr"]},
        {"aud": "other"},
        {"aud": ["vfr-api"]},
        {"aud": None},
        {"sub": None},
        {"sub": 7},
        {"fam": None},
        {"gen": True},
        {"gen": "2"},
        {"gen": 2.0},
        {"scope": ["ml"]},
        {"jti": None},
        {"exp": None},
        {"exp": "2000000"},
        {"exp": 1e12},
        {"exp": int(NOW) - LEEWAY_S},
        {"nbf": int(NOW) + LEEWAY_S + 1},
        {"iat": int(NOW) + LEEWAY_S + 1},
    ],
)
def test_other_claims_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        Claims.parse({**CLAIMS.payload(), **change}, NOW)


@pytest.mark.parametrize("name", CLAIMS.payload())
def test_every_claim_is_needed(name: str) -> None:
    payload = CLAIMS.payload()
    del payload[name]
    with pytest.raises(TokenRefused):
        Claims.parse(payload, NOW)


def test_scopes_that_do_not_exist_are_worth_nothing() -> None:
    assert Claims.parse({**CLAIMS.payload(), "scope": "root ml ADMIN"}, NOW).scopes == {"ml"}


def standing(**changes: Any) -> Standing:
    made = Standing(1, {"u1": USER}, {digest_of(TEXT): KEY}, frozenset(), {"k": VerifyingKey("k", b"p", None)})
    return replace(made, **changes)


def test_a_bearer_has_the_scopes_of_both_and_the_tier_of_the_user() -> None:
    found = standing().bearer(CLAIMS)
    assert (found.subject, found.tier, found.limited) == ("u1", "premium", True)
    assert found.scopes == {"classic", "ml"}
    less = standing(users={"u1": replace(USER, scopes=frozenset({"classic"}), tier="free")}).bearer(CLAIMS)
    assert (less.scopes, less.tier) == ({"classic"}, "free")


@pytest.mark.parametrize(
    "changes",
    [
        {"users": {}},
        {"users": {"u1": replace(USER, disabled=True)}},
        {"users": {"u1": replace(USER, generation=3)}},
        {"ended": frozenset({"f1"})},
    ],
)
def test_what_revokes_a_bearer(changes: dict[str, Any]) -> None:
    with pytest.raises(TokenRefused):
        standing(**changes).bearer(CLAIMS)


def test_a_token_of_a_newer_password_than_is_known_yet_is_good() -> None:
    assert standing().bearer(replace(CLAIMS, generation=3)).subject == "u1"


def test_a_machine() -> None:
    found, key = standing().machine(digest_of(TEXT), NOW)
    assert (found.subject, found.scopes, found.tier, key) == (KEY.id, {"ml", "admin"}, "free", KEY)
    owned = {digest_of(TEXT): replace(KEY, user="u1")}
    found, _ = standing(keys=owned).machine(digest_of(TEXT), NOW)
    assert (found.subject, found.scopes, found.tier) == ("u1", {"ml"}, "premium")


@pytest.mark.parametrize(
    ("key", "users"),
    [
        (None, {}),
        (replace(KEY, revoked=True), {}),
        (replace(KEY, expires_at=NOW), {}),
        (replace(KEY, user="u1"), {}),
        (replace(KEY, user="u1"), {"u1": replace(USER, disabled=True)}),
    ],
)
def test_what_revokes_a_machine(key: ApiKey | None, users: dict[str, User]) -> None:
    keys = {} if key is None else {digest_of(TEXT): key}
    with pytest.raises(TokenRefused):
        standing(keys=keys, users=users).machine(digest_of(TEXT), NOW)


@pytest.mark.parametrize("kid", ["other", "../k", "' OR 1=1 --", "", None, 7, ["k"], {"k": 1}])
def test_keys_are_looked_up_among_our_own_only(kid: object) -> None:
    with pytest.raises(TokenRefused):
        standing().public_key(kid, NOW)


def test_a_retired_key_verifies_until_its_moment() -> None:
    until = standing(verifying={"k": VerifyingKey("k", b"p", NOW + 1)})
    assert until.public_key("k", NOW).kid == "k"
    with pytest.raises(TokenRefused):
        until.public_key("k", NOW + 1)


def test_the_text_of_a_key() -> None:
    assert TEXT.startswith(key_id(TEXT))
    assert key_id(TEXT).startswith("vfr_")
    assert len(TEXT) == 4 + 43
    with pytest.raises(ValueError, match="32 random bytes"):
        key_text(b"short")
    assert checked_label(" nightly job ") == "nightly job"
    for wrong in ("", " ", "x" * 65, "ü", "a\nb"):
        with pytest.raises(InvalidField, match=r"^label: "):
            checked_label(wrong)


def test_waiting_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten() -> None:
    failures, waits = Failures(), []
    for _ in range(20):
        failures = failures.more(NOW)
        waits.append(failures.wait(BY_NAME, NOW))
    assert waits[:9] == [0, 0, 0, 0, 1, 2, 4, 8, 16]
    assert waits[-1] == 900
    assert failures.wait(BY_NAME, NOW + 899) == 1
    assert failures.wait(BY_NAME, NOW + 900) == 0
    assert failures.more(NOW + FORGOTTEN_S).count == 1
    assert Failures(19, NOW).wait(BY_ADDRESS, NOW) == 0
    assert Failures(20, NOW).wait(BY_ADDRESS, NOW) == 1


@given(st.integers(0, 10**9), st.floats(0, 1e10), st.floats(0, 1e10))
def test_nobody_waits_longer_than_a_quarter_of_an_hour_from_the_last_failure(count: int, at: float, now: float) -> None:
    wait = Failures(count, at).wait(BY_NAME, now)
    assert wait >= 0
    assert now + wait <= max(now, at + 900) + 1e-3


def test_counters_hold_nothing_of_what_was_typed() -> None:
    assert counter_of("name", "Jane") == counter_of("name", "jane") != counter_of("address", "jane")
    assert "jane" not in counter_of("name", "jane")
    assert len(counter_of("name", "x" * 10_000 + "\udcff")) == 40
