"""How members behave when they are asked: latency and failures of the last calls."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any, Final

import numpy as np

__all__ = ["CallRecord", "CallRecorder", "Calls"]

_HEALTHY: Final = ("ok", "disabled")
"""Statuses that are no failure: a member that is switched off was not asked."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call of a member.

    Parameters
    ----------
    member : str
    status : str
        As `vfr.ensemble.committee` names it: ``ok``, or why there is no answer.
    latency_ms : float
    """

    member: str
    status: str
    latency_ms: float


@dataclass(frozen=True, slots=True)
class Calls:
    """The last calls of one member.

    Parameters
    ----------
    member : str
    calls : int
        Calls kept, those of a disabled member left out.
    failures : int
    failure_rate : float
        Share of the calls that failed; NaN without calls.
    p50_ms, p95_ms, p99_ms : float
        Latency of the calls that were answered; NaN without any.
    by_status : dict
        Calls by status.
    """

    member: str
    calls: int
    failures: int
    failure_rate: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    by_status: dict[str, int]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures for JSON; what is not known is None."""
        return {k: None if isinstance(v, float) and v != v else v for k, v in asdict(self).items()}  # noqa: PLR0124


class CallRecorder:
    """Keeps the last calls of every member; any thread may record, in constant time and bounded memory.

    Parameters
    ----------
    size : int
        Calls kept per member.

    Examples
    --------
    >>> recorder = CallRecorder(size=3)
    >>> for latency in (90.0, 1.0, 2.0):
    ...     recorder.record(CallRecord("trees", "ok", latency))
    >>> recorder.record(CallRecord("trees", "timeout", 50.0))
    >>> found = recorder.calls()[0]
    >>> found.calls, found.failures, found.p50_ms
    (3, 1, 1.5)
    """

    def __init__(self, size: int = 2048) -> None:
        self._size = size
        self._lock = Lock()
        self._kept: dict[str, deque[tuple[str, float]]] = {}

    def record(self, call: CallRecord) -> None:
        """Take in a call; the oldest of the same member goes when there are too many."""
        with self._lock:
            kept = self._kept.get(call.member)
            if kept is None:
                kept = self._kept[call.member] = deque(maxlen=self._size)
            kept.append((call.status, call.latency_ms))

    def calls(self) -> tuple[Calls, ...]:
        """Return the figures of every member that was asked, in the order in which they first were."""
        with self._lock:
            kept = {member: tuple(calls) for member, calls in self._kept.items()}
        return tuple(_figures(member, calls) for member, calls in kept.items())


def _figures(member: str, kept: tuple[tuple[str, float], ...]) -> Calls:
    by_status: dict[str, int] = {}
    for status, _ in kept:
        by_status[status] = by_status.get(status, 0) + 1
    asked = sum(n for status, n in by_status.items() if status != "disabled")
    failures = sum(n for status, n in by_status.items() if status not in _HEALTHY)
    answered = np.array([latency for status, latency in kept if status == "ok"])
    p50, p95, p99 = np.percentile(answered, (50, 95, 99)).tolist() if answered.size else [float("nan")] * 3
    return Calls(member, asked, failures, failures / asked if asked else float("nan"), p50, p95, p99, by_status)
