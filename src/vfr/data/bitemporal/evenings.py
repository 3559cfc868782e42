"""On which evening a moment counts: what came out after a close is known the next day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from vfr.typing import DateArray, TimeArray

__all__ = ["KnownDays", "known_days"]

KnownDays = Callable[[pl.Series], DateArray]
"""From moments (UTC) to the first day at whose close each was public."""

_NEW_YORK: Final = ZoneInfo("America/New_York")
_FOUR: Final = np.timedelta64(16, "h")


def known_days(sessions: DateArray, closes_at: TimeArray) -> KnownDays:
    """Return a function that dates moments by the evening they could be used.

    What came out after the close of a session is known on the next day only; a filing of 18:01 never takes part in
    the score of the same evening. Days outside the sessions count as closing at 16:00 in New York.
    """

    def days(moments: pl.Series) -> DateArray:
        local = moments.dt.convert_time_zone("America/New_York").dt.replace_time_zone(None)
        wall = local.to_numpy().astype("datetime64[us]")
        day = wall.astype("datetime64[D]")
        utc = moments.dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        row = np.minimum(np.searchsorted(sessions, day), max(sessions.size - 1, 0))
        open_day = sessions[row] == day
        late = np.where(open_day, utc > closes_at[row], wall - day > _FOUR)
        return np.asarray(day + late, dtype="datetime64[D]")

    return days
