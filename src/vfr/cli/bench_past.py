"""What `vfr bench` measures of past days: the first ones asked of a new server, and later ones; none is asked twice."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from math import ceil
from threading import Event
from typing import Any, Final

from vfr.cli.bench_rows import Row
from vfr.cli.bench_server import URL, Server
from vfr.clock import elapsed_ms

__all__ = ["days_before", "past_days", "until_idle"]

_LIMITS: Final[Mapping[int, float]] = {1: 40.0, 25: 150.0}
"""Milliseconds of the 99th percentile, by the number of symbols asked for."""

_LATEST: Final = 40
"""Calendar days before the last session from which days are asked for."""

_STRIDE: Final = 37
"""Weekdays between one question and the next: no day is computed together with a neighbour."""

_TIMEOUT_MS: Final = 30_000
_LOOK_S: Final = 2.0
_LOOKS: Final = 2
_IDLE: Final = 0.05
"""Share of a core below which a server is idle, in so many looks of so many seconds one after the other."""


def past_days(
    own: Server,
    symbols: Sequence[str],
    first: int,
    later: int,
    patience_s: float,
    tell: Callable[[str], None],
    *,
    ml: bool,
) -> list[Row]:
    """Ask a new server for past days, wait for what it computes ahead then, and ask for others.

    Parameters
    ----------
    own : Server
        That no past day was asked of.
    symbols : sequence of str
    first, later : int
        Days asked for at once, and after the wait: of one symbol, and as many of a list.
    patience_s : float
        How long is waited at most.
    tell : callable
        Told what is waited for.
    ml : bool
        Ask for machine learning.
    """
    latest = own.ask("POST", URL, _body(symbols[:1], None, ml=False))[1]["data"]["metadata"]["asOf"]
    days = days_before(date.fromisoformat(latest), first + later * len(_LIMITS))

    def asked(name: str, count: int, times: int, limit: float | None) -> list[Row]:
        bodies = [_body(symbols[:count], next(days), ml=ml) for _ in range(times)]
        return _rows(name, [_asked(own, body) for body in bodies], limit, ml=ml)

    rows = asked("past days, the first of a new server, 1 symbol", 1, first, None)
    tell("Waiting for what is computed ahead")
    waited = until_idle(own.used_s, patience_s)
    rows.append(Row("past days, what is computed ahead: waited", waited, "s", patience_s))
    for count, limit in _LIMITS.items():
        tell("Past days")
        rows += asked(f"past days later, {count} symbol{'s' * (count > 1)}", count, later, limit)
    return rows


def days_before(latest: date, count: int) -> Iterator[str]:
    """Yield so many weekdays before a day, in ISO form: each once, neighbours far from each other.

    Examples
    --------
    >>> list(days_before(date(2024, 6, 28), 3))
    ['2024-05-17', '2024-03-27', '2024-05-16']
    """
    back = (latest - timedelta(days=_LATEST + n) for n in range(7 * ceil((count + _STRIDE) / 5)))
    weekdays = [day for day in back if day.weekday() < 5]
    places = [place for start in range(_STRIDE) for place in range(start, len(weekdays), _STRIDE)]
    yield from (str(weekdays[place]) for place in places[:count])


def until_idle(used_s: Callable[[], float], patience_s: float) -> float:
    """Wait until something uses no processor any more, or until patience ends; return the seconds that took."""
    start, looks = elapsed_ms(), 0
    while looks < _LOOKS and elapsed_ms(start) < 1e3 * patience_s:
        before, began = used_s(), elapsed_ms()
        Event().wait(_LOOK_S)
        looks = looks + 1 if 1e3 * (used_s() - before) < _IDLE * elapsed_ms(began) else 0
    return elapsed_ms(start) / 1e3


def _body(symbols: Sequence[str], day: str | None, *, ml: bool) -> dict[str, Any]:
    body = {"mode": "multiple", "symbols": list(symbols), "include_ml": ml}
    return body if day is None else {**body, "as_of": day, "ml_timeout": _TIMEOUT_MS}


def _asked(own: Server, body: Mapping[str, Any]) -> tuple[float, bool, bool]:
    """Return what an answer took, whether it is one, and whether machine learning is in it."""
    start = elapsed_ms()
    status, told = own.ask("POST", URL, body)
    took = elapsed_ms(start)
    enhanced = status == 200 and told["data"]["metadata"].get("mlEnhancement", {}).get("mlAvailable", False)
    return took, status == 200, bool(enhanced)


def _rows(name: str, found: Sequence[tuple[float, bool, bool]], limit: float | None, *, ml: bool) -> list[Row]:
    times = len(found)
    taken = sorted(took for took, _, _ in found)
    rows = [
        Row(f"{name}: p50", statistics.median(taken), "ms", None, times),
        Row(f"{name}: p99", taken[ceil(0.99 * times) - 1], "ms", limit, times),
        Row(f"{name}: max", taken[-1], "ms", None, times),
        Row(f"{name}: errors", sum(not good for _, good, _ in found), "", 0.0, times),
    ]
    return (
        [*rows, Row(f"{name}: without ML", sum(not enhanced for _, _, enhanced in found), "", 0.0, times)]
        if ml
        else rows
    )
