"""What is followed in memory: read at once, by a thread, through an outage; and the bell that needs Redis."""

from __future__ import annotations

import gc
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
import structlog
from sqlalchemy import update
from tests.adapters.database.conftest import until

from vfr.adapters.database.account_rows import changed
from vfr.adapters.database.bell import RedisBell
from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.follower import Follower
from vfr.adapters.database.tables import API_KEYS
from vfr.bootstrap.accounts import AccountDesk
from vfr.errors import DataError, TokenRefused
from vfr.settings import Settings


class Source:
    """Something to follow: a number that changes, behind a database that may be away."""

    def __init__(self) -> None:
        self.value, self.away, self.reads = 1, False, 0
        self.error: Exception | None = None

    def __call__(self, known: tuple[int] | None) -> tuple[int]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        if self.away:
            raise DataError("VFR_DATABASE_URL: away")
        return known if known == (self.value,) else (self.value,)


def test_nothing_is_known_before_the_first_look_and_the_last_look_holds_through_an_outage() -> None:
    source = Source()
    follower = Follower("test", source)
    assert follower.known is None
    source.away = True
    assert follower.look() is None
    source.away = False
    assert follower.look() == (1,)
    source.away, source.value = True, 2
    assert follower.look() == (1,)
    source.away = False
    assert follower.look() == (2,)


def test_the_same_object_stays_while_nothing_changes() -> None:
    follower = Follower("test", Source())
    assert follower.look() is follower.look()


def test_a_thread_follows_and_ends() -> None:
    source = Source()
    follower = Follower("followed", source)
    follower.start()
    follower.start()
    assert [thread.name for thread in threading.enumerate()].count("followed") == 1
    source.value = 7
    assert until(lambda: follower.known == (7,))
    follower.close()
    assert until(lambda: "followed" not in {thread.name for thread in threading.enumerate()})


def test_nothing_that_goes_wrong_ends_the_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source()
    follower = Follower("steadfast", source)
    follower.start()
    assert until(lambda: follower.known == (1,))
    reader, writer = os.pipe()
    os.close(reader)
    deaf = structlog.PrintLogger(os.fdopen(writer, "w", buffering=1))  # Whoever read the log has gone.
    structlog.configure(logger_factory=lambda: deaf)
    try:
        source.error = PermissionError("the data home cannot be made")
        reads = source.reads
        assert until(lambda: source.reads > reads)
        source.error, source.value = None, 2
        assert until(lambda: follower.known == (2,))
    finally:
        structlog.reset_defaults()
        follower.close()
        with suppress(OSError):
            deaf._file.close()  # What its buffer holds goes nowhere.


def test_the_thread_ends_when_nobody_holds_the_follower() -> None:
    follower = Follower("forgotten", Source())
    follower.start()
    del follower
    gc.collect()
    assert until(lambda: "forgotten" not in {thread.name for thread in threading.enumerate()})


def test_a_bell_wakes_every_follower_at_once(redis_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.database.follower.EVERY_S", 30.0)
    url, source = f"redis://127.0.0.1:{redis_port}/0", Source()
    followers = [Follower(f"bell-{k}", source, bell=RedisBell(url, "test")) for k in range(2)]
    for follower in followers:
        follower.start()
    assert until(lambda: source.reads >= 2)
    source.value = 5
    ringing = RedisBell(url, "test")

    def seen() -> bool:
        ringing.ring()
        return all(follower.known == (5,) for follower in followers)

    assert until(seen)
    for follower in followers:
        follower.close()
    ringing.ring()


def test_a_bell_without_redis_waits_and_says_nothing() -> None:
    bell = RedisBell("redis://127.0.0.1:1/0", "test")
    started = time.monotonic()
    bell.wait(0.05)
    bell.wait(0.05)
    bell.ring()
    assert 0.09 <= time.monotonic() - started < 5


def test_accounts_are_followed_at_once_where_there_is_redis(
    redis_port: int, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfr.adapters.database.follower.EVERY_S", 30.0)
    settings = Settings(
        data_home=tmp_path, database_url=database_url, redis_url=f"redis://127.0.0.1:{redis_port}/0", secret="s" * 32
    )
    here, there = AccountDesk(settings), AccountDesk(settings)
    there.callers.follow(5.0)
    assert there.callers.has_users() is False
    user = here.add_user("jane", "four words, easily kept", "free", (), "test")

    def seen() -> bool:
        here.callers.changed()  # Rung again: the other may not have listened yet.
        return there.callers.has_users() is True

    assert until(seen)
    token = here.sign_in("jane", "four words, easily kept", "192.0.2.1").access_token
    assert there.callers.holder(token).subject == user.id
    here.change_user(user, "test", disabled=True)

    def refused() -> bool:
        try:
            there.callers.holder(token)
        except TokenRefused:
            return True
        return False

    assert until(refused)
    here.callers.close()
    there.callers.close()


def test_a_database_that_is_busy_with_others_holds_up_no_revocation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfr.bootstrap.callers._USED_EVERY_S", 0.0)
    desk = AccountDesk(Settings(data_home=tmp_path))
    key, text = desk.create_key("job", "test", tier="free", scopes=(), user=None, days=None)
    other = open_engine(Settings(data_home=tmp_path).database)

    def refused() -> bool:
        try:
            desk.callers.holder(text)
        except TokenRefused:
            return True
        return False

    with transaction(other) as writer:
        assert not until(refused, 0.6)  # Its use waits to be written.
        writer.execute(update(API_KEYS).where(API_KEYS.c.id == key.id).values(revoked=True))
        changed(writer, "token revoked", key.id, 1.0)
    with transaction(other):
        assert until(refused, 2.0)
    desk.callers.close()
    other.dispose()
