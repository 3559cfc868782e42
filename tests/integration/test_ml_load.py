"""Many clients at once: everybody is answered, and everybody the same.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
50 concurrent analyses, no error, none degraded                        test_fifty_clients_at_once
the same answer for the same question, whoever asks beside             test_fifty_clients_at_once
ML turned off under load: nobody fails, in force in less than 5 min    test_the_kill_switch_under_load
50, 100 and 200 clients for a while (make verify)                      test_many_clients_for_a_while
=====================================================================  =============================================
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import numpy as np
import pytest
from tests.asgi.running import until
from tests.integration.conftest import Server, predicted

from vfr.clock import elapsed_ms

BODIES: list[dict[str, Any]] = [
    {"mode": "single", "symbols": ["AAPL"], "include_ml": True},
    {"mode": "single", "symbols": ["XOM"]},
    {"mode": "multiple", "symbols": ["AAPL", "JPM", "KO", "PG", "MSFT"], "include_ml": True, "ml_method": "voting"},
    {"mode": "sector", "sector": "energy", "include_ml": True, "ml_weight": 0.5},
]
KEPT = 200
"""Answers kept of each question."""

MEASURED = ("timestamp", "requestId", "latencyMs", "mlLatency", "fromCache")


def same(value: Any) -> Any:
    """An answer without what is measured."""
    if isinstance(value, dict):
        return {name: same(inner) for name, inner in value.items() if name not in MEASURED}
    return [same(inner) for inner in value] if isinstance(value, list) else value


@dataclass
class Heard:
    """What clients were told; read when it is over, since they have one processor to ask with."""

    statuses: Counter[int] = field(default_factory=Counter)
    bodies: dict[int, list[bytes]] = field(default_factory=lambda: {which: [] for which in range(len(BODIES))})
    took_ms: list[float] = field(default_factory=list)

    def answers(self) -> list[int]:
        """How many different answers each question got."""
        found = [[same(json.loads(body)["data"]) for body in bodies] for bodies in self.bodies.values()]
        return [len({json.dumps(answer, sort_keys=True) for answer in answers}) for answers in found]

    def codes(self) -> set[str]:
        """What was said of machine learning where it was asked for."""
        asked = [body for which, bodies in self.bodies.items() if "include_ml" in BODIES[which] for body in bodies]
        stocks = [stock for body in asked for stock in json.loads(body)["data"]["stocks"]]
        return {stock.get("mlUnavailable", {}).get("code", "ok") for stock in stocks}


async def crowd(server: Server, clients: int, over: Callable[[int], bool]) -> Heard:
    """Ask with so many clients, each on a connection of its own, until it is over."""
    heard = Heard()

    async def one(client: httpx.AsyncClient, number: int) -> None:
        turn = 0
        while not over(turn):
            which = (number + turn) % len(BODIES)
            begun = elapsed_ms()
            response = await client.post("/api/stocks/analyze", json=BODIES[which])
            heard.took_ms.append(elapsed_ms(begun))
            heard.statuses[response.status_code] += 1
            if len(heard.bodies[which]) < KEPT:
                heard.bodies[which].append(response.content)
            turn += 1

    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=clients)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", limits=limits, timeout=30.0) as client:
        await asyncio.gather(*(one(client, number) for number in range(clients)))
    return heard


def test_fifty_clients_at_once(server: Server) -> None:
    heard = asyncio.run(crowd(server, 50, lambda turn: turn >= len(BODIES)))
    assert heard.statuses == {200: 50 * len(BODIES)}
    assert heard.codes() == {"ok"}
    assert heard.answers() == [1] * len(BODIES)
    assert np.median(heard.took_ms) < 3_000


def test_the_kill_switch_under_load(server: Server) -> None:
    """Turned off by the command line while clients ask; every process follows, and no request fails."""

    async def both() -> Heard:
        done = asyncio.Event()
        asking = asyncio.create_task(crowd(server, 8, lambda _: done.is_set()))
        await asyncio.to_thread(vfr, server, "ml", "disable", "--reason", "a rehearsal")
        await asyncio.to_thread(until, lambda: codes(server) == {"DISABLED"}, 10)
        done.set()
        return await asking

    try:
        heard = asyncio.run(both())
    finally:
        vfr(server, "ml", "enable", "--reason", "over")
    assert set(heard.statuses) == {200}
    assert heard.codes() <= {"ok", "DISABLED"}
    until(lambda: predicted(server), 30)


def codes(server: Server) -> set[str]:
    asked = [server.analyze(**BODIES[0])["data"]["stocks"][0] for _ in range(8)]
    return {stock.get("mlUnavailable", {}).get("code", "ok") for stock in asked}


def vfr(server: Server, *words: str) -> None:
    environment = {"VFR_DATA_HOME": str(server.home), "PATH": "/usr/bin:/bin"}
    subprocess.run([sys.executable, "-m", "vfr", *words], env=environment, check=True, capture_output=True)  # noqa: S603


@pytest.mark.load
@pytest.mark.parametrize("clients", [50, 100, 200])
def test_many_clients_for_a_while(server: Server, clients: int) -> None:
    begun = elapsed_ms()
    heard = asyncio.run(crowd(server, clients, lambda _: elapsed_ms(begun) > 20_000))
    assert set(heard.statuses) == {200}
    assert heard.codes() == {"ok"}
    assert heard.answers() == [1] * len(BODIES)
    assert np.median(heard.took_ms) < 3_000
