"""Reading through: one computation per key however many ask, and none that anybody has to wait for twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tests.redis_server import until

from vfr.cache.keys import TTLS
from vfr.cache.memory import MemoryCache
from vfr.cache.protocol import Cache, Entry
from vfr.cache.read_through import Found, ReadStats, ReadThrough

TTL = TTLS["predictions"]


@dataclass
class Clock:
    ms: int = 1_000_000

    def __call__(self) -> int:
        return self.ms


@dataclass
class Making:
    """A computation that counts itself and can be held up."""

    value: str = "value"
    times: int = 0
    error: Exception | None = None
    started: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> str:
        self.times += 1
        self.started.set()
        assert self.let_go.wait(20)
        if self.error is not None:
            raise self.error
        return self.value


def done(value: str = "value") -> Making:
    making = Making(value)
    making.let_go.set()
    return making


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> MemoryCache:
    return MemoryCache(1_000_000, now=clock)


Reader = Callable[..., ReadThrough[str]]


@pytest.fixture
def reader(cache: MemoryCache, clock: Clock) -> Iterator[Reader]:
    made: list[ReadThrough[str]] = []

    def make(cache: Cache = cache, **changed: Any) -> ReadThrough[str]:
        settings: dict[str, Any] = {
            "encode": str.encode,
            "decode": bytes.decode,
            "rng": np.random.default_rng(5),
            "now": clock,
        }
        made.append(ReadThrough(cache, "predictions", **settings | changed))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_value_is_made_once_and_kept(reader: Reader) -> None:
    read, making = reader(), done()
    assert read.get("key", making, 1_000) == Found("value", "made")
    assert read.get("key", making, 1_000) == Found("value", "kept")
    assert making.times == 1
    assert read.stats() == ReadStats(kept=1, made=1)


def test_another_reader_of_the_same_cache_finds_it(reader: Reader) -> None:
    reader().get("key", done(), 1_000)
    assert reader().get("key", done("other"), 1_000) == Found("value", "kept")


def test_the_same_object_answers_while_it_is_held(reader: Reader) -> None:
    read = reader(encode=lambda value: str(value).encode(), decode=lambda raw: [raw.decode()], held=2)
    first = read.get("a", lambda: ["a"], 1_000).value
    assert read.get("a", lambda: ["a"], 1_000).value is first
    for key in ("b", "c"):
        read.get(key, lambda: ["other"], 1_000)
    later = read.get("a", lambda: ["a"], 1_000)
    assert later.origin == "kept"
    assert later.value is not first


def test_all_who_ask_at_once_share_one_computation(reader: Reader) -> None:
    read, making = reader(), Making()
    with ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(read.get, "key", making, 20_000) for _ in range(16)]
        assert making.started.wait(20)
        making.let_go.set()
        found = [one.result() for one in asked]
    assert making.times == 1
    assert {one.value for one in found} == {"value"}
    assert [one.origin for one in found].count("made") == 1


def test_other_keys_are_not_held_up(reader: Reader) -> None:
    read, making = reader(), Making()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(read.get, "slow", making, 20_000)
        assert making.started.wait(20)
        assert read.get("quick", done(), 1_000).origin == "made"
        making.let_go.set()
        assert slow.result().origin == "made"


def test_an_error_reaches_everybody_who_waits_and_is_not_kept(reader: Reader) -> None:
    read, making = reader(), Making(error=LookupError("broken"))
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(read.get, "key", making, 20_000) for _ in range(4)]
        assert making.started.wait(20)
        time.sleep(0.05)
        making.let_go.set()
        for one in asked:
            with pytest.raises(LookupError, match="broken"):
                one.result()
    assert read.get("key", done(), 1_000) == Found("value", "made")


def test_whoever_waits_has_a_deadline(reader: Reader) -> None:
    read, making = reader(), Making()
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(read.get, "key", making, 20_000)
        assert making.started.wait(20)
        with pytest.raises(TimeoutError, match="another request"):
            read.get("key", making, 20)
        making.let_go.set()
        assert slow.result().value == "value"
    assert (making.times, read.stats().timeouts) == (1, 1)


def test_a_value_that_may_not_be_kept_is_made_again(reader: Reader) -> None:
    read = reader()
    assert read.get("key", done("passing"), 1_000, lambda value: value != "passing") == Found("passing", "made")
    assert read.get("key", done("lasting"), 1_000) == Found("lasting", "made")
    assert read.get("key", done("other"), 1_000) == Found("lasting", "kept")


def test_a_value_without_bytes_answers_all_the_same(reader: Reader) -> None:
    def no_bytes(value: str) -> bytes:
        raise ValueError(value)

    read = reader(encode=no_bytes)
    assert read.get("key", done(), 1_000).value == "value"
    assert read.stats().failed == 1


def test_bytes_that_are_no_value_are_a_miss(reader: Reader, cache: MemoryCache, clock: Clock) -> None:
    cache.put("key", Entry(b"\xff", clock.ms + TTL))
    assert reader().get("key", done(), 1_000) == Found("value", "made")
    assert cache.get("key") is not None


def test_an_expired_value_is_made_again(reader: Reader, clock: Clock) -> None:
    read = reader()
    read.get("key", done("old"), 1_000)
    clock.ms += TTL
    assert read.get("key", done("new"), 1_000) == Found("new", "made")


class TestEarlyRefresh:
    """Values of which making took 1,000 ms, read shortly before they expire."""

    COST = 1_000.0

    @pytest.fixture
    def expiring(self, cache: MemoryCache, clock: Clock) -> Callable[[int], None]:
        def put(left_ms: int) -> None:
            cache.put("key", Entry(b"old", clock.ms + left_ms, self.COST))

        return put

    def test_a_value_far_from_its_expiry_is_left_alone(self, reader: Reader, expiring: Callable[[int], None]) -> None:
        expiring(60 * int(self.COST))
        read, making = reader(), done("new")
        for _ in range(200):
            assert read.get("key", making, 1_000).value == "old"
        read.close()
        assert making.times == 0

    def test_the_old_value_answers_until_the_new_one_is_there(
        self, reader: Reader, expiring: Callable[[int], None]
    ) -> None:
        expiring(1)
        read, making = reader(), Making("new")
        assert {read.get("key", making, 1_000).value for _ in range(50)} == {"old"}
        assert making.started.wait(20)
        making.let_go.set()
        assert until(lambda: read.get("key", making, 1_000).value == "new")
        assert (making.times, read.stats().refreshed, read.stats().made) == (1, 1, 0)

    def test_the_chance_grows_as_the_expiry_comes_nearer(
        self, reader: Reader, cache: MemoryCache, clock: Clock
    ) -> None:
        """P(refresh with a gap left) is exp(-gap / cost)."""
        drawn = {}
        for left in (500, 2_000):
            read = reader(rng=np.random.default_rng(left))
            for number in range(200):
                key = f"{left}/{number}"
                cache.put(key, Entry(b"old", clock.ms + left, self.COST))
                read.get(key, done("new"), 1_000)
                assert until(lambda read=read: read._refreshing == 0)
            drawn[left] = read.stats().refreshed / 200
        assert abs(drawn[500] - np.exp(-0.5)) < 0.1
        assert abs(drawn[2_000] - np.exp(-2.0)) < 0.1

    def test_a_refresh_that_fails_leaves_the_value(self, reader: Reader, expiring: Callable[[int], None]) -> None:
        expiring(1)
        read, making = reader(), done()
        making.error = LookupError("broken")
        assert until(lambda: read.get("key", making, 1_000).value == "old" and read.stats().failed > 0)
        assert read.get("key", making, 1_000).value == "old"

    def test_a_closed_reader_refreshes_nothing(self, reader: Reader, expiring: Callable[[int], None]) -> None:
        expiring(1)
        read, making = reader(), done("new")
        read.close()
        assert {read.get("key", making, 1_000).value for _ in range(20)} == {"old"}
        assert making.times == 0


class TestBesideAnotherProcess:
    """A cache whose claims another process holds."""

    @dataclass
    class Claimed(MemoryCache):
        def __init__(self, clock: Clock) -> None:
            super().__init__(1_000_000, now=clock)
            self.taken = True
            self.released: list[str] = []

        def claim(self, key: str, lease_ms: int) -> bool:
            del key, lease_ms
            return not self.taken

        def release(self, key: str) -> None:
            self.released.append(key)

    def test_what_it_makes_is_waited_for(self, reader: Reader, clock: Clock) -> None:
        cache = self.Claimed(clock)
        read, making = reader(cache), done("ours")
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(read.get, "key", making, 20_000)
            cache.put("key", Entry(b"theirs", clock.ms + TTL))
            assert asked.result() == Found("theirs", "kept")
        assert making.times == 0

    def test_it_is_not_waited_for_longer_than_half_the_time(self, reader: Reader, clock: Clock) -> None:
        cache = self.Claimed(clock)
        assert reader(cache).get("key", done("ours"), 60) == Found("ours", "made")

    def test_a_claim_is_given_up_whatever_comes_of_it(self, reader: Reader, clock: Clock) -> None:
        cache = self.Claimed(clock)
        cache.taken = False
        read, making = reader(cache), done()
        making.error = LookupError("broken")
        with pytest.raises(LookupError):
            read.get("key", making, 1_000)
        read.get("key", done(), 1_000)
        assert cache.released == ["key", "key"]
