"""Sign-ins on both databases: refresh tokens of one use, families that end, failures that are counted at once."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy import Engine, func, select

from vfr.accounts.lockout import FORGOTTEN_S, Patience
from vfr.accounts.store import AccountChange, Family
from vfr.accounts.tokens import REFRESH_S, Claims
from vfr.accounts.users import User
from vfr.adapters.database.accounts import SqlAccounts
from vfr.adapters.database.engine import transaction
from vfr.adapters.database.sign_ins import SqlSignIns
from vfr.adapters.database.tables import LOGIN_FAILURES, REFRESH_TOKENS, TOKEN_FAMILIES
from vfr.errors import BadCredentials, TokenRefused
from vfr.workflows.sign_in import SignIns

JANE = User("u1", "jane", "premium", frozenset({"ml"}), False, 1.0, 0)
FAMILY = Family("f1", "u1", 0, 1_000.0)
STRICT = Patience(3)


@pytest.fixture
def users(engine: Engine) -> SqlAccounts:
    store = SqlAccounts(engine)
    store.add_user(JANE, "hash", "test")
    return store


@pytest.fixture
def store(users: SqlAccounts) -> SqlSignIns:
    made = SqlSignIns(users.engine)
    made.open_family(FAMILY, "first", 10.0)
    return made


def test_credentials(store: SqlSignIns) -> None:
    assert store.credentials("JANE") == (JANE, "hash")
    assert store.credentials("jane' OR '1'='1") is None
    store.keep_hash("u1", "hash", "better")
    assert store.credentials("jane") == (JANE, "better")


def test_a_better_hash_of_the_password_before_is_not_kept(store: SqlSignIns, users: SqlAccounts) -> None:
    users.change_user("u1", AccountChange(password_hash="new"), "test", 15.0)
    store.keep_hash("u1", "hash", "better hash of the old one")
    found = store.credentials("jane")
    assert found is not None
    assert found[1] == "new"


def test_each_refresh_token_gives_the_next(store: SqlSignIns) -> None:
    assert store.use("first", "second", 20.0) == (FAMILY, JANE)
    assert store.use("second", "third", 30.0) == (FAMILY, JANE)


def test_used_again_a_refresh_token_ends_its_family(store: SqlSignIns, users: SqlAccounts) -> None:
    store.use("first", "second", 20.0)
    with pytest.raises(TokenRefused):
        store.use("first", "stolen", 30.0)
    with pytest.raises(TokenRefused):
        store.use("second", "third", 40.0)
    assert users.standing(None, 40.0).ended == {"f1"}
    assert users.changes(1)[0].action == "refresh token used again"


def test_of_many_at_once_exactly_one_wins(store: SqlSignIns, users: SqlAccounts) -> None:
    def use(k: int) -> bool:
        try:
            store.use("first", f"next-{k}", 20.0)
        except TokenRefused:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(use, range(8))) == 1
    assert users.standing(None, 20.0).ended == {"f1"}
    with transaction(users.engine, reads=True) as connection:
        assert connection.execute(select(func.count()).select_from(REFRESH_TOKENS)).scalar_one() == 2


def test_a_user_is_deleted_while_its_tokens_are_used(users: SqlAccounts) -> None:
    store = SqlSignIns(users.engine)

    def use(digest: str) -> None:
        with suppress(TokenRefused):
            store.use(digest, f"{digest}-next", 20.0)

    for k in range(10):
        users.add_user(replace(JANE, id=f"v{k}", name=f"jane{k}"), "hash", "test")
        digests = [f"{k}-{n}" for n in range(4)]
        for digest in digests:
            store.open_family(Family(digest, f"v{k}", 0, 1_000.0), digest, 10.0)
        with ThreadPoolExecutor(5) as pool:
            done = [pool.submit(use, digest) for digest in digests]
            done.append(pool.submit(users.delete_user, f"v{k}", "test", 20.0))
        for one in done:
            one.result()


@pytest.mark.parametrize("change", [AccountChange(disabled=True), AccountChange(password_hash="other")])
def test_what_voids_a_refresh_token(store: SqlSignIns, users: SqlAccounts, change: AccountChange) -> None:
    users.change_user("u1", change, "test", 15.0)
    with pytest.raises(TokenRefused):
        store.use("first", "second", 20.0)


def test_time_ends_a_family_and_the_next_sign_in_forgets_it(store: SqlSignIns, users: SqlAccounts) -> None:
    with pytest.raises(TokenRefused):
        store.use("first", "second", 1_000.0)
    store.open_family(Family("f2", "u1", 0, 5_000.0), "other", 2_000.0)
    with transaction(users.engine, reads=True) as connection:
        assert connection.execute(select(TOKEN_FAMILIES.c.id)).scalars().all() == ["f2"]
        assert connection.execute(select(REFRESH_TOKENS.c.digest)).scalars().all() == ["other"]


def test_signing_out_by_any_token_of_the_family(store: SqlSignIns, users: SqlAccounts) -> None:
    store.use("first", "second", 20.0)
    store.end_family("first", 30.0)
    store.end_family("first", 31.0)
    store.end_family("unknown", 31.0)
    assert users.standing(None, 31.0).ended == {"f1"}
    with pytest.raises(TokenRefused):
        store.use("second", "third", 40.0)
    assert [row.action for row in users.changes(10)] == ["signed out", "user added"]


def test_a_family_that_ended_stays_ended_as_long_as_its_last_access_token_may_live(
    store: SqlSignIns, users: SqlAccounts
) -> None:
    store.use("first", "second", 990.0)
    store.end_family("second", 995.0)
    store.open_family(Family("f2", "u1", 0, 5_000.0), "other", 1_001.0)
    assert "f1" in users.standing(None, 1_002.0).ended


def test_a_name_that_no_database_takes_is_nobodys(store: SqlSignIns) -> None:
    sign_ins = SignIns(store, lambda _, kept: (kept is not None, None), str, os.urandom)
    with pytest.raises(BadCredentials):
        sign_ins.sign_in("jane\0", "right", "192.0.2.1", 10.0)


def test_an_access_token_lives_no_longer_than_its_sign_in(store: SqlSignIns) -> None:
    made: list[Claims] = []
    sign_ins = SignIns(store, lambda _, kept: (kept == "hash", None), lambda one: str(made.append(one)), os.urandom)
    pair = sign_ins.sign_in("jane", "right", "192.0.2.1", 10.0)
    assert sign_ins.refresh(pair.refresh_token, 10.0 + REFRESH_S - 60).expires_in == 60
    assert made[-1].expires_at == 10 + REFRESH_S


def test_an_ended_family_is_followed_no_longer_than_its_access_tokens_live(
    store: SqlSignIns, users: SqlAccounts
) -> None:
    store.end_family("first", 30.0)
    assert users.standing(None, 5_000.0).ended == frozenset()


def test_failures_are_counted_before_and_forgiven_after(store: SqlSignIns) -> None:
    counters = [("name", STRICT), ("address", Patience(100))]
    for _ in range(3):
        assert store.charge(counters, 100.0) == 0
    assert store.charge(counters, 100.0) == 1
    assert store.charge(counters, 100.5) == 0.5
    assert store.charge(counters, 101.0) == 0
    assert store.charge(counters, 101.0) == 2
    store.forgive("name", "address")
    assert store.charge(counters, 101.0) == 0


def test_of_many_attempts_at_once_none_is_free(store: SqlSignIns) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: store.charge([("b", STRICT), ("a", STRICT)], 100.0), range(24)))
    assert waits.count(0) == 3


def test_attempts_on_the_same_counters_in_either_order_do_not_wait_for_each_other_for_ever(store: SqlSignIns) -> None:
    def attempt(k: int) -> float:
        names = ["x", "y"] if k % 2 else ["y", "x"]
        return store.charge([(name, Patience(1_000)) for name in names], 100.0 + k * FORGOTTEN_S / 8)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(attempt, range(40))) == [0] * 40


def test_attempts_and_their_forgiveness_do_not_wait_for_each_other_for_ever(store: SqlSignIns) -> None:
    def attempt(_: int) -> float:
        wait = store.charge([("z", Patience(1_000)), ("a", Patience(1_000))], 100.0)
        store.forgive("z", "a")
        return wait

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(attempt, range(60))) == [0] * 60


def test_old_failures_are_forgotten(store: SqlSignIns) -> None:
    for k in range(5):
        store.charge([(f"n{k}", STRICT)], 100.0)
    store.charge([("now", STRICT)], 100.0 + FORGOTTEN_S)
    with transaction(store.engine, reads=True) as connection:
        assert connection.execute(select(LOGIN_FAILURES.c.counter)).scalars().all() == ["now"]
