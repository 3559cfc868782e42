"""Insiders' transactions and analysts' counts from their tables, dated by the session that could know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from vfr.data.bitemporal.facts import KnownDays, of_best
from vfr.data.people import GRADES, Insiders, Ratings, numbered
from vfr.typing import BoolArray, FloatArray, IntArray

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
        See `vfr.data.bitemporal.facts.known_days`.
    sources : sequence of str
        In order of trust; the transactions of one symbol come from one source.

    Notes
    -----
    An amended form repeats the transactions of the first one, and the table does not say which form amends which: what
    another form says in the same words is the same transaction. Two equal lines of one form are two. A transaction
    whose figures the amendment corrects stands beside the first one.
    """
    held = frame.filter(pl.col("symbol").is_in(list(columns)))
    if held.is_empty():
        return None
    best = pl.concat(of_best(rows, sources) for _, rows in held.group_by("symbol", maintain_order=True))
    place = pl.int_range(pl.len()).over("accession", *_TRANSACTION)
    ordered = best.sort("known_at", "symbol", "accession", "line").with_columns(_place=place)
    once = ordered.unique([*_TRANSACTION, "_place"], keep="first", maintain_order=True)
    owner, names = numbered(once["owner"].fill_null("").to_numpy().astype(np.str_))
    code = once["code"].fill_null("").to_list()
    return Insiders(
        column=_columns(once, columns),
        date=once["date"].to_numpy().astype("datetime64[D]"),
        known_at=days(once["known_at"]),
        owner=owner,
        manager=_managers(once["role"]),
        code=np.array([letter if len(letter) == 1 else "" for letter in code], dtype="<U1"),
        shares=_figures(once, "shares"),
        price=_figures(once, "price"),
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
    best = pl.concat(of_best(rows, sources) for _, rows in held.group_by("symbol", maintain_order=True))
    wide = best.pivot("measure", index=["symbol", "date", "known_at"], values="value", aggregate_function="last")
    figures = [name for name in (*GRADES, "target_mean") if name in wide.columns]
    whole = wide.sort("symbol", "date", "known_at").with_columns(pl.col(figures).forward_fill().over("symbol", "date"))
    ordered = whole.sort("known_at", "symbol", "date")
    newest = ordered.filter(pl.col("date") == pl.col("date").cum_max().over("symbol"))
    return Ratings(
        column=_columns(newest, columns),
        date=newest["date"].to_numpy().astype("datetime64[D]"),
        known_at=days(newest["known_at"]),
        counts=np.stack([_figures(newest, grade) for grade in GRADES], axis=1),
        target_mean=_figures(newest, "target_mean"),
    )


def _managers(roles: pl.Series) -> BoolArray:
    """Tell which roles name a director or an officer; a form lists an owner's roles with commas, owners with ``;``."""
    words = ({word.strip().lower() for word in role.replace(";", ",").split(",")} for role in roles.fill_null(""))
    return np.array([bool(found - _HOLDERS) for found in words], dtype=np.bool_)


def _columns(frame: pl.DataFrame, columns: Mapping[str, int]) -> IntArray:
    place = frame["symbol"].replace_strict(columns, return_dtype=pl.Int64)
    return np.asarray(place.to_numpy(), dtype=np.int64)


def _figures(frame: pl.DataFrame, name: str) -> FloatArray:
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return np.array(frame[name].fill_null(np.nan).to_numpy(), dtype=np.float64)
