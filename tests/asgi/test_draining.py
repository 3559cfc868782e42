"""A server process that is told to end asks its clients to connect anew before it stops listening to them."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

import pytest

from vfr.asgi import draining
from vfr.asgi.draining import Draining


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await send({"type": "http.response.body", "body": b""})


async def headers(server: Draining) -> list[tuple[bytes, bytes]]:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await server({"type": "http"}, None, send)  # type: ignore[arg-type]
    found: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return found


def test_sigterm_closes_connections_politely_and_then_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draining, "DRAIN_S", 0.2)

    async def life() -> None:
        server, stopped, over = Draining(app), asyncio.Event(), asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stopped.set)
        running = asyncio.create_task(server({"type": "lifespan"}, over.wait, None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        assert await headers(server) == [(b"a", b"b")]
        for _ in range(2):  # Told twice, it leaves once.
            os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.05)
        assert not stopped.is_set()
        assert await headers(server) == [(b"a", b"b"), (b"connection", b"close")]
        await asyncio.wait_for(stopped.wait(), 10)
        over.set()
        await running

    asyncio.run(life())
