"""The invented company every vendor is asked about: its bars as traded, one split, one dividend, its annual figures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

import numpy as np

from vfr.data.sessions import sessions_between

__all__ = [
    "CIK",
    "DIVIDEND",
    "LOST",
    "NAME",
    "NOW",
    "OTHER",
    "SHIFT",
    "SINCE",
    "SPLIT",
    "SYMBOL",
    "UNDIVIDED",
    "Bar",
    "bars",
]

SYMBOL: Final = "QXZ"
OTHER: Final = "QXY"
NAME: Final = "Quarry Cross Instruments"
CIK: Final = 9_900_001

SINCE: Final = date(2024, 5, 1)
NOW: Final = datetime(2024, 7, 3, 22, 0, tzinfo=UTC)
"""After the close of a session that ended at 13:00 New York, so that its bar is complete."""

SPLIT: Final = (date(2024, 6, 10), 10)
DIVIDEND: Final = (date(2024, 5, 16), 0.85)

LOST: Final = date(2024, 5, 21)
"""The session that a vendor leaves out when it forgets one."""

UNDIVIDED: Final = (date(2024, 6, 5), date(2024, 6, 6), date(2024, 6, 7))
"""Sessions whose prices a vendor leaves on the wrong side of the split."""

SHIFT: Final = timedelta(hours=14)
"""By how much a vendor's clock is wrong when it is, to either side."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One session as it traded."""

    day: date
    open: float
    high: float
    low: float
    close: float
    volume: int


@cache
def bars() -> tuple[Bar, ...]:
    """Return every session from `SINCE` to `NOW`; the price falls to a tenth on the day of the 10:1 split."""
    sessions = sessions_between(np.datetime64(SINCE), np.datetime64(NOW.date())).tolist()
    return tuple(_bar(i, day) for i, day in enumerate(sessions))


def _bar(i: int, day: date) -> Bar:
    shares = SPLIT[1] if day >= SPLIT[0] else 1
    close = 400 * (1 + 0.02 * math.sin(1.7 * i) + 0.001 * i) / shares
    first = close * (1 + 0.004 * math.cos(2.3 * i))
    top, bottom = max(first, close) * 1.006, min(first, close) * 0.993
    first, top, bottom, close = (round(price, 2) for price in (first, top, bottom, close))
    return Bar(day, first, top, bottom, close, (1_200_000 + 31_000 * (i % 17)) * shares)
