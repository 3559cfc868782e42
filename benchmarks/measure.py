"""Medians, taken in turns."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from vfr.cli.bench_rows import Row, machine

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Row", "machine", "medians"]


def medians(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Return the median milliseconds of each call, run in turn so that a noisy moment hits all alike."""
    taken: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, times in zip(calls, taken, strict=True):
            start = time.perf_counter()
            call()
            times.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(times) for times in taken]
