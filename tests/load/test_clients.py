"""Many clients for a while: two server processes, PostgreSQL, Redis, tokens and limits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.load.asking import mixed
from tests.load.conftest import Tell
from tests.load.postgres_server import PostgresServer
from tests.redis_server import RedisServer

from vfr.cli.bench_server import SECURED, Server, served

SECONDS = float(os.environ.get("VFR_LOAD_SECONDS", "60"))
LIMITED_S = 30.0
"""Less than the minute of a limit, and enough for a busy machine to reach it."""


@pytest.fixture(scope="module")
def settings(redis: RedisServer, postgres: PostgresServer) -> dict[str, str]:
    return {
        "VFR_WORKERS": "2",
        "VFR_REDIS_URL": redis.url,
        "VFR_DATABASE_URL": postgres.url,
        "VFR_LOG_LEVEL": "error",
    }


@pytest.fixture(scope="module")
def server(folder: Path, home: Path, settings: dict[str, str]) -> Iterator[Server]:
    with served(home, folder, settings, secured=True) as started:
        yield started


@pytest.mark.parametrize("clients", [50, 100, 200])
def test_many_clients_get_every_answer(server: Server, clients: int, tell: Tell) -> None:
    classic, ml = server.drive(SECONDS, mixed(server, server.symbols(), timeout=2_000, each=clients // 2))
    tell(
        "; ".join(
            f"{name} {one['answered'] / one['seconds']:.0f}/s, p50 {one['p50_ms']:.0f}, p99 {one['p99_ms']:.0f}, "
            f"slowest {one['max_ms']:.0f} ms"
            for name, one in (("classic", classic), ("ML", ml))
        )
    )
    assert set(classic["statuses"]) == set(ml["statuses"]) == {"200"}


def test_the_published_limits_refuse_with_429_and_nothing_else(
    folder: Path, home: Path, settings: dict[str, str], tell: Tell
) -> None:
    with served(home, folder, {**settings, "VFR_SECRET": SECURED["VFR_SECRET"], "VFR_TIERS": "{}"}, secured=True) as it:
        figures = it.drive(LIMITED_S, mixed(it, it.symbols(), timeout=2_000, each=50))
    answered, refused = (sum(one["statuses"].get(status, 0) for one in figures) for status in ("200", "429"))
    tell(f"{answered} answers and {refused} refusals within {LIMITED_S:.0f} s at 6,000 requests a minute")
    assert {status for one in figures for status in one["statuses"]} == {"200", "429"}
    # A server that has more to do than it can may wait for Redis in vain, and then lose the share it took.
    assert 0.9 * 6_000 <= answered <= 1.02 * 6_000
