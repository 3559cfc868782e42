"""The only reader of clocks; everything else takes time as an argument."""

from __future__ import annotations

import time
from datetime import UTC, datetime

__all__ = ["elapsed_ms", "epoch_ms", "processor_ms", "utc_now"]


def utc_now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def epoch_ms() -> int:
    """Return the current time as epoch milliseconds, the unit of ``timestamp`` fields."""
    return time.time_ns() // 1_000_000


def elapsed_ms(since: float | None = None) -> float:
    """Return a monotonic reading in milliseconds, or the milliseconds since an earlier reading.

    Examples
    --------
    >>> start = elapsed_ms()
    >>> elapsed_ms(start) >= 0
    True
    """
    now = time.perf_counter() * 1e3
    return now if since is None else now - since


def processor_ms() -> float:
    """Return the milliseconds this thread has spent on a processor: what work costs on a machine that is busy."""
    return time.thread_time_ns() / 1e6
