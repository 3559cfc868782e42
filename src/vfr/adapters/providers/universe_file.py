"""A file of tickers, perhaps with the days they joined and left an index, as a universe to sync."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.bars import tickers
from vfr.adapters.providers.days import open_ended_days, session_days
from vfr.adapters.providers.tables import read_table
from vfr.data.bitemporal.tables import TABLES, conform
from vfr.data.provider import Batch, Offer, Order
from vfr.errors import ImportRejected

__all__ = ["ListedUniverse", "read_universe"]

SOURCE: Final = "file"
_OFFER: Final = Offer(("membership",), "index", every=0)


@dataclass(frozen=True, slots=True)
class ListedUniverse:
    """The tickers of a file, and its index membership as a provider named ``file``; without dates it offers nothing.

    Parameters
    ----------
    symbols : tuple of str
        Distinct, sorted.
    intervals : tuple
        (symbol, first day in, first day out or None); empty if the file has no dates.
    """

    symbols: tuple[str, ...]
    intervals: tuple[tuple[str, date, date | None], ...]

    @property
    def name(self) -> str:
        """As in the `source` column."""
        return SOURCE

    @property
    def offers(self) -> Sequence[Offer]:
        """Membership of one index, if the file has dates."""
        return (_OFFER,) if self.intervals else ()

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Return the membership; each interval counts as known from its first day."""
        rows = [
            (order.subject, symbol, start, end, SOURCE, datetime.combine(start, time(), UTC))
            for symbol, start, end in self.intervals
        ]
        frame = pl.DataFrame(rows, schema=dict(TABLES["membership"].columns), orient="row")
        return (Batch("membership", order.subject, conform("membership", frame), order.since),)

    def since(self, first: date) -> tuple[str, ...]:
        """Return the tickers that were members on a day or after it; all where the file has no dates."""
        if not self.intervals:
            return self.symbols
        return tuple(sorted({symbol for symbol, _, end in self.intervals if end is None or end > first}))


def read_universe(path: Path) -> ListedUniverse:
    """Return the universe of a CSV or parquet file with a column ``symbol``, perhaps ``start_date`` with ``end_date``.

    Raises
    ------
    ImportRejected
        If it cannot be read, holds no ticker, or something that is none.
    """
    table = read_table(path)
    names, code = tickers(table, table.need("symbol"))
    bad = [name[1:] for name in names if name.startswith("?")]
    if bad:
        raise ImportRejected(f"{table.file}: column symbol holds {bad[0]}, which is no US ticker; write AAPL, BRK.B")
    if table.find("start_date") is None:
        return ListedUniverse(names, ())
    start, end = session_days(table, table.need("start_date")), open_ended_days(table, table.need("end_date"))
    if bool((end <= start).any()):
        row = table.row(int(np.argmax(end <= start)))
        raise ImportRejected(f"{table.file}: row {row}: end_date is not after start_date; correct it")
    rows = zip(code.tolist(), start.tolist(), end.tolist(), strict=True)
    return ListedUniverse(names, tuple(sorted({(names[c], s, e) for c, s, e in rows}, key=lambda one: one[:2])))
