"""Dates and times of a table: ISO text or typed columns, plain or with one time zone, never two."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.tables import Table, distinct
from vfr.data.sessions import EARLIEST, LATEST
from vfr.errors import ImportRejected
from vfr.typing import DateArray, TimeArray

__all__ = ["moments", "open_ended_days", "session_days"]

NEW_YORK: Final = "America/New_York"

_ISO: Final = r"^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.\d+)?)? ?(Z|[+-]\d{2}:?\d{2})?$"
_FIX: Final = "write dates as YYYY-MM-DD"


def session_days(table: Table, column: str) -> DateArray:
    """Return a column as the New York days it means, shape (rows,).

    Plain dates are taken as they are. Times with a zone become New York days, except where every one is midnight in
    its own zone: those are dates that a tool stamped with a zone, and shifting them would name the day before.

    Raises
    ------
    ImportRejected
        If a date is missing, unreadable or outside 1900-2200, or if the column mixes time zones.
    """
    local, zoned = _local_and_utc(table, column)
    days = (
        local
        if zoned is None or _all_midnight(local)
        else zoned.dt.convert_time_zone(NEW_YORK).dt.replace_time_zone(None)
    )
    out: DateArray = days.dt.date().to_numpy().astype("datetime64[D]")
    _refuse_outside(table, column, out)
    return out


def moments(table: Table, column: str) -> TimeArray:
    """Return a column as UTC times in whole seconds; times without a zone are taken as UTC.

    Raises
    ------
    ImportRejected
        As `session_days`.
    """
    local, zoned = _local_and_utc(table, column)
    times = local if zoned is None else zoned.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    out: TimeArray = times.to_numpy().astype("datetime64[s]")
    _refuse_outside(table, column, out.astype("datetime64[D]"))
    return out


def _local_and_utc(table: Table, column: str) -> tuple[pl.Series, pl.Series | None]:
    """Return the times as written, without a zone, and the same instants with one (None if none was given)."""
    series = table.frame.get_column(column)
    missing = series.is_null()
    if missing.any():
        raise ImportRejected(
            f"{table.file}: column {column}, row {_first(table, missing)}: the date is missing; {_FIX}"
        )
    if series.dtype == pl.Date:
        return series.cast(pl.Datetime("us")), None
    if isinstance(series.dtype, pl.Datetime):
        micro = series.dt.cast_time_unit("us")
        return micro.dt.replace_time_zone(None), micro if series.dtype.time_zone else None
    if series.dtype.is_integer():
        series = series.cast(pl.String).str.replace(r"^(\d{4})(\d{2})(\d{2})$", "$1-$2-$3")
    if series.dtype != pl.String:
        raise ImportRejected(f"{table.file}: column {column} holds {series.dtype}, not dates; {_FIX}")
    # A year of bars has some 250 days: each is read once, whatever the number of rows.
    values, first, code = distinct(series.str.strip_chars())
    local, zoned = _parse(table.take(first), column, values)
    return local.gather(code), None if zoned is None else zoned.gather(code)


def _parse(table: Table, column: str, series: pl.Series) -> tuple[pl.Series, pl.Series | None]:
    text, time = pl.col("t"), pl.col("t").str.extract(_ISO, 2)
    parts = series.to_frame("t").select(
        day=text.str.extract(_ISO, 1),
        time=pl.when(time.is_null()).then(pl.lit("00:00:00")).otherwise((time + ":00").str.slice(0, 8)),
        zone=text.str.extract(_ISO, 3).replace({"Z": "+00:00"}),
    )
    stamp = parts["day"] + "T" + parts["time"]
    local = stamp.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    bad = local.is_null()
    if bad.any():
        value = ascii(str(series[int(bad.arg_max() or 0)])[:40])
        raise ImportRejected(f"{table.file}: column {column}, row {_first(table, bad)}: {value} is not a date; {_FIX}")
    if parts["zone"].null_count() == len(parts):
        return local, None
    return local, _instants(table, column, local, parts["zone"])


def _instants(table: Table, column: str, local: pl.Series, zone: pl.Series) -> pl.Series:
    offset = zone.str.replace(":", "")
    kinds = offset.unique().to_list()
    hours = offset.str.slice(0, 3).cast(pl.Int64)
    minutes = hours * 60 + offset.str.slice(3, 2).cast(pl.Int64) * (1 - 2 * offset.str.starts_with("-").cast(pl.Int64))
    if len(kinds) == 1:
        return (local - pl.Series(minutes * 60_000_000).cast(pl.Duration("us"))).dt.replace_time_zone("UTC")
    if set(kinds) == {"-0400", "-0500"}:
        # New York's own two offsets: fine, if each stands where New York has it (Chicago's summer is -05:00 too).
        new_york = local.dt.replace_time_zone(NEW_YORK, ambiguous="earliest", non_existent="null")
        kept = new_york.dt.convert_time_zone("UTC").dt.replace_time_zone(None) - local
        if (kept.dt.total_minutes() == -minutes).all():
            return new_york
    other = zone.ne_missing(zone[0])
    raise ImportRejected(
        f"{table.file}: column {column} mixes time zones: row {table.row(0)} has {zone[0] or 'none'}, "
        f"row {_first(table, other)} has {zone[int(other.arg_max() or 0)] or 'none'}; write every date in one zone, "
        "or as a plain YYYY-MM-DD"
    )


def _all_midnight(local: pl.Series) -> bool:
    return bool(((local.dt.hour() == 0) & (local.dt.minute() == 0) & (local.dt.second() == 0)).all())


def _refuse_outside(table: Table, column: str, days: DateArray) -> None:
    outside = (days < EARLIEST) | (days > LATEST)
    if outside.any():
        first = int(np.argmax(outside))
        raise ImportRejected(
            f"{table.file}: column {column}, row {table.row(first)}: {days[first]} is outside {EARLIEST} to {LATEST};"
            " correct it or remove the row"
        )


def _first(table: Table, where: pl.Series) -> int:
    return table.row(int(where.arg_max() or 0))


def open_ended_days(table: Table, column: str) -> DateArray:
    """Return a column of days where an empty cell means "still going on", NaT."""
    blank = table.frame.get_column(column).cast(pl.String).str.strip_chars().fill_null("") == ""
    out = np.full(len(table.frame), np.datetime64("NaT"), dtype="datetime64[D]")
    known = np.flatnonzero(~blank.to_numpy())
    if known.size:
        out[known] = session_days(table.take(known), column)
    return out
