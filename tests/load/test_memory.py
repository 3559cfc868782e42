"""What a server and its machine learning take: pages that several processes share are counted once."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tests.asgi import running
from tests.asgi.running import kinds
from tests.load.asking import group, mixed
from tests.load.conftest import Tell
from tests.redis_server import free_port

from vfr.cli.bench_server import Server, served
from vfr.clock import elapsed_ms

MB = 2**20
STARTS = 5
REQUESTS = int(os.environ.get("VFR_LOAD_REQUESTS", "50000"))
RESAMPLES = 2_000
BLOCK = 10


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
        symbols, asked = server.symbols(), 0
        server.drive(30.0, traffic(server, symbols))  # Warm-up: what is kept is made, allocators find their size.
        followed = {f"{kind} {one.pid}": one for kind, some in kinds(server.process).items() for one in some}
        counts: list[int] = []
        sizes: dict[str, list[float]] = {name: [] for name in followed}
        while asked < REQUESTS:
            asked += sum(one["answered"] for one in server.drive(0.5, traffic(server, symbols)))
            counts.append(asked)
            for name, one in followed.items():
                sizes[name].append(one.memory_info().rss / 1024)
    rng = np.random.default_rng(11)
    slopes = {name: growth(np.array(counts) / 1e3, np.array(taken), rng) for name, taken in sizes.items()}
    told = (f"{name.split()[0]} {at:+.1f} ({low:+.1f} to {high:+.1f})" for name, (at, low, high) in slopes.items())
    tell(f"{asked} requests; KiB per 1,000 of them: {'; '.join(told)}")
    assert [name for name, (_, low, _) in slopes.items() if low > 0.0] == []


def traffic(server: Server, symbols: list[str]) -> list[dict[str, Any]]:
    """Single names and lists, with and without ML, at several horizons."""
    lists = [group(server, 2, symbols, count=25, **more) for more in ({}, {"ml": True, "ml_horizon": "1d"})]
    return [*mixed(server, symbols, timeout=2_000, each=4), *lists]


def growth(x: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> tuple[float, float, float]:
    """Slope by least squares, and a 95 % interval by a moving-block bootstrap of its residuals."""
    design = np.column_stack([x, np.ones_like(x)])
    fitted = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    left, n = y - fitted, x.size
    slope = float(np.linalg.lstsq(design, y, rcond=None)[0][0])
    block = min(BLOCK, max(n // 3, 1))
    drawn = []
    for _ in range(RESAMPLES):
        starts = rng.integers(0, n - block + 1, size=-(-n // block))
        resampled = np.concatenate([left[s : s + block] for s in starts])[:n]
        drawn.append(np.linalg.lstsq(design, fitted + resampled, rcond=None)[0][0])
    low, high = np.quantile(drawn, [0.025, 0.975])
    return slope, float(low), float(high)
