"""Users, tokens for machines and signing keys, on both databases: what is kept, what others see, what is logged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, text

from vfr.accounts.keys import ApiKey, digest_of, key_id, key_text
from vfr.accounts.standing import Standing
from vfr.accounts.store import AccountChange
from vfr.accounts.tokens import ACCESS_S
from vfr.accounts.users import User
from vfr.adapters.database.accounts import SqlAccounts
from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.signing_keys import SealedKey, SqlSigningKeys
from vfr.adapters.database.tables import API_KEYS, USERS
from vfr.errors import DataError, InvalidField, UnknownAccount

JANE = User("u1", "Jane", "premium", frozenset({"classic", "ml"}), False, 1.0, 0)
TEXT = key_text(bytes(32))
KEY = ApiKey(key_id(TEXT), "ci", frozenset({"ml"}), "free", None, 2.0, None, None, False)


@pytest.fixture
def store(engine: Engine) -> SqlAccounts:
    return SqlAccounts(engine)


def test_a_user_comes_back(store: SqlAccounts) -> None:
    store.add_user(JANE, "hash", "test")
    assert store.user_named("JANE") == store.user("u1") == JANE
    assert store.users(10) == [JANE]
    assert store.standing(None, 0.0).users == {"u1": JANE}


def test_names_are_unique_whatever_their_case(store: SqlAccounts) -> None:
    store.add_user(JANE, "hash", "test")
    with pytest.raises(InvalidField, match=r"^name: "):
        store.add_user(replace(JANE, id="u2", name="jANE"), "hash", "test")
    assert len(store.users(10)) == 1
    assert [row.action for row in store.changes(10)] == ["user added"]


def test_one_of_many_gets_a_name(store: SqlAccounts) -> None:
    def add(k: int) -> bool:
        try:
            store.add_user(replace(JANE, id=f"u{k}"), "hash", "test")
        except InvalidField:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1


def test_the_standing_is_the_same_object_until_something_changes(store: SqlAccounts) -> None:
    first = store.standing(None, 0.0)
    assert store.standing(first, 0.0) is first
    assert first.revision == 0
    store.add_user(JANE, "hash", "test")
    second = store.standing(first, 0.0)
    assert second.revision == 1
    assert store.standing(second, 0.0) is second


def test_changes_of_a_user(store: SqlAccounts) -> None:
    store.add_user(JANE, "hash", "test")
    assert store.change_user("u1", AccountChange(disabled=True), "test", 2.0).disabled
    changed = store.change_user("u1", AccountChange(tier="free", scopes=frozenset({"classic"})), "test", 3.0)
    assert (changed.tier, changed.scopes, changed.disabled, changed.generation) == ("free", {"classic"}, True, 0)
    changed = store.change_user("u1", AccountChange(disabled=False, password_hash="other"), "ops", 4.0)
    assert (changed.disabled, changed.generation) == (False, 1)
    assert store.change_user("u1", AccountChange(), "test", 5.0) == changed
    assert store.standing(None, 0.0).users == {"u1": changed}
    assert store.standing(None, 0.0).revision == 4
    assert [(row.who, row.detail) for row in store.changes(10)] == [
        ("ops", "enabled; new password"),
        ("test", "tier free; scopes classic"),
        ("test", "disabled"),
        ("test", "premium: classic ml"),
    ]


def test_pages(store: SqlAccounts) -> None:
    for k, name in enumerate(("b", "A", "c")):
        store.add_user(replace(JANE, id=f"u{k}", name=name), "hash", "test")
    assert [user.name for user in store.users(2)] == ["A", "b"]
    assert [user.name for user in store.users(2, "b")] == ["c"]
    newest = store.changes(2)
    assert [row.subject for row in newest] == ["c", "A"]
    assert [row.subject for row in store.changes(2, newest[-1].sequence)] == ["b"]


def test_a_deleted_user_takes_its_tokens_along(store: SqlAccounts) -> None:
    store.add_user(JANE, "hash", "test")
    store.add_key(replace(KEY, user="u1"), digest_of(TEXT), "test")
    assert store.delete_user("u1", "test", 3.0) == JANE
    assert store.standing(None, 0.0).keys == {}
    assert store.users(10) == []
    store.add_user(replace(JANE, id="u9"), "hash", "test")


def test_unknown_accounts(store: SqlAccounts) -> None:
    for call in (
        lambda: store.user("u9"),
        lambda: store.user_named("nobody"),
        lambda: store.delete_user("u9", "test", 1.0),
        lambda: store.change_user("u9", AccountChange(disabled=True), "test", 1.0),
        lambda: store.revoke_key("vfr_AAAAAAAA", "test", 1.0),
        lambda: store.add_key(replace(KEY, user="u9"), "d" * 64, "test"),
    ):
        with pytest.raises(UnknownAccount):
            call()
    assert store.changes(10) == []
    assert store.standing(None, 0.0).revision == 0


def test_tokens_for_machines(store: SqlAccounts) -> None:
    store.add_key(KEY, digest_of(TEXT), "test")
    assert store.standing(None, 0.0).keys == {digest_of(TEXT): KEY}
    store.used_keys([(KEY.id, 50.0)])
    store.used_keys([(KEY.id, 40.0), ("vfr_gone", 40.0)])
    assert store.keys(10) == [replace(KEY, last_used_at=50.0)]
    revoked = store.revoke_key(KEY.id, "test", 60.0)
    assert revoked.revoked
    assert store.standing(None, 0.0).keys[digest_of(TEXT)].revoked
    assert store.keys(10, KEY.id) == []


def test_secrets_are_nowhere_in_the_database(store: SqlAccounts) -> None:
    store.add_key(KEY, digest_of(TEXT), "test")
    with transaction(store.engine, reads=True) as connection:
        rows = [tuple(row) for row in connection.execute(select(API_KEYS))] + [
            tuple(row) for row in connection.execute(select(USERS))
        ]
    assert TEXT not in str(rows)


def test_signing_keys(engine: Engine, store: SqlAccounts) -> None:
    keys = SqlSigningKeys(engine)
    assert keys.signing() is None
    one, two, three = (SealedKey(kid, bytes([k]) * 32, b"sealed") for k, kid in enumerate(("one", "two", "three")))
    keys.rotate(one, None, 100.0)
    assert keys.signing() == one
    keys.rotate(two, "test", 200.0)
    assert keys.signing() == two
    found = store.standing(None, 0.0).verifying
    assert found["two"].until is None
    assert 200 + ACCESS_S < (found["one"].until or 0) <= 200 + ACCESS_S + 60
    keys.rotate(three, "test", 300.0, at_once=True)
    found = store.standing(None, 0.0).verifying
    assert [found[kid].until for kid in ("one", "two", "three")] == [300.0, 300.0, None]
    assert [row.detail for row in store.changes(1)] == ["at once"]


def test_old_keys_are_forgotten(engine: Engine, store: SqlAccounts) -> None:
    keys = SqlSigningKeys(engine)
    for k in range(4):
        keys.rotate(SealedKey(f"k{k}", bytes(32), b"sealed"), None, 10_000.0 * k)
    assert set(store.standing(None, 0.0).verifying) == {"k2", "k3"}


def test_another_process_sees_a_change(database_url: str, store: SqlAccounts) -> None:
    other = SqlAccounts(open_engine(database_url))
    known: Standing = other.standing(None, 0.0)
    store.add_user(JANE, "hash", "test")
    assert other.standing(known, 0.0).users == {"u1": JANE}
    other.engine.dispose()


def test_a_database_that_is_away_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "away.db").mkdir()
    away = SqlAccounts(open_engine(f"sqlite:///{tmp_path / 'away.db'}"))
    with pytest.raises(DataError, match="VFR_DATABASE_URL"):
        away.standing(None, 0.0)


SWAPPED = """UPDATE account_audit SET sequence = CASE sequence WHEN 2 THEN -3 ELSE -2 END WHERE sequence IN (2, 3);
UPDATE account_audit SET sequence = -sequence WHERE sequence < 0"""

TAMPERING = {
    "who": ("UPDATE account_audit SET who = 'eve' WHERE sequence = 1", "row 1 was changed"),
    "what": ("UPDATE account_audit SET action = 'token created' WHERE sequence = 2", "row 2 was changed"),
    "when": ("UPDATE account_audit SET at = at + 1 WHERE sequence = 3", "row 3 was changed"),
    "a row is gone": ("DELETE FROM account_audit WHERE sequence = 2", "before row 3"),
    "the first row is gone": ("DELETE FROM account_audit WHERE sequence = 1", "before row 2"),
    "the last row is gone": ("DELETE FROM account_audit WHERE sequence = 4", "4 changes were made and 3 rows are left"),
    "a row was moved": ("UPDATE account_audit SET sequence = 9 WHERE sequence = 2", "row 9 was changed"),
    "two rows change places": (SWAPPED, "before row 2"),
    "a row is made up": (
        "INSERT INTO account_audit VALUES (5, 9.0, 'ana', 'user added', 'eve', '', 'p', 'h')",
        "before row 5",
    ),
    "all of the log": ("DELETE FROM account_audit", "4 changes were made and 0 rows are left"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_whoever_tampers_with_the_log_is_seen(store: SqlAccounts, what: str) -> None:
    statements, problem = TAMPERING[what]
    store.add_user(JANE, "hash", "ana")
    store.change_user("u1", AccountChange(tier="free"), "ben", 15)
    store.add_key(KEY, digest_of(TEXT), "ana")
    store.revoke_key(KEY.id, "ana", 2.5)
    assert store.problems() == ()
    with transaction(store.engine) as connection:
        for statement in statements.split(";"):
            connection.execute(text(statement))
    assert any(problem in found for found in store.problems()), store.problems()


def test_many_changes_at_once_make_one_chain(store: SqlAccounts) -> None:
    keys = SqlSigningKeys(store.engine)

    def change(k: int) -> None:
        if k % 3:
            store.add_user(replace(JANE, id=f"u{k}", name=f"n{k}"), "hash", "test")
        else:
            keys.rotate(SealedKey(f"k{k}", b"p", b"s"), "test", float(k))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(24)))
    assert [row.sequence for row in store.changes(99)] == list(range(24, 0, -1))
    assert store.problems() == ()


def test_a_change_that_is_refused_leaves_no_gap(store: SqlAccounts) -> None:
    store.add_user(JANE, "hash", "test")
    with pytest.raises(InvalidField):
        store.add_user(replace(JANE, id="u2"), "hash", "test")
    store.delete_user("u1", "test", 3.0)
    assert [row.sequence for row in store.changes(9)] == [2, 1]
    assert store.problems() == ()
