"""What is followed in memory: read at once, by a thread, through an outage; and the bell that needs Redis."""

from __future__ import annotations

import gc
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from vfr.adapters.database.bell import RedisBell
from vfr.adapters.database.follower import Follower
from vfr.errors import DataError


class Source:
    """Something to follow: a number that changes, behind a database that may be away."""

    def __init__(self) -> None:
        self.value, self.away, self.reads = 1, False, 0

    def __call__(self, known: tuple[int] | None) -> tuple[int]:
        self.reads += 1
        if self.away:
            raise DataError("VFR_DATABASE_URL: away")
        return known if known == (self.value,) else (self.value,)


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


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


def test_the_thread_ends_when_nobody_holds_the_follower() -> None:
    follower = Follower("forgotten", Source())
    follower.start()
    del follower
    gc.collect()
    assert until(lambda: "forgotten" not in {thread.name for thread in threading.enumerate()})


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def redis_port() -> Iterator[int]:
    """A Redis server of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("needs redis-server on the path")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(  # noqa: S603 - the program of the tests
        [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL
    )
    assert until(lambda: listens(port))
    yield port
    server.kill()
    server.wait()


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
