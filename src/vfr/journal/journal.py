"""What keeps a journal must offer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from vfr.journal.records import Exposure, ForecastRecord, JournalState, LastReturns, Outcomes, Restatement, Votes
from vfr.journal.tallies import Tally
from vfr.typing import Horizon

__all__ = ["Journal", "OpenSession"]


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session forecast from, an ISO day, and the symbols whose outcome over the horizon is not settled."""

    horizon: Horizon
    as_of: str
    symbols: tuple[str, ...]


class Journal(Protocol):
    """Forecasts, outcomes and exposures. Every method is atomic, and raises `DataError` if the store cannot be used.

    A forecast is named by data set, horizon, session and versions; an outcome by data set, horizon, session and
    symbol. Whatever is there already stays as it is: writing twice changes nothing.
    """

    def record(self, forecast: ForecastRecord) -> bool:
        """Keep a forecast with an entry for each of its symbols; return whether it is new."""
        ...

    def expose(self, shown: Sequence[Exposure]) -> None:
        """Keep what users were shown."""
        ...

    def data_names(self) -> tuple[str, ...]:
        """Return the data sets that were forecast from."""
        ...

    def checked(self, data_name: str) -> str | None:
        """Return the data version that a data set was last settled with, None if it never was."""
        ...

    def revision(self, data_name: str, horizon: Horizon) -> str:
        """Return a key that changes with every forecast that is recorded, and with every settlement."""
        ...

    def open_sessions(self, data_name: str) -> list[OpenSession]:
        """Return the sessions that wait for outcomes, oldest first."""
        ...

    def settle(
        self,
        data_name: str,
        data_version: str,
        fresh: Sequence[Outcomes],
        restated: Sequence[Restatement],
        at: float,
    ) -> tuple[int, int]:
        """Keep outcomes where there are none, count restatements, and remember the data version.

        Parameters
        ----------
        data_name, data_version : str
        fresh : sequence of Outcomes
        restated : sequence of Restatement
            `times` is how often the outcome was restated before: one that another process counted meanwhile is not
            counted again.
        at : float
            Seconds since 1970.

        Returns
        -------
        tuple of int
            New outcomes, and restatements counted.
        """
        ...

    def outcomes(self, data_name: str, horizon: Horizon, since: str = "", until: str = "9999-12-31") -> list[Outcomes]:
        """Return the outcomes of sessions between two ISO days, both included, oldest first."""
        ...

    def last_returns(self, data_name: str, horizon: Horizon, since: str) -> list[LastReturns]:
        """Return what settled outcomes of sessions from an ISO day on were when they were last looked at."""
        ...

    def forecasts(
        self, data_name: str, horizon: Horizon, since: str = "", until: str = "9999-12-31"
    ) -> list[ForecastRecord]:
        """Return one standard forecast of each session between two ISO days, both included, oldest first.

        The one with most members, since a deadline may have left some behind; of equals, the first that was made.
        """
        ...

    def votes(self, data_name: str, horizon: Horizon, since: str, until: str) -> list[Votes]:
        """Return what members said in the forecasts that `forecasts` returns; it takes a third of the time."""
        ...

    def tallies(
        self, data_name: str, horizon: Horizon, since: str = "", *, stocks: bool = False
    ) -> tuple[list[Tally], list[str]]:
        """Return the tallies that are kept of sessions from an ISO day on, and the days that still want one.

        A tally belongs to the forecast that `forecasts` returns; it is kept until its session is given further
        outcomes. A day wants one when it has a forecast and outcomes. `stocks` asks for single stocks, too.
        """
        ...

    def keep_tallies(self, data_name: str, horizon: Horizon, made: Sequence[Tally]) -> int:
        """Keep tallies, less those whose session has other outcomes by now; return how many."""
        ...

    def prune(self, before: float, at_most: int) -> int:
        """Forget some of what users were shown before a moment, in seconds since 1970, oldest first.

        Returns how many; about `at_most`, and fewer only when no more are left. What an experiment decided is kept.
        """
        ...

    def state(self) -> list[JournalState]:
        """Return how much there is, by data set and horizon."""
        ...

    def exposures(self) -> int:
        """Return how many exposures are kept."""
        ...
