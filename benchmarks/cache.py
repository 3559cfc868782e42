"""The cache: how often traffic that follows Zipf's law finds what it asks for, also across a restart, and how fast.

Two ways of asking. A server keeps one forecast of the whole universe for each day and horizon, so that the first
symbol asked for brings all the others; the harder traffic has a key for every symbol, horizon and day.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import Row, medians

if TYPE_CHECKING:
    from vfr.cache.protocol import Cache
    from vfr.cache.read_through import ReadThrough

SYMBOLS, HORIZONS, DAYS = 480, 3, 5
SKEW = 1.0
VALUE = 2_048
"""Bytes that are kept of one symbol: about what an answer says of it."""

BUDGET = 64 * 2**20


def measure(quick: bool) -> list[Row]:
    with redis() as url:
        if url is None:
            return []
        return [*traffic(url, 20_000 if quick else 300_000), *latencies(url, 50 if quick else 1_000)]


@contextmanager
def redis() -> Iterator[str | None]:
    """Start a Redis of our own; None where there is no program for it."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.01)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.kill()
        server.wait()


def process(url: str | None, namespace: str) -> tuple[ReadThrough[bytes], Callable[[], None]]:
    """Return a reader as one process has it, and what ends it."""
    from vfr.adapters.cache.redis import RedisCache
    from vfr.adapters.cache.tiers import TwoTier
    from vfr.cache.memory import MemoryCache
    from vfr.cache.read_through import ReadThrough

    near = MemoryCache(BUDGET)
    # Patient: this counts hits, and a busy machine would make misses of late answers.
    far = None if url is None else RedisCache(url, namespace, deadline_ms=1_000.0)
    cache: Cache = near if far is None else TwoTier(near, far)
    reader: ReadThrough[bytes] = ReadThrough(
        cache, "predictions", encode=bytes, decode=bytes, rng=np.random.default_rng(1), held=16
    )

    def end() -> None:
        reader.close()
        if far is not None:
            far.close()

    return reader, end


def traffic(url: str, requests: int) -> list[Row]:
    """Warm a process, measure it, end it, and measure the one that takes its place from its first request on."""
    rows, fifth = [], requests // 5
    for keyed in ("universe", "symbol"):
        asked = questions(5 * fifth, keyed == "symbol", np.random.default_rng(11))
        for shared, address, most in (("with Redis", url, 5.0), ("without Redis", None, None)):
            reader, end = process(address, keyed)
            ask(reader, asked[: 3 * fifth])
            warm = ask(reader, asked[3 * fifth : 4 * fifth])
            end()
            reader, end = process(address, keyed)
            through = (warm + ask(reader, asked[4 * fifth :])) / 2
            end()
            name = f"cache misses, a key for each {keyed}, {shared}"
            rows.append(Row(f"{name}, warm", warm, "%", 1.0, fifth))
            rows.append(Row(f"{name}, through a restart", through, "%", most, 2 * fifth))
    return rows


def questions(many: int, per_symbol: bool, rng: np.random.Generator) -> list[str]:
    """Return keys: symbols by Zipf's law, recent days more often, one horizon more often than the others."""
    ranks = 1.0 / np.arange(1, SYMBOLS + 1) ** SKEW
    symbols = rng.choice(SYMBOLS, many, p=ranks / ranks.sum()) if per_symbol else np.zeros(many, dtype=int)
    horizons = rng.choice(HORIZONS, many, p=(0.6, 0.2, 0.2))
    recent = 1.0 / np.arange(1, DAYS + 1)
    days = rng.choice(DAYS, many, p=recent / recent.sum())
    return [f"{s}/{h}/{d}" for s, h, d in zip(symbols, horizons, days, strict=True)]


def ask(reader: ReadThrough[bytes], keys: list[str]) -> float:
    """Ask for every key in turn; return the share that was not found, in per cent."""
    before = reader.stats().made
    value = np.random.default_rng(2).bytes(VALUE)
    for key in keys:
        reader.get(key, lambda: value, 1_000.0)
    return 100.0 * (reader.stats().made - before) / len(keys)


def latencies(url: str, repeats: int) -> list[Row]:
    from vfr.adapters.cache.redis import RedisCache
    from vfr.cache.memory import MemoryCache
    from vfr.cache.protocol import Entry
    from vfr.clock import epoch_ms

    memory, far = MemoryCache(BUDGET), RedisCache(url, "latency", deadline_ms=1_000.0)
    value = np.random.default_rng(2).bytes(VALUE)
    entry, plain = Entry(value, epoch_ms() + 3_600_000, 1.0), {"0": value}
    keys = [str(k) for k in range(25)]
    for key in keys:
        memory.put(key, entry)
        far.put(key, entry)
    calls: dict[str, tuple[Callable[[], Any], float | None]] = {
        "a dictionary": (lambda: plain["0"], None),
        "memory": (lambda: memory.get("0"), 20.0),
        "memory, 25 keys": (lambda: memory.get_many(keys), 200.0),
        "Redis": (lambda: far.get("0"), 1_000.0),
        "Redis, 25 keys in one question": (lambda: far.get_many(keys), 2_000.0),
        "Redis, 25 keys one by one": (lambda: [far.get(key) for key in keys], None),
    }
    taken = medians(repeats, *(call for call, _ in calls.values()))
    far.close()
    return [
        Row(f"cache get, {name}", 1e3 * ms, "us", limit, repeats)
        for (name, (_, limit)), ms in zip(calls.items(), taken, strict=True)
    ]
