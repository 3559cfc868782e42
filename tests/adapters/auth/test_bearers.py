"""Remembered tokens: verified once, and looked up anew wherever accounts moved on."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from vfr.accounts.keys import ApiKey, digest_of, key_id, key_text
from vfr.accounts.standing import Standing, VerifyingKey
from vfr.accounts.tokens import ACCESS_S, LEEWAY_S, Claims
from vfr.accounts.users import User
from vfr.adapters.auth.bearers import Bearers
from vfr.adapters.auth.signatures import public_of, sign, verify
from vfr.errors import TokenRefused

NOW = 1_000_000.0
PRIVATE = bytes(range(32))
USER = User("u1", "jane", "premium", frozenset({"classic", "ml"}), False, 0.0, 0)
STANDING = Standing(1, {"u1": USER}, verifying={"k": VerifyingKey("k", public_of(PRIVATE), None)})


def token(number: int = 0) -> str:
    claims = Claims("u1", "f1", 0, frozenset({"classic", "ml"}), f"t{number}", int(NOW), int(NOW) + ACCESS_S)
    return sign(claims, "k", PRIVATE)


class Counted:
    def __init__(self) -> None:
        self.times = 0

    def __call__(self, text: str, standing: Standing, now: float) -> tuple[Claims, str]:
        self.times += 1
        return verify(text, standing, now)


@pytest.fixture
def counted() -> Counted:
    return Counted()


@pytest.fixture
def bearers(counted: Counted) -> Bearers:
    return Bearers(counted, size=4)


def test_a_token_is_verified_once(bearers: Bearers, counted: Counted) -> None:
    text = token()
    found = [bearers.principal(text, STANDING, NOW + k) for k in range(100)]
    assert counted.times == 1
    assert all(one is found[0] for one in found)
    assert (found[0].subject, found[0].tier) == ("u1", "premium")


def test_a_remembered_token_expires(bearers: Bearers) -> None:
    text = token()
    bearers.principal(text, STANDING, NOW)
    bearers.principal(text, STANDING, NOW + ACCESS_S + LEEWAY_S - 1)
    for _ in range(2):
        with pytest.raises(TokenRefused):
            bearers.principal(text, STANDING, NOW + ACCESS_S + LEEWAY_S)


@pytest.mark.parametrize(
    "later",
    [
        replace(STANDING, users={}),
        replace(STANDING, users={"u1": replace(USER, disabled=True)}),
        replace(STANDING, users={"u1": replace(USER, generation=1)}),
        replace(STANDING, ended=frozenset({"f1"})),
        replace(STANDING, verifying={"k": VerifyingKey("k", public_of(PRIVATE), NOW)}),
        replace(STANDING, verifying={}),
    ],
)
def test_what_is_revoked_is_refused_although_it_is_remembered(
    bearers: Bearers, counted: Counted, later: Standing
) -> None:
    text = token()
    bearers.principal(text, STANDING, NOW)
    for _ in range(2):
        with pytest.raises(TokenRefused):
            bearers.principal(text, later, NOW)
    assert counted.times == 1
    assert bearers.principal(text, STANDING, NOW).subject == "u1"


def test_a_change_of_scopes_and_tier_is_in_force_at_once(bearers: Bearers, counted: Counted) -> None:
    text = token()
    bearers.principal(text, STANDING, NOW)
    later = replace(STANDING, users={"u1": replace(USER, scopes=frozenset({"classic"}), tier="free")})
    found = bearers.principal(text, later, NOW)
    assert (found.scopes, found.tier) == ({"classic"}, "free")
    assert counted.times == 1


def test_a_refused_token_is_not_remembered(bearers: Bearers, counted: Counted) -> None:
    for _ in range(3):
        with pytest.raises(TokenRefused):
            bearers.principal("a.b.c", STANDING, NOW)
    assert counted.times == 3


def test_memory_is_bounded_and_the_least_used_goes_first(bearers: Bearers, counted: Counted) -> None:
    texts = [token(k) for k in range(5)]
    for text in texts[:4]:
        bearers.principal(text, STANDING, NOW)
    bearers.principal(texts[0], STANDING, NOW)
    bearers.principal(texts[4], STANDING, NOW)
    assert counted.times == 5
    bearers.principal(texts[0], STANDING, NOW)
    assert counted.times == 5
    bearers.principal(texts[1], STANDING, NOW)
    assert counted.times == 6
    assert len(bearers._known) == 4


def test_many_threads_at_once() -> None:
    bearers, texts = Bearers(verify, size=3), [token(k) for k in range(6)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda k: bearers.principal(texts[k % 6], STANDING, NOW).subject, range(600)))
    assert set(found) == {"u1"}


def test_tokens_of_machines_and_their_last_use(bearers: Bearers, counted: Counted) -> None:
    text = key_text(bytes(32))
    key = ApiKey(key_id(text), "ci", frozenset({"ml"}), "free", None, 0.0, None, None, False)
    standing = replace(STANDING, keys={digest_of(text): key})
    assert bearers.principal(text, standing, NOW).subject == key.id
    bearers.principal(text, standing, NOW + 5)
    assert bearers.used() == {key.id: NOW + 5}
    assert bearers.used() == {}
    for wrong in (text[:-1], text + "x", "vfr_", "vfr_" + "x" * 10_000):
        with pytest.raises(TokenRefused):
            bearers.principal(wrong, standing, NOW)
    assert counted.times == 0
