"""Everything known at the close of one session, the one function that forgets what came later, and a part of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from vfr.data.panel import Panel
from vfr.data.people import Insiders, Ratings
from vfr.data.records import Actions, Benchmark, Fundamentals, Macro, Membership, Securities, Texts
from vfr.typing import DateArray, IntArray, TimeArray

__all__ = ["Snapshot"]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A data set as it was known at the close of its last session.

    Parameters
    ----------
    name, version : str
        Name of the data set and content hash of what was imported (the *data version*).
    panel : Panel
        Bars, [T x N].
    closes_at : datetime64[s] array, shape (T,)
        UTC time of each session's close (16:00 New York, 13:00 on early-close days): a text written later belongs to
        the next session.
    securities : Securities
        Name, sector and sub-industry of each of the N symbols.
    actions, fundamentals, macro, texts, membership, benchmark, insiders, ratings : optional
        Inputs a source may lack; None means unknown, and every score that needs one says so.

    Notes
    -----
    ``upto`` is the only way to look at the past: what it drops cannot be seen by anything computed from its result.
    Splits are kept whole: split-adjusted prices know them already, and they only bring shares and per-share figures
    to the basis of those prices.
    """

    name: str
    version: str
    panel: Panel
    closes_at: TimeArray
    securities: Securities
    actions: Actions | None = None
    fundamentals: Fundamentals | None = None
    macro: Macro | None = None
    texts: Texts | None = None
    membership: Membership | None = None
    benchmark: Benchmark | None = None
    insiders: Insiders | None = None
    ratings: Ratings | None = None

    @property
    def sessions(self) -> DateArray:
        """Sessions of the panel, shape (T,)."""
        return self.panel.sessions

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of the panel, length N."""
        return self.panel.symbols

    @property
    def as_of(self) -> np.datetime64:
        """Last session known."""
        return np.datetime64(self.panel.sessions[-1], "D")

    def upto(self, day: np.datetime64) -> Snapshot:
        """Return what was known at the close of the last session on or before a day.

        Raises
        ------
        InvalidField
            If the day is before the first session.
        """
        stop = self.panel.row(day) + 1
        last, close = np.datetime64(self.sessions[stop - 1], "D"), self.closes_at[stop - 1]
        return replace(
            self,
            panel=self.panel.rows(0, stop),
            closes_at=self.closes_at[:stop],
            fundamentals=self.fundamentals and self.fundamentals.known_by(last),
            macro=self.macro and self.macro.known_by(last),
            texts=self.texts and self.texts.known_by(close),
            membership=self.membership and self.membership.rows(0, stop),
            benchmark=self.benchmark and self.benchmark.rows(0, stop),
            insiders=self.insiders and self.insiders.known_by(last),
            ratings=self.ratings and self.ratings.known_by(last),
        )

    def take(self, columns: IntArray) -> Snapshot:
        """Return a few symbols with everything known about them, in the panel's order.

        Parameters
        ----------
        columns : int64 array
            Columns of the panel, in any order; repeats count once.

        Returns
        -------
        Snapshot
            Macro series, benchmark and the size of the index stay whole. Name and version stay those of the data set
            it was taken from: whatever ranks symbols against each other needs the whole.
        """
        chosen = np.unique(np.asarray(columns, dtype=np.int64))
        return replace(
            self,
            panel=self.panel.take(chosen),
            securities=self.securities.take(chosen),
            actions=self.actions and self.actions.take(chosen),
            fundamentals=self.fundamentals and self.fundamentals.take(chosen),
            texts=self.texts and self.texts.take(chosen),
            membership=self.membership and self.membership.take(chosen),
            insiders=self.insiders and self.insiders.take(chosen),
            ratings=self.ratings and self.ratings.take(chosen),
        )
