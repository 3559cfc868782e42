"""Macro figures, texts and descriptions from their tables, dated by the session that could know them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from vfr.data.records import Macro, MacroSeries, Securities, Texts
from vfr.typing import DateArray, TimeArray

__all__ = ["KnownDays", "known_days", "macro", "of_best", "securities", "texts"]

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


def macro(frame: pl.DataFrame, days: KnownDays, sources: Sequence[str]) -> Macro | None:
    """Return every series with all its vintages known; a withdrawn figure is NaN from the day it was withdrawn."""
    out = {}
    for (name,), rows in sorted(frame.group_by("series")):
        own = of_best(rows, sources).sort("known_at", "date")
        dates = own["date"].to_numpy().astype("datetime64[D]")
        value = np.array(own["value"].fill_null(np.nan).to_numpy(), dtype=np.float64)
        out[str(name)] = MacroSeries(dates, days(own["known_at"]), value, revised=False)
    return Macro(out) if out else None


def texts(frame: pl.DataFrame, columns: Mapping[str, int]) -> Texts | None:
    """Return the texts about known symbols, by the time they were written."""
    own = frame.filter(pl.col("symbol").is_in(list(columns))).sort("created_at", "symbol", "text")
    if own.is_empty():
        return None
    column = own["symbol"].replace_strict(columns, return_dtype=pl.Int64).to_numpy()
    written = own["created_at"].dt.convert_time_zone(str(UTC)).dt.replace_time_zone(None).to_numpy()
    return Texts(np.asarray(column, dtype=np.int64), written.astype("datetime64[s]"), tuple(own["text"].to_list()))


def securities(frame: pl.DataFrame, symbols: Sequence[str]) -> Securities:
    """Return names and sectors in the order of the symbols; "" where no source says."""
    known = {(symbol, field): text for symbol, field, text in frame.select("symbol", "field", "text").iter_rows()}
    columns = (tuple(known.get((s, field)) or "" for s in symbols) for field in ("name", "sector", "sub_industry"))
    return Securities(*columns)


def of_best(rows: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """Return the rows of the first listed source that has any: vintages of two sources are never mixed."""
    held = rows["source"].unique().sort().to_list()
    best = next((name for name in sources if name in held), held[0])
    return rows.filter(pl.col("source") == best)
