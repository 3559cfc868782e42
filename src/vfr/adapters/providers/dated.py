"""Tables of dated observations: macro series by release date, texts by the second they were written."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.days import moments, session_days
from vfr.adapters.providers.neighbours import Neighbours
from vfr.adapters.providers.tables import numbers, texts
from vfr.data.quality import finding
from vfr.data.records import Macro, MacroSeries, Texts
from vfr.typing import DateArray

__all__ = ["read_macro", "read_texts"]

_REVISED: Final = frozenset({"CPIAUCSL", "CPILFESL", "UNRATE", "INDPRO", "PAYEMS", "GDP", "GDPC1", "PCEPI", "PCEPILFE"})


def read_macro(neighbours: Neighbours) -> Macro | None:
    """Return the series by release date, every vintage of an observation that the table holds.

    Without release dates a delay is assumed and reported. Figures of one observation and day that contradict each
    other are left out.
    """
    table = neighbours.table("macro")
    if table is None:
        return None
    name, day = texts(table, table.need("series")), session_days(table, table.need("date"))
    value = numbers(table, table.need("value"))
    stated = next((c for c in ("available_date", "release_date", "known_at") if table.find(c)), None)
    known_at = session_days(table, table.need(stated)) if stated else None
    out = {}
    impossible = contradicting = 0
    for series in sorted(set(name.drop_nulls().to_list())):
        rows = (name == series).fill_null(value=False).to_numpy() & np.isfinite(value)
        known = known_at[rows] if known_at is not None else _assumed_release(day[rows])
        frame = pl.DataFrame({"known": known, "day": day[rows], "value": value[rows]}).unique()
        late = frame.filter(pl.col("known") >= pl.col("day")).sort("known", "day", "value")
        impossible += len(frame) - len(late)
        kept = late.filter(~pl.struct("known", "day").is_duplicated())
        contradicting += len(late) - len(kept)
        dates, released = (kept[c].to_numpy().astype("datetime64[D]") for c in ("day", "known"))
        # A table with vintages says what was known; one without may hold later revisions of these series.
        vintages = bool(kept["day"].is_duplicated().any())
        revised = series in _REVISED and not vintages
        out[series] = MacroSeries(dates, released, kept["value"].to_numpy(), revised=revised)
    if impossible:
        message = f"{table.file}: figures released before their period began; left out."
        neighbours.findings.append(finding("impossible_release", "error", (), message, impossible))
    if contradicting:
        message = f"{table.file}: figures of one observation and release day that contradict each other; left out."
        neighbours.findings.append(finding("contradicting_figures", "warning", (), message, contradicting))
    if known_at is None:
        message = f"{table.file}: no release dates; assumed the next day, and 45 days after its end for a month."
        neighbours.findings.append(finding("assumed_release", "warning", sorted(out), message))
    return Macro(out)


def read_texts(neighbours: Neighbours) -> Texts | None:
    """Return dated texts about the panel's symbols, by the time they were written."""
    table = neighbours.table("texts", "tweets", "news")
    if table is None:
        return None
    text = texts(table, table.need("text"))
    written = next((c for c in ("created_at", "published_at") if table.find(c)), None)
    if written:
        created = moments(table, table.need(written))
    else:
        # Only a day is known: treat the text as written at its very end, New York time.
        days = session_days(table, table.need("date"))
        created = (days.astype("datetime64[h]") + 29).astype("datetime64[s]") - 1
    column = neighbours.match(table, table.need("symbol"), created.astype("datetime64[D]")).column
    use = (column >= 0) & text.is_not_null().to_numpy()
    if not use.any():
        return None
    frame = pl.DataFrame({"c": column, "t": created.astype(np.int64), "x": text}).filter(pl.Series(use))
    frame = frame.unique().sort("t", "c", "x")
    repeats = int(use.sum()) - len(frame)
    if repeats:
        message = f"{table.file}: texts repeated word for word at the same second; counted once."
        neighbours.findings.append(finding("duplicate_texts", "info", (), message, repeats))
    return Texts(frame["c"].to_numpy(), frame["t"].to_numpy().astype("datetime64[s]"), tuple(frame["x"].to_list()))


def _assumed_release(days: DateArray) -> DateArray:
    step = np.median(np.diff(np.unique(days)).astype(np.int64)) if days.size > 1 else 1
    return days + (1 if step < 20 else 75)
