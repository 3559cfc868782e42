"""Medians, and what they were measured on."""

from __future__ import annotations

import os
import platform
import statistics
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Row:
    """One figure, its unit, and the published limit it must stay under (or, for a ratio or a rate, reach)."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    repeats: int = 1

    @property
    def ok(self) -> bool | None:
        if self.limit is None:
            return None
        return self.value >= self.limit if self.unit in ("times faster", "req/s") else self.value <= self.limit

    def to_dict(self) -> dict[str, Any]:
        rounded = float(f"{self.value:.4g}")
        body = {"name": self.name, "value": rounded, "unit": self.unit, "repeats": self.repeats}
        return body if self.limit is None else {**body, "limit": self.limit, "ok": self.ok}


def medians(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Return the median milliseconds of each call, run in turn so that a noisy moment hits all alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, times in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(times) for times in taken]


def machine() -> dict[str, Any]:
    """Describe the machine and the versions that matter."""
    cpu = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    named = ("numpy", "numba", "pandas", "lightgbm", "xgboost-cpu", "scikit-learn", "onnxruntime")
    load = os.getloadavg()[0]
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "load": round(load, 2),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        **{name: version(name) for name in named},
    }
