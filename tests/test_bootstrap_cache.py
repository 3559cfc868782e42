"""The cache as it is wired: made late, shared through Redis by processes of the same versions, never in the way."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.redis_server import RedisServer, redis_server, until
from tests.workflows.test_cached_forecaster import LATEST, MEMBERS, PAST, Inner, forecast

from vfr.adapters.store.codecs import encode_board
from vfr.bootstrap.cache import CacheDesk
from vfr.factors.board import Board
from vfr.factors.compute import compute_board
from vfr.settings import Settings
from vfr.workflows.forecaster import Forecast, Forecaster
from vfr.workflows.toggles import ToggleState


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with redis_server() as started:
        yield started


class Process:
    """What one process of an installation wires."""

    def __init__(self, url: str | None, models: str = "1", off: dict[str, str] | None = None, **settings: Any) -> None:
        datasets = SimpleNamespace(stamp=lambda: "sp500/1", board=lambda: SimpleNamespace(as_of=LATEST))
        self.desk = CacheDesk(Settings(redis_url=url, **settings), datasets)  # type: ignore[arg-type]
        self.inner = Inner()
        self.inner.let_go.set()
        self.forecaster: Forecaster = self.desk.forecasts(
            self.inner,
            SimpleNamespace(stamp=lambda: models),  # type: ignore[arg-type]
            SimpleNamespace(stamp=lambda: "e"),  # type: ignore[arg-type]
            SimpleNamespace(read=lambda: ToggleState(off=off or {})),  # type: ignore[arg-type]
        )

    def at(self) -> Forecast:
        found = self.forecaster.at(PAST, "7d", MEMBERS, "weighted", 5_000)
        assert isinstance(found, Forecast)
        return found


def test_two_processes_share_what_one_has_computed(server: RedisServer) -> None:
    server.client.flushall()
    one, other = Process(server.url), Process(server.url)
    # The first call of a process may be late where many processes share a machine; then it is a miss.
    assert until(lambda: one.at() is not None and server.client.dbsize() == 1)
    assert until(lambda: other.at().from_cache)
    assert np.array_equal(one.at().p_up, other.at().p_up, equal_nan=True)


@pytest.mark.parametrize("changed", [{"models": "2"}, {"off": {"linear": "drift"}}, {"ml_voting": "soft"}])
def test_processes_of_other_versions_do_not(server: RedisServer, changed: dict[str, Any]) -> None:
    Process(server.url).at()
    other = Process(server.url, **changed)
    other.at()
    assert len(other.inner.asked) == 1


def test_without_redis_every_process_keeps_its_own() -> None:
    one = Process(None)
    assert [one.at().from_cache for _ in range(3)] == [False, True, True]
    stats = one.desk.stats()
    assert [tier["tier"] for tier in stats["tiers"]] == ["memory"]
    assert stats["reads"]["forecasts"] | {"kept": 2, "made": 1} == stats["reads"]["forecasts"]


def test_redis_that_is_not_there_is_as_good_as_none() -> None:
    one = Process("redis://127.0.0.1:1/0")
    assert [one.at().from_cache for _ in range(3)] == [False, True, True]
    assert one.desk.stats()["tiers"][1]["failures"] > 0


def test_nothing_is_made_before_it_is_needed() -> None:
    desk = CacheDesk(Settings(redis_url="redis://127.0.0.1:1/0"), SimpleNamespace())  # type: ignore[arg-type]
    assert desk.stats() == {"tiers": [], "reads": {}}
    desk.boards(lambda _: None)  # type: ignore[arg-type, return-value]
    assert desk.stats() == {"tiers": [], "reads": {}}


def test_machine_learning_that_is_off_is_not_answered_from_the_cache() -> None:
    one = Process(None, ml_enabled=False)
    assert [one.at() is one.inner.answer for _ in range(2)] == [True, True]


def test_the_bound_of_memory_is_that_of_the_settings() -> None:
    one = Process(None, cache_bytes=1_048_576)
    for k in range(2_000):
        one.inner.answer = forecast()
        one.forecaster.at(PAST - k, "7d", MEMBERS, "weighted", 5_000)
    [memory] = one.desk.stats()["tiers"]
    assert memory["evictions"] > 0
    assert memory["bytes"] <= 1_048_576


class TestBoards:
    """Boards of past days of two processes beside one Redis."""

    @pytest.fixture
    def board(self, seeded_snapshot: Any) -> Board:
        return compute_board(seeded_snapshot)

    def desk(self, url: str | None, version: str = "v1") -> CacheDesk:
        latest = SimpleNamespace(as_of=LATEST, data_name="sp500", data_version=version)
        return CacheDesk(Settings(redis_url=url), SimpleNamespace(board=lambda: latest))  # type: ignore[arg-type]

    def test_a_board_that_another_process_computed_is_found(self, server: RedisServer, board: Board) -> None:
        server.client.flushall()
        one, other = self.desk(server.url), self.desk(server.url)
        assert one.boards(lambda _: board)(PAST) is board
        # Either may be late for its first call where many processes share a machine; then it is a miss.
        if server.client.dbsize() == 1:
            assert until(lambda: other.boards(lambda _: board)(PAST) is not board)
            assert encode_board(other.boards(lambda _: board)(PAST)) == encode_board(board)
            assert other.stats()["reads"]["boards"]["kept"] > 0

    def test_a_board_of_other_data_is_computed(self, server: RedisServer, board: Board) -> None:
        for version in ("v3", "v4", "v5"):
            assert self.desk(server.url, version).boards(lambda _: board)(PAST) is board
