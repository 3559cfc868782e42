"""Macro figures, texts and descriptions from their tables, dated by the session that could know them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC

import numpy as np
import polars as pl

from vfr.data.bitemporal.arrays import columns_of, days_of, figures_of
from vfr.data.bitemporal.evenings import KnownDays
from vfr.data.bitemporal.sources import one_at_a_time
from vfr.data.bitemporal.tables import TABLES
from vfr.data.records import Macro, MacroSeries, Securities, Texts

__all__ = ["macro", "securities", "texts"]


def macro(frame: pl.DataFrame, days: KnownDays, sources: Sequence[str]) -> Macro | None:
    """Return every series with all its vintages known; a withdrawn figure is NaN from the day it was withdrawn.

    The vintages of one observation come from one source at a time: a less trusted one counts until a more trusted one
    speaks of that observation.
    """
    out = {}
    for (name,), rows in sorted(frame.group_by("series")):
        own = one_at_a_time(rows, ("date",), days, sources).sort("known_at", "date")
        out[str(name)] = MacroSeries(
            days_of(own, "date"), days(own["known_at"]), figures_of(own, "value"), revised=False
        )
    return Macro(out) if out else None


def texts(frame: pl.DataFrame, columns: Mapping[str, int]) -> Texts | None:
    """Return the texts about known symbols, each in the words first known, by when those were known.

    A text that is edited later says the same news again: what moved anybody were its first words, and in every view
    after the edit both would count.

    Parameters
    ----------
    frame : polars.DataFrame
        Rows of the table of texts that were public, with all their versions.
    columns : mapping of str to int
        Column of each symbol; others are left out.
    """
    about = frame.filter(pl.col("symbol").is_in(list(columns)))
    first = about.sort("known_at").unique(TABLES["texts"].key, keep="first", maintain_order=True)
    # A text is dated by when it was written, unless it was read here before it says so or became public later.
    own = first.with_columns(_known=pl.max_horizontal("created_at", "known_at")).sort("_known", "symbol", "text")
    if own.is_empty():
        return None
    known = own["_known"].dt.convert_time_zone(str(UTC)).dt.replace_time_zone(None).to_numpy()
    # Whole seconds, never one too early: a text of the second after a close belongs to the next session.
    seconds = -(-known.astype("datetime64[us]").astype(np.int64) // 1_000_000)
    return Texts(columns_of(own, columns), seconds.astype("datetime64[s]"), tuple(own["text"].to_list()))


def securities(frame: pl.DataFrame, symbols: Sequence[str]) -> Securities:
    """Return names and sectors in the order of the symbols; "" where no source says."""
    known = {(symbol, field): text for symbol, field, text in frame.select("symbol", "field", "text").iter_rows()}
    columns = (tuple(known.get((s, field)) or "" for s in symbols) for field in ("name", "sector", "sub_industry"))
    return Securities(*columns)
