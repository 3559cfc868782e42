"""Insiders' transactions and analysts' counts from their tables, dated by the session that could know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.arrays import columns_of, days_of, figures_of
from vfr.data.bitemporal.evenings import KnownDays
from vfr.data.bitemporal.sources import one_at_a_time
from vfr.data.people import GRADES, Insiders, Ratings, numbered
from vfr.typing import BoolArray

__all__ = ["insiders", "ratings"]

_TRANSACTION: Final = ("symbol", "owner", "date", "code", "shares", "price")

_HOLDERS: Final = frozenset({"", "10% owner", "other"})
"""Roles on a form that do not make their holder a manager; any other word is a director or an officer's title."""


def insiders(
    frame: pl.DataFrame, columns: Mapping[str, int], days: KnownDays, sources: Sequence[str]
) -> Insiders | None:
    """Return every transaction once, known since it was first reported; None if there is none.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of the table of insiders that were in force.
    columns : mapping of str to int
        Column of each symbol; others are left out.
    days : callable
        See `vfr.data.bitemporal.evenings.known_days`.
    sources : sequence of str
        In order of trust; the transactions of one symbol come from one source at a time, see
        `vfr.data.bitemporal.sources.one_at_a_time`.

    Notes
    -----
    An amended form repeats the transactions of the first one, and the table does not say which form amends which: what
    another form says in the same words is the same transaction. Two equal lines of one form are two. A transaction
    whose figures the amendment corrects stands beside the first one.
    """
    held = frame.filter(pl.col("symbol").is_in(list(columns)))
    if held.is_empty():
        return None
    best = one_at_a_time(held, ("symbol",), days, sources)
    place = pl.int_range(pl.len()).over("source", "accession", *_TRANSACTION)
    ordered = best.sort("known_at", "symbol", "accession", "line").with_columns(_place=place)
    once = ordered.unique([*_TRANSACTION, "_place"], keep="first", maintain_order=True)
    owner, names = numbered(once["owner"].fill_null("").to_numpy().astype(np.str_))
    code = once["code"].fill_null("").to_list()
    return Insiders(
        column=columns_of(once, columns),
        date=days_of(once, "date"),
        known_at=days(once["known_at"]),
        owner=owner,
        manager=_managers(once["role"]),
        code=np.array([letter if len(letter) == 1 else "" for letter in code], dtype="<U1"),
        shares=figures_of(once, "shares"),
        price=figures_of(once, "price"),
        owners=tuple(names.tolist()),
    )


def ratings(frame: pl.DataFrame, columns: Mapping[str, int], days: KnownDays, sources: Sequence[str]) -> Ratings | None:
    """Return one row for every time that counts or targets of a day became known; None if there is none.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of the table of ratings that were public, with all their versions.
    columns, days, sources
        See `insiders`.

    Notes
    -----
    A correction holds only the figures that changed; the others stay as they were. What became known of a day after a
    later day was known is left out: it never was in force.
    """
    held = frame.filter(pl.col("symbol").is_in(list(columns)))
    if held.is_empty():
        return None
    best = one_at_a_time(held, ("symbol",), days, sources)
    wide = best.pivot(
        "measure", index=["symbol", "date", "source", "known_at"], values="value", aggregate_function="last"
    )
    figures = [name for name in (*GRADES, "target_mean") if name in wide.columns]
    told = ("symbol", "date", "source")
    whole = wide.sort(*told, "known_at").with_columns(pl.col(figures).forward_fill().over(told))
    ordered = whole.sort("known_at", "symbol", "date")
    newest = ordered.filter(pl.col("date") == pl.col("date").cum_max().over("symbol"))
    return Ratings(
        column=columns_of(newest, columns),
        date=days_of(newest, "date"),
        known_at=days(newest["known_at"]),
        counts=np.stack([figures_of(newest, grade) for grade in GRADES], axis=1),
        target_mean=figures_of(newest, "target_mean"),
    )


def _managers(roles: pl.Series) -> BoolArray:
    """Tell which roles name a director or an officer; a form lists an owner's roles with commas, owners with ``;``."""
    words = ({word.strip().lower() for word in role.replace(";", ",").split(",")} for role in roles.fill_null(""))
    return np.array([bool(found - _HOLDERS) for found in words], dtype=np.bool_)
