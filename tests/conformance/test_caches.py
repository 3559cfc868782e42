"""What every cache must do: in memory, in Redis, and memory in front of Redis."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.examples import examples
from tests.redis_server import RedisServer, redis_server

from vfr.adapters.cache.frames import MAX_VALUE
from vfr.adapters.cache.redis import RedisCache
from vfr.adapters.cache.tiers import TwoTier
from vfr.cache.memory import MemoryCache
from vfr.cache.protocol import Cache, Entry
from vfr.clock import epoch_ms

BUDGET = 64 * 2**20
PATIENT_MS = 10_000.0
"""These tests are about values, not about speed."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


@pytest.fixture(params=["memory", "redis", "two tiers"])
def cache(request: pytest.FixtureRequest) -> Iterator[Cache]:
    if request.param == "memory":
        yield MemoryCache(BUDGET)
        return
    far = RedisCache(request.getfixturevalue("server").url, uuid4().hex, deadline_ms=PATIENT_MS)
    yield far if request.param == "redis" else TwoTier(MemoryCache(BUDGET), far)
    far.close()


def entry(value: bytes, ttl_ms: int = 60_000, cost_ms: float = 12.25) -> Entry:
    return Entry(value, epoch_ms() + ttl_ms, cost_ms)


def test_what_is_put_is_got_whole(cache: Cache) -> None:
    put = entry(b"value")
    assert cache.get("key") is None
    cache.put("key", put)
    assert cache.get("key") == put


@given(
    key=st.text(st.characters(exclude_categories=("Cs",)), max_size=40),
    value=st.binary(max_size=5_000) | st.binary(max_size=40).map(lambda piece: 200 * piece),
    cost=st.floats(0, 1e9),
)
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_key_and_any_bytes_come_back(cache: Cache, key: str, value: bytes, cost: float) -> None:
    put = entry(value, cost_ms=cost)
    cache.put(key, put)
    assert cache.get(key) == put


@pytest.mark.parametrize("size", [0, 1, 1_023, 1_024, 1_000_000, 20_000_000])
@pytest.mark.parametrize("noisy", [True, False])
def test_any_size_comes_back(cache: Cache, size: int, noisy: bool) -> None:
    put = entry(np.random.default_rng(3).bytes(size) if noisy else bytes(size))
    cache.put("key", put)
    assert cache.get("key") == put


def test_a_later_value_takes_the_place_of_an_earlier_one(cache: Cache) -> None:
    cache.put("key", entry(b"first"))
    cache.put("key", entry(b"second"))
    found = cache.get("key")
    assert found is not None
    assert found.value == b"second"


def test_a_value_expires(cache: Cache) -> None:
    cache.put("short", entry(b"value", ttl_ms=150))
    cache.put("long", entry(b"value"))
    time.sleep(0.2)
    assert cache.get("short") is None
    assert cache.get_many(["short", "long"]).keys() == {"long"}


def test_an_expired_value_is_not_kept(cache: Cache) -> None:
    cache.put("key", entry(b"value", ttl_ms=-1))
    assert cache.get("key") is None


def test_several_are_found_in_one_question(cache: Cache) -> None:
    kept = {f"key {k}": entry(bytes([k]) * (300 * k)) for k in range(25)}
    for key, one in kept.items():
        cache.put(key, one)
    assert cache.get_many([*kept, "missing", "key 0"]) == kept
    assert cache.get_many(["missing"]) == {}
    assert cache.get_many([]) == {}


def test_a_deleted_value_is_gone(cache: Cache) -> None:
    cache.put("key", entry(b"value"))
    cache.delete("key")
    cache.delete("never there")
    assert cache.get("key") is None


def test_a_value_beyond_every_limit_is_not_kept(cache: Cache) -> None:
    cache.put("key", entry(b"kept"))
    cache.put("large", entry(bytes(max(MAX_VALUE, BUDGET) + 1)))
    assert cache.get("large") is None
    assert cache.get("key") is not None


def test_hits_misses_and_puts_are_counted(cache: Cache) -> None:
    cache.put("key", entry(b"value"))
    cache.get("key")
    cache.get_many(["key", "missing"])
    near = cache.stats()[0]
    assert (near.hits, near.misses, near.puts, near.failures, near.available) == (2, 1, 1, 0, True)


def test_threads_get_whole_values(cache: Cache) -> None:
    wrong: list[Any] = []

    def use(seed: int) -> None:
        rng = np.random.default_rng(seed)
        for _ in range(60):
            k = int(rng.integers(8))
            if rng.random() < 0.5:
                cache.put(f"key {k}", entry(bytes([k]) * (1_000 * k)))
            elif (found := cache.get(f"key {k}")) is not None and found.value != bytes([k]) * (1_000 * k):
                wrong.append(k)

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_claim_can_be_given_up(cache: Cache) -> None:
    assert cache.claim("key", 60_000)
    cache.release("key")
    assert cache.claim("key", 60_000)
    cache.release("never claimed")
