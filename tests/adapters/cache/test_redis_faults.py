"""Redis stopped, paused, flushed, full, slow, restarted or full of rubbish: answers stay right, and nobody waits."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from uuid import uuid4

import numpy as np
import pytest
from tests.redis_server import RedisServer, free_port, redis_server, slow_way, until

from vfr.adapters.cache.redis import FAILURES, WAITING, RedisCache
from vfr.adapters.cache.tiers import TwoTier
from vfr.cache.memory import MemoryCache
from vfr.cache.protocol import Cache, Entry
from vfr.cache.read_through import ReadThrough
from vfr.clock import epoch_ms

REST_S = 0.3
PATIENT_MS = 5_000.0
AT_ONCE_S = 2.0
"""Far above the deadline of a call, for a busy machine; far below what a fault would cost without one."""


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


Tier = Callable[..., RedisCache]


@pytest.fixture
def tier(server: RedisServer) -> Iterator[Tier]:
    made: list[RedisCache] = []

    def make(url: str = server.url, namespace: str = "test", deadline_ms: float = 20.0) -> RedisCache:
        made.append(RedisCache(url, namespace, deadline_ms=deadline_ms, rest_s=REST_S))
        return made[-1]

    yield make
    with contextlib.suppress(ProcessLookupError):
        server.resume()
    for one in made:
        one.close()


def entry(value: bytes = b"value") -> Entry:
    return Entry(value, epoch_ms() + 600_000, 1.0)


def answers(cache: Cache) -> bool:
    """Put a value and say whether it comes back."""
    put = entry(uuid4().bytes)
    cache.put("probe", put)
    return cache.get("probe") == put


def available(cache: RedisCache) -> bool:
    return cache.stats()[0].available


def seconds(call: Callable[[], object]) -> float:
    start = time.monotonic()
    call()
    return time.monotonic() - start


def test_a_server_that_stops_is_left_alone_and_found_again(server: RedisServer, tier: Tier) -> None:
    cache = tier()
    assert until(lambda: answers(cache))
    server.stop()
    for _ in range(FAILURES + 2):
        assert cache.get("probe") is None
    assert not available(cache)
    refused = cache.stats()[0].refused
    cache.get("probe")
    assert cache.stats()[0].refused == refused + 1
    server.start()
    assert until(lambda: answers(cache))
    assert available(cache)


def test_a_restart_between_two_calls_is_not_even_noticed(server: RedisServer, tier: Tier) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    assert answers(cache)
    server.stop()
    server.start()
    assert answers(cache)
    assert cache.stats()[0].failures == 0


def test_a_server_that_hangs_keeps_nobody_waiting(server: RedisServer, tier: Tier) -> None:
    cache = tier()
    assert until(lambda: answers(cache))
    server.pause()
    assert seconds(lambda: [cache.get("probe") for _ in range(30)]) < AT_ONCE_S
    assert not available(cache)
    assert cache.claim("key", 1_000)
    server.resume()
    assert until(lambda: answers(cache))


def test_a_server_that_hangs_keeps_no_threads(server: RedisServer, tier: Tier) -> None:
    cache = tier()
    assert until(lambda: answers(cache))
    server.pause()
    before = threading.active_count()
    asking = [threading.Thread(target=cache.get, args=("probe",)) for _ in range(2 * WAITING)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join(AT_ONCE_S)
    assert not any(thread.is_alive() for thread in asking)
    assert threading.active_count() <= before + 4


def test_a_slow_server_is_left_alone(server: RedisServer, tier: Tier) -> None:
    with slow_way(server.port, 1.0) as port:
        cache = tier(f"redis://127.0.0.1:{port}/0")
        assert seconds(lambda: [cache.get("probe") for _ in range(20)]) < AT_ONCE_S
        assert not available(cache)


def test_an_answer_that_comes_in_drops_is_not_waited_for(server: RedisServer, tier: Tier) -> None:
    """Each drop resets the time limit of a socket; the deadline of a call stays."""
    tier(deadline_ms=PATIENT_MS).put("key", entry(np.random.default_rng(1).bytes(4_000_000)))
    with slow_way(server.port, 0.015) as port:
        cache = tier(f"redis://127.0.0.1:{port}/0")
        assert seconds(lambda: cache.get("key")) < AT_ONCE_S / 2
        assert cache.stats()[0].hits == 0


def test_a_late_answer_is_never_taken_for_that_of_another_question(server: RedisServer, tier: Tier) -> None:
    patient = tier(deadline_ms=PATIENT_MS)
    for k in range(50):
        patient.put(f"key {k}", entry(str(k).encode()))
    with slow_way(server.port, 0.018) as port:
        cache, found = tier(f"redis://127.0.0.1:{port}/0"), Counter[bool]()
        for k in range(50):
            one = cache.get(f"key {k}")
            found[one is not None] += 1
            assert one is None or one.value == str(k).encode()


def test_flushing_forgets_values_and_nothing_else(server: RedisServer, tier: Tier) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    cache.put("key", entry())
    server.client.flushall()
    assert cache.get("key") is None
    assert answers(cache)
    assert cache.stats()[0].failures == 0


@pytest.mark.parametrize("rubbish", [b"", b"rubbish", b"VC\x01", b"\x80\x04K\x01.", bytes(100_000)])
def test_garbage_is_a_miss_and_is_removed(server: RedisServer, tier: Tier, rubbish: bytes) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    server.client.set("test:key", rubbish)
    assert cache.get("key") is None
    assert not server.client.exists("test:key")
    assert cache.stats()[0].garbage == 1


def test_a_damaged_or_borrowed_value_is_a_miss(server: RedisServer, tier: Tier) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    cache.put("key", entry(b"value" * 1_000))
    server.client.copy("test:key", "test:other")
    server.client.setrange("test:key", 40, b"\xff\xff")
    assert cache.get_many(["key", "other"]) == {}
    assert server.client.dbsize() == 0


def test_a_foreign_value_of_another_type_is_a_miss(server: RedisServer, tier: Tier) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    server.client.lpush("test:key", "one")
    assert cache.get("key") is None
    cache.put("key", entry())
    assert cache.get("key") is not None


def test_a_full_server_still_answers_what_it_has(server: RedisServer, tier: Tier) -> None:
    cache = tier(deadline_ms=PATIENT_MS)
    cache.put("kept", entry())
    server.client.config_set("maxmemory-policy", "noeviction")
    server.client.config_set("maxmemory", "1mb")
    for _ in range(2 * FAILURES):
        cache.put("new", entry(np.random.default_rng(1).bytes(100_000)))
    assert cache.get("new") is None
    assert cache.get("kept") is not None
    [stats] = cache.stats()
    assert (stats.failures, stats.available) == (2 * FAILURES, True)
    server.client.config_set("maxmemory", "0")
    assert answers(cache)


def test_a_wrong_password_is_a_miss_and_is_not_told(server: RedisServer, tier: Tier) -> None:
    server.client.config_set("requirepass", "open sesame")
    assert until(lambda: answers(tier(f"redis://:open%20sesame@127.0.0.1:{server.port}/0")))
    cache = tier(f"redis://:hunter2@127.0.0.1:{server.port}/0")
    assert not answers(cache)
    assert "hunter2" not in repr(cache._client) + repr(cache) + repr(cache.stats())


def test_nobody_listening_costs_nothing(tier: Tier) -> None:
    cache = tier(f"redis://127.0.0.1:{free_port()}/0")
    assert seconds(lambda: [answers(cache) for _ in range(20)]) < AT_ONCE_S
    assert not available(cache)


@pytest.mark.parametrize("options", ["ssl_unheard_of=1", "ssl_cert_reqs=perhaps", "ssl_ca_certs=/nowhere"])
def test_options_that_nobody_knows_are_a_miss(server: RedisServer, tier: Tier, options: str) -> None:
    assert not answers(tier(f"rediss://127.0.0.1:{server.port}/0?{options}"))


def test_changes_are_told_once(server: RedisServer) -> None:
    told: list[bool] = []
    cache = RedisCache(server.url, "test", rest_s=REST_S, changed=told.append)
    assert until(lambda: answers(cache))
    told.clear()
    server.stop()
    assert until(lambda: cache.get("key") is None and cache.stats()[0].failures > FAILURES + 1)
    server.start()
    assert until(lambda: answers(cache))
    cache.close()
    assert told == [False, True]


def test_the_address_decides_where_but_never_how_long(server: RedisServer) -> None:
    cache = RedisCache(f"{server.url}?socket_timeout=60&max_connections=999&db=3&retry_on_timeout=yes")
    pool = cache._client.connection_pool
    assert (pool.connection_kwargs["socket_timeout"], pool.connection_kwargs["db"], pool.max_connections) == (
        0.02,
        3,
        4,
    )
    cache.close()


def test_an_address_with_tls_or_of_a_socket_is_understood() -> None:
    from redis.connection import SSLConnection, UnixDomainSocketConnection

    secure = RedisCache("rediss://user:word@cache.example.org:6380/1?ssl_cert_reqs=required")
    assert secure._client.connection_pool.connection_class is SSLConnection
    assert secure._client.connection_pool.connection_kwargs["ssl_cert_reqs"] == "required"
    local = RedisCache("unix:///run/redis.sock?db=2")
    assert local._client.connection_pool.connection_class is UnixDomainSocketConnection
    for cache in (secure, local):
        cache.close()


class TestReadThrough:
    """Both tiers, read through by several processes' worth of readers while Redis fails."""

    KEYS = 12

    def readers(self, tier: Tier, many: int, deadline_ms: float) -> list[ReadThrough[str]]:
        return [
            ReadThrough(
                TwoTier(MemoryCache(10_000_000), tier(deadline_ms=deadline_ms)),
                "predictions",
                encode=str.encode,
                decode=bytes.decode,
                rng=np.random.default_rng(k),
                held=1,
            )
            for k in range(many)
        ]

    def traffic(self, readers: list[ReadThrough[str]], each: int) -> tuple[Counter[str], list[float]]:
        """Ask for keys from every reader at once; return computations by key, and how long each answer took."""
        made, times, wrong = Counter[str](), list[float](), list[object]()

        def make(key: str) -> str:
            made[key] += 1
            time.sleep(0.01)
            return f"value of {key}"

        def ask(reader: ReadThrough[str], seed: int) -> None:
            rng = np.random.default_rng(seed)
            for k in rng.integers(self.KEYS, size=each):
                key, start = f"key {k}", time.monotonic()
                try:
                    if reader.get(key, lambda key=key: make(key), 5_000).value != f"value of {key}":
                        wrong.append(key)
                except Exception as error:  # noqa: BLE001 - none may come, whatever it is
                    wrong.append(error)
                times.append(time.monotonic() - start)

        threads = [
            threading.Thread(target=ask, args=(reader, 10 * n + m))
            for n, reader in enumerate(readers)
            for m in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        return made, times

    def test_while_redis_is_up_every_value_is_made_once(self, tier: Tier) -> None:
        made, _ = self.traffic(self.readers(tier, 3, PATIENT_MS), 60)
        assert made == dict.fromkeys((f"key {k}" for k in range(self.KEYS)), 1)

    def test_another_process_finds_it_after_a_restart_of_this_one(self, tier: Tier) -> None:
        self.traffic(self.readers(tier, 1, PATIENT_MS), 60)
        made, _ = self.traffic(self.readers(tier, 1, PATIENT_MS), 60)
        assert not made

    @pytest.mark.parametrize("fault", ["stop", "pause"])
    def test_without_redis_every_process_makes_it_once(self, server: RedisServer, tier: Tier, fault: str) -> None:
        readers = self.readers(tier, 2, 20.0)
        (server.stop if fault == "stop" else server.pause)()
        made, times = self.traffic(readers, 40)
        assert made.keys() == {f"key {k}" for k in range(self.KEYS)}
        assert max(made.values()) <= len(readers)
        assert max(times) < AT_ONCE_S

    def test_redis_failing_in_the_middle_hurts_nobody(self, server: RedisServer, tier: Tier) -> None:
        readers, stop = self.readers(tier, 2, 20.0), threading.Event()

        def torment() -> None:
            while not stop.is_set():
                server.pause()
                stop.wait(0.1)
                server.resume()
                server.client.flushall()
                stop.wait(0.1)
                server.stop()
                server.start()

        trouble = threading.Thread(target=torment)
        trouble.start()
        end = time.monotonic() + 3
        while time.monotonic() < end:
            _, times = self.traffic(readers, 100)
            assert max(times) < AT_ONCE_S
        stop.set()
        trouble.join()
