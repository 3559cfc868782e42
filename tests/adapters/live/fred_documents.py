"""FRED's answers about invented vintages, clipped to the window a question is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOREVER = "9999-12-31"


@dataclass(frozen=True)
class Vintage:
    """A figure for a day, and the first and last day it was in force."""

    day: str
    value: Any
    start: str
    end: str = FOREVER


def page(vintages: Sequence[Vintage], params: Mapping[str, str], limit: int | None = None) -> dict[str, Any]:
    """One page as FRED sends it; without a window the present figures."""
    first, last = params.get("realtime_start", "2024-07-03"), params.get("realtime_end", "2024-07-03")
    held = [v for v in vintages if v.start <= last and v.end >= first]
    rows = [
        {
            "realtime_start": max(v.start, first),
            "realtime_end": min(v.end, last),
            "date": v.day,
            "value": v.value,
        }
        for v in sorted(held, key=lambda v: (v.day, v.start))
    ]
    offset, most = int(params["offset"]), limit or int(params["limit"])
    head = {"realtime_start": first, "realtime_end": last, "units": "lin", "output_type": 1, "file_type": "json"}
    return head | {"count": len(rows), "offset": offset, "limit": most, "observations": rows[offset : offset + most]}
