"""What a server and its machine learning take: pages that several processes share are counted once."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.asgi import running
from tests.asgi.running import kinds
from tests.growth import BLOCKS, growth
from tests.load.asking import group, mixed
from tests.load.conftest import Tell
from tests.redis_server import free_port

from vfr.cli.bench_server import Server, served
from vfr.clock import elapsed_ms

MB = 2**20
STARTS = 5
REQUESTS = int(os.environ.get("VFR_LOAD_REQUESTS", "200000"))
"""Enough to tell a leak from buffers of answers, which come and go in steps of some megabytes."""

TOLERANCE = 64.0
"""KiB per 1,000 requests, which is 64 bytes each: one small object that every request left behind takes more."""

WARM_S, WARM_ROUNDS, CALM_ROUNDS = 5.0, 24, 4


@contextmanager
def serving(home: Path, folder: Path, *, ml: bool, workers: int = 2) -> Iterator[Server]:
    more = {"VFR_WORKERS": str(workers), "VFR_LOG_LEVEL": "error", "VFR_ML_ENABLED": str(ml).lower()}
    with served(home, folder, more) as server:
        yield server


def family(server: Server) -> list[psutil.Process]:
    top = psutil.Process(server.process.pid)
    return [top, *top.children(recursive=True)]


def shared_once(server: Server) -> float:
    """Megabytes of all processes of a server, each shared page counted once over those that share it."""
    return sum(one.memory_full_info().pss for one in family(server)) / MB


def test_the_ml_layer_takes_less_than_500_mb(folder: Path, home: Path, tell: Tell) -> None:
    found = {}
    for ml in (False, True):
        with serving(home, folder, ml=ml) as server:
            symbols = server.symbols()
            server.drive(3.0, [group(server, 16, symbols, ml=ml), group(server, 4, symbols, count=25, ml=ml)])
            found[ml] = shared_once(server)
            resident = [one.memory_info().rss / MB for one in kinds(server.process)["worker"]]
    tell(
        f"{len(symbols)} symbols, 2 server processes: {found[True]:.0f} MB with ML, {found[False]:.0f} MB without; "
        f"one server process has {max(resident):.0f} MB resident"
    )
    assert found[True] - found[False] < 500
    assert max(resident) < 250


def test_it_is_ready_in_less_than_three_seconds(home: Path, tell: Tell) -> None:
    ready, predicts = [], []
    for _ in range(STARTS):
        port, start = free_port(), elapsed_ms()
        with running.serving(home, port, VFR_LOG_LEVEL="error"):
            ready.append(elapsed_ms(start) / 1e3)
            running.until(
                lambda at=port: running.ask(at, "/api/ml/health")["data"]["parts"]["7d"]["status"] == "healthy", 30
            )
            predicts.append(elapsed_ms(start) / 1e3)
    tell(
        f"ready after {statistics.median(ready):.1f} s ({min(ready):.1f} to {max(ready):.1f}), predicting after "
        f"{statistics.median(predicts):.1f} s; medians of {STARTS}"
    )
    assert statistics.median(ready) < 3.0


@pytest.mark.soak
def test_memory_does_not_grow_with_requests(folder: Path, home: Path, tell: Tell) -> None:
    with serving(home, folder, ml=True) as server:
        groups = traffic(server, server.symbols())
        followed = {f"{kind} {one.pid}": one for kind, some in kinds(server.process).items() for one in some}
        warm = warmed_up(server, groups, followed)
        counts, sizes = measured(server, groups, followed)
    found = {name: growth(counts, taken) for name, taken in sizes.items()}
    told = (f"{name.split()[0]} {one.slope:+.1f} ({one.low:+.1f} to {one.high:+.1f})" for name, one in found.items())
    tell(f"{1e3 * counts[-1]:.0f} requests after {warm} of warm-up; KiB per 1,000 of them: {'; '.join(told)}")
    assert {name: one for name, one in found.items() if one.low > TOLERANCE} == {}


def warmed_up(server: Server, groups: list[dict[str, Any]], followed: Mapping[str, psutil.Process]) -> int:
    """Ask until no process grows any longer, or for so long that what grows must be a leak; return how often."""
    asked = calm = 0
    for _ in range(WARM_ROUNDS):
        before = resident(followed)
        answered = sum(one["answered"] for one in server.drive(WARM_S, groups))
        asked += answered
        grown = max(now - before[name] for name, now in resident(followed).items())
        calm = calm + 1 if grown <= TOLERANCE * answered / 1e3 else 0
        if calm == CALM_ROUNDS:
            break
    return asked


def measured(
    server: Server, groups: list[dict[str, Any]], followed: Mapping[str, psutil.Process]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Ask; return thousands of requests and KiB of each process, twice a second."""
    asked, counts = 0, []
    sizes: dict[str, list[float]] = {name: [] for name in followed}
    while asked < REQUESTS or len(counts) < 2 * BLOCKS:
        asked += sum(one["answered"] for one in server.drive(0.5, groups))
        counts.append(asked / 1e3)
        for name, size in resident(followed).items():
            sizes[name].append(size)
    return np.array(counts), {name: np.array(taken) for name, taken in sizes.items()}


def resident(followed: Mapping[str, psutil.Process]) -> dict[str, float]:
    return {name: one.memory_info().rss / 1024 for name, one in followed.items()}


def traffic(server: Server, symbols: list[str]) -> list[dict[str, Any]]:
    """Single names and lists, with and without ML, at several horizons."""
    lists = [group(server, 2, symbols, count=25, **more) for more in ({}, {"ml": True, "ml_horizon": "1d"})]
    return [*mixed(server, symbols, timeout=2_000, each=4), *lists]
