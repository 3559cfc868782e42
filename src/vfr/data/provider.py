"""What a source of data must offer: whole data sets, or facts by subject as they become known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from vfr.data.quality import QualityReport
from vfr.data.snapshot import Snapshot

if TYPE_CHECKING:
    import polars as pl

    from vfr.data.bitemporal.tables import Kind

__all__ = ["Batch", "DataProvider", "DatasetSource", "Offer", "Order", "Progress", "Subject"]

Progress: TypeAlias = Callable[[str, float], None]
"""Called with a stage in plain words and the fraction done, 0 to 1."""

Subject: TypeAlias = Literal["symbol", "series", "index"]
"""What facts are asked for by: a ticker, a macro series, or an index."""


class DatasetSource(Protocol):
    """A source that can be read whole: a folder, or the data that come with the program."""

    @property
    def name(self) -> str:
        """Name of the data set it makes."""
        ...

    def load(self, progress: Progress | None = None) -> tuple[Snapshot, QualityReport]:
        """Return everything the source knows, and what its checks found.

        The snapshot's `version` is its content hash, so the same content gives the same version whatever the order
        of its rows.

        Raises
        ------
        ImportRejected
            If the source cannot be used; the message names the file, the column, the row and the fix.
        """
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """Kinds of fact that come with one question, and what the question is about.

    `every` is the least number of days between two questions about the same subject that make sense: bars change
    daily, names hardly ever.
    """

    kinds: tuple[Kind, ...]
    per: Subject
    every: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """One question to a provider.

    Parameters
    ----------
    offer : Offer
        One of the provider's own.
    subject : str
        Ticker as VFR spells it (``BRK.B``), series or index.
    since : date
        First day wanted; a provider that can only tell everything may return more.
    now : datetime
        The moment of asking, aware, UTC: what is not public by then does not exist.
    """

    offer: Offer
    subject: str
    since: date
    now: datetime


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """What a provider said about one subject: rows of one table, unchecked but parsed strictly.

    Parameters
    ----------
    kind : Kind
        Table the rows belong to.
    subject : str
        What was asked about.
    frame : polars.DataFrame
        Rows that `vfr.data.bitemporal.tables.conform` accepts.
    since : date
        First day the answer covers, so that what is missing inside can be told from what was not asked.
    """

    kind: Kind
    subject: str
    frame: pl.DataFrame
    since: date


class DataProvider(Protocol):
    """A live source: says what it supplies, and answers one order at a time."""

    @property
    def name(self) -> str:
        """Short name, as in ``--provider`` and in the `source` column."""
        ...

    @property
    def offers(self) -> Sequence[Offer]:
        """What it supplies."""
        ...

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order: one batch per kind of its offer, perhaps without rows.

        Raises
        ------
        Throttled
            The source asks for fewer questions; never a statement about the subject.
        UnknownAtSource
            The source says that it does not know the subject.
        ProviderUnavailable
            It cannot be reached, fails, is too slow, or was left alone after failing repeatedly.
        ProviderDenied
            It refuses the key, or the plan of the key.
        BadAnswer
            What it sent is not what it documents: cut short, another format, another subject, figures that are no
            numbers, another time zone.
        """
        ...
