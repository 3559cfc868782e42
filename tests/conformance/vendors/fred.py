"""FRED as it answers: observations of a monthly series, one row per vintage, clipped to the window asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from tests.conformance.replay import Answer, Asked, Change, document, rewrite

__all__ = ["LIES", "MAIN", "SERIES", "VINTAGES", "Vintage", "play"]

SERIES: Final = "UNRATE"
MAIN: Final = {"macro": "/series/observations"}


@dataclass(frozen=True, slots=True)
class Vintage:
    """A figure and the days it was in force."""

    day: date
    value: str
    start: date
    end: date


_FOREVER: Final = date(9999, 12, 31)

VINTAGES: Final = (
    Vintage(date(2024, 1, 1), "3.7", date(2024, 2, 2), _FOREVER),
    Vintage(date(2024, 2, 1), "3.9", date(2024, 3, 8), _FOREVER),
    Vintage(date(2024, 3, 1), "3.8", date(2024, 4, 5), date(2024, 5, 2)),
    Vintage(date(2024, 3, 1), "3.9", date(2024, 5, 3), _FOREVER),
    Vintage(date(2024, 4, 1), "3.9", date(2024, 5, 3), _FOREVER),
    Vintage(date(2024, 5, 1), "4.0", date(2024, 6, 7), _FOREVER),
)
"""Invented figures; the third month is revised once."""


def play(asked: Asked) -> Answer | None:
    """Answer as FRED does."""
    if not asked.path.endswith(MAIN["macro"]):
        return None
    if asked.params["series_id"] == SERIES:
        return _observations(asked.params)
    where = " in ALFRED but may exist in FRED" if "realtime_start" in asked.params else ""
    return _bad_request(f"Bad Request.  The series does not exist{where}.")


def _observations(params: Mapping[str, str]) -> Answer:
    first, last = _day(params, "realtime_start", date(1776, 7, 4)), _day(params, "realtime_end", _FOREVER)
    since, until = _day(params, "observation_start", date(1776, 7, 4)), _day(params, "observation_end", _FOREVER)
    rows = [
        {
            "realtime_start": max(v.start, first).isoformat(),
            "realtime_end": min(v.end, last).isoformat(),
            "date": v.day.isoformat(),
            "value": v.value,
        }
        for v in VINTAGES
        if v.start <= last and v.end >= first and since <= v.day <= until
    ]
    offset, limit = int(params.get("offset", "0")), int(params.get("limit", "100000"))
    return document(
        {
            "realtime_start": first.isoformat(),
            "realtime_end": last.isoformat(),
            "observation_start": since.isoformat(),
            "observation_end": until.isoformat(),
            "units": "lin",
            "output_type": 1,
            "file_type": "json",
            "order_by": "observation_date",
            "sort_order": "asc",
            "count": len(rows),
            "offset": offset,
            "limit": limit,
            "observations": rows[offset : offset + limit],
        }
    )


def _day(params: Mapping[str, str], name: str, otherwise: date) -> date:
    return date.fromisoformat(params[name]) if name in params else otherwise


def _bad_request(message: str) -> Answer:
    return replace(document({"error_code": 400, "error_message": message}), status=400)


def _wrong_key(_healthy: Answer) -> Answer:
    return _bad_request("Bad Request.  The value for variable api_key is not registered.")


def _rows(change: Any) -> Change:
    def changed(body: Any) -> Any:
        rows = change(body["observations"])
        return body | {"observations": rows, "count": len(rows)}

    return rewrite(changed)


def _figure(value: Any) -> Change:
    return _rows(lambda rows: [row | {"value": value} if row["date"] == "2024-02-01" else row for row in rows])


LIES: Final[Mapping[tuple[str, str], Change]] = {
    ("macro", "empty"): _rows(lambda _rows: []),
    ("macro", "missing"): _rows(lambda rows: [row for row in rows if row["date"] != "2024-02-01"]),
    ("macro", "nan_text"): _figure("NaN"),
    ("macro", "nan_token"): _figure(float("nan")),
    ("macro", "denied_in_words"): _wrong_key,
}
"""(Kind the offer is named by, fault) to what the fault makes of its document."""
