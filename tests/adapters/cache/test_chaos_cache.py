"""A cache that fails on purpose: memory serves alone, the breaker opens, and all is well again afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.redis_server import RedisServer, redis_server, until

from vfr import clock
from vfr.adapters.cache.redis import RedisCache
from vfr.adapters.cache.tiers import TwoTier
from vfr.cache.memory import MemoryCache
from vfr.cache.protocol import Entry
from vfr.workflows.chaos import CALM, ChaosState
from vfr.workflows.chaos_cache import disturbing


class Says:
    def __init__(self) -> None:
        self.state = CALM

    def read(self) -> ChaosState:
        return self.state


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as found:
        yield found


@pytest.mark.parametrize("fault", ["down", "slow"])
def test_memory_serves_alone_and_the_cache_comes_back(server: RedisServer, fault: str) -> None:
    chaos = Says()
    far = RedisCache(server.url, rest_s=0.05, before=disturbing(chaos))
    both = TwoTier(MemoryCache(1_000_000), far)
    entry = Entry(b"x", clock.epoch_ms() + 60_000)
    both.put("a", entry)
    assert until(lambda: far.get("a") == entry)
    chaos.state = ChaosState(cache=fault)  # type: ignore[arg-type]
    assert both.get("a") == entry
    assert far.get("a") is None
    assert both.get("b") is None
    assert until(lambda: far.get("a") is None and not far.stats()[0].available)
    chaos.state = CALM
    assert until(lambda: far.get("a") == entry)
    assert far.stats()[0].available
    far.close()
