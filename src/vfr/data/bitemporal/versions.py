"""Versions of facts: which one was in force at a moment, and what an answer adds to what is stored.

A fact is named by its key; its versions differ in `known_at`. Nothing stored is ever changed or removed: a correction
is a later version, so the view of any past moment stays what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import reduce
from operator import and_
from typing import Final

import polars as pl

from vfr.data.bitemporal.tables import ALWAYS, TABLES, Kind, Table, conform

__all__ = ["amendments", "as_of", "known_by", "merged", "withdrawals"]

_TICK: Final = timedelta(microseconds=1)


def merged(kind: Kind, *frames: pl.DataFrame) -> pl.DataFrame:
    """Return the rows of several frames in the order that every stored table has: by key, then by `known_at`."""
    return pl.concat([conform(kind, frame) for frame in frames]).sort(*TABLES[kind].key, "known_at")


def known_by(frame: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return the rows that were public at a moment, in their order."""
    return frame.filter(pl.col("known_at") <= moment)


def as_of(kind: Kind, frame: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Return the version of every fact that was in force at a moment.

    Parameters
    ----------
    kind : Kind
        Table of the rows.
    frame : polars.DataFrame
        Ordered as `merged` orders it.
    moment : datetime
        Aware, UTC. What became known later takes no part.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from vfr.data.bitemporal.tables import empty
    >>> as_of("bars", empty("bars"), datetime(2020, 1, 1, tzinfo=UTC)).height
    0
    """
    known = known_by(frame, moment)
    return known.filter(~_same_key_as(TABLES[kind], known, step=-1))


def amendments(
    kind: Kind, stored: pl.DataFrame, answer: pl.DataFrame, now: datetime, told: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Return the rows of an answer that say something new, stamped with when it became known.

    Parameters
    ----------
    kind : Kind
        Table of both.
    stored : polars.DataFrame
        What is known already of the same keys; may hold others.
    answer : polars.DataFrame
        Checked rows, free of contradictions.
    now : datetime
        When the rows are published.
    told : polars.DataFrame, optional
        Spans that were told before: the table's subject, ``source``, ``first`` and ``last`` day. For tables that do not
        date their values.

    Returns
    -------
    polars.DataFrame
        A fact seen for the first time keeps its `known_at`, unless it lies in a span that its source told before: then
        it was left out or wrong at the time, and counts from `now`. A repeat is left out. A value that differs from the
        version in force is a new version: at its own `known_at` where the source dates its values and that is later
        (a filing, a vintage), else at `now`, for until now nobody could have known it from here.
    """
    table = TABLES[kind]
    if answer.is_empty():
        return answer
    fresh = merged(kind, answer).unique(maintain_order=True)
    if table.timeless:
        fresh = fresh.with_columns(known_at=pl.lit(ALWAYS).cast(table.columns["known_at"]))
    keys = fresh.select(table.key).unique()
    held = stored.join(keys, on=list(table.key), how="semi", nulls_equal=True)
    if table.dated:
        return _dated(kind, held, fresh, now)
    return _undated(kind, held, fresh if told is None else _late(table, held, fresh, told, now), now)


def withdrawals(kind: Kind, stored: pl.DataFrame, answer: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return a version that takes back every stored fact that a complete answer no longer holds.

    Parameters
    ----------
    kind : {"actions", "membership"}
        A withdrawn action has no value; a withdrawn membership ends on the day it begins.
    stored : polars.DataFrame
        Facts of the span that the answer covers, and of its source.
    answer : polars.DataFrame
        Everything the source says of that span.
    """
    table = TABLES[kind]
    gone_form = _WITHDRAWN[kind]
    held = as_of(kind, stored, now)
    standing = pl.all_horizontal([pl.col(name).eq_missing(form) for name, form in gone_form.items()]).not_()
    gone = held.filter(standing).join(answer, on=list(table.key), how="anti", nulls_equal=True)
    return gone.with_columns(known_at=pl.lit(now).cast(table.columns["known_at"]), **gone_form)


_WITHDRAWN: Final[Mapping[Kind, Mapping[str, pl.Expr]]] = {
    "actions": {"value": pl.lit(None, dtype=pl.Float64)},
    "membership": {"end_date": pl.col("start_date")},
}
"""What a withdrawn fact looks like, by table."""


def _late(table: Table, held: pl.DataFrame, fresh: pl.DataFrame, told: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Stamp facts that are new inside a span told before with `now`."""
    subject, day = table.key[0], next(name for name in ("date", "start_date") if name in table.columns)
    known = held.select(table.key).unique().with_columns(_held=pl.lit(value=True))
    spans = told.select(pl.col(told.columns[0]).alias(subject), "source", "first", "last")
    joined = fresh.join(spans, on=[subject, "source"], how="left")
    joined = joined.join(known, on=list(table.key), how="left", nulls_equal=True)
    late = pl.col("_held").is_null() & pl.col(day).is_between("first", "last")
    stamped = pl.max_horizontal("known_at", pl.lit(now).cast(table.columns["known_at"]))
    at = pl.when(late.fill_null(value=False)).then(stamped).otherwise("known_at")
    return joined.with_columns(known_at=at).select(fresh.columns)


def _undated(kind: Kind, held: pl.DataFrame, fresh: pl.DataFrame, now: datetime) -> pl.DataFrame:
    table = TABLES[kind]
    latest = held.filter(~_same_key_as(table, held, step=-1))
    joined = fresh.join(latest, on=list(table.key), how="left", suffix="_held", nulls_equal=True)
    first = pl.col("known_at_held").is_null()
    corrected = pl.max_horizontal(pl.lit(now), pl.col("known_at_held") + _TICK)
    return joined.filter(first | ~_same_values(table, "_held")).select(
        pl.when(first).then("known_at").otherwise(corrected).alias(name) if name == "known_at" else pl.col(name)
        for name in table.columns
    )


def _dated(kind: Kind, held: pl.DataFrame, fresh: pl.DataFrame, now: datetime) -> pl.DataFrame:
    table = TABLES[kind]
    both = pl.concat([held.with_columns(_new=pl.lit(0)), fresh.with_columns(_new=pl.lit(1))])
    both = both.sort(*table.key, "known_at", "_new")
    before = both.shift(1).rename({name: f"{name}_before" for name in both.columns})
    both = pl.concat([both, before], how="horizontal").with_columns(
        _again=_same_key_as(table, both, step=1), _same=_same_values(table, "_before")
    )
    news = both.filter((pl.col("_new") == 1) & ~(pl.col("_again") & pl.col("_same").fill_null(value=False)))
    # Same fact, same date of knowledge, another value: the source changed its mind without dating it.
    clash = (pl.col("_again") & (pl.col("known_at") == pl.col("known_at_before"))).fill_null(value=False)
    columns = list(table.columns)
    # Where the answer itself goes on to a later version, that one stays the latest.
    ends = fresh.filter(~_same_key_as(table, fresh, step=-1)).select(*table.key, "known_at")
    undated = news.filter(clash).select(columns).join(ends, on=[*table.key, "known_at"], how="semi", nulls_equal=True)
    return merged(kind, news.filter(~clash).select(columns), _undated(kind, held, undated, now))


def _same_key_as(table: Table, frame: pl.DataFrame, *, step: int) -> pl.Series:
    """Tell which rows have the key of the row before (1) or after (-1) them."""
    same = [pl.col(name).eq_missing(pl.col(name).shift(step)) for name in table.key]
    inside = pl.int_range(pl.len()) >= 1 if step > 0 else pl.int_range(pl.len()) < pl.len().cast(pl.Int64) - 1
    return frame.select(_same=reduce(and_, same, inside))["_same"]


def _same_values(table: Table, suffix: str) -> pl.Expr:
    """Tell whether the columns a version may change equal those with a suffix, figures within the tolerance."""
    same = []
    for name in table.values:
        one, other = pl.col(name), pl.col(f"{name}{suffix}")
        equal = one.eq_missing(other)
        if table.columns[name] == pl.Float64 and table.tolerance:
            near = (one - other).abs() <= table.tolerance * pl.max_horizontal(one.abs(), other.abs())
            equal = equal | near.fill_null(value=False)
        same.append(equal)
    return reduce(and_, same, pl.lit(value=True))
