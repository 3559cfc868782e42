"""Faults that any vendor can have, whatever it serves: the wire breaks, or it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from typing import Final

from tests.conformance.market import NOW
from tests.conformance.replay import ECHO, Answer, Change

__all__ = ["RETRY_AFTER", "WIRE"]

RETRY_AFTER: Final = 7
"""Seconds that a throttling vendor asks for in these tests."""

_HTML: Final = (
    b"<!DOCTYPE html><html><head><title>We'll be right back</title></head><body>Sorry! " + ECHO + b"</body></html>"
)


def _refused(status: int, **headers: str) -> Change:
    def changed(_healthy: Answer) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return Answer(
            b'{"message": "no: ' + ECHO + b'"}', status=status, headers={"Content-Type": "application/json"} | named
        )

    return changed


def _late(healthy: Answer) -> Answer:
    return replace(healthy, late=True)


def _half_sent(healthy: Answer) -> Answer:
    """Promise the whole body, send half of it and hang up."""
    return replace(healthy, body=healthy.body[: len(healthy.body) // 2], length=len(healthy.body))


def _cut(healthy: Answer) -> Answer:
    """Send half of the body as though it were all."""
    return replace(healthy, body=healthy.body[: len(healthy.body) // 2])


def _html(_healthy: Answer) -> Answer:
    return Answer(_HTML, headers={"Content-Type": "text/html"})


WIRE: Final[Mapping[str, Change]] = {
    "throttled_with_time": _refused(429, Retry_After=str(RETRY_AFTER)),
    "throttled": _refused(429),
    "throttled_until": _refused(429, Retry_After=format_datetime(NOW + timedelta(seconds=RETRY_AFTER), usegmt=True)),
    "throttled_for_long": _refused(429, Retry_After="86400"),
    "server_error": _refused(500),
    "busy": _refused(503, Retry_After=str(RETRY_AFTER)),
    "denied": _refused(403),
    "late": _late,
    "half_sent": _half_sent,
    "cut": _cut,
    "html": _html,
}
"""Name of a fault to what it makes of an answer."""
