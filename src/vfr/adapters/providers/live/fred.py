"""FRED and ALFRED: macro series with every vintage, as each figure was first published and later revised.

JSON over the project's own client: the package fredapi has no timeout, no retry, no Retry-After and no paging of
vintages, and reads XML through urllib.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

import polars as pl

from vfr.adapters.providers.live.client import Client
from vfr.adapters.providers.live.fred_observations import Frequency, Observation, macro_rows, read_sheet
from vfr.adapters.providers.live.fred_refusals import NO_VINTAGE
from vfr.data.bitemporal.tables import TABLES
from vfr.data.provider import Batch, Offer, Order
from vfr.errors import BadAnswer, UnknownAtSource

__all__ = ["DEFAULT", "OFFERS", "FredProvider"]

OFFERS: Final = (Offer(("macro",), "series"),)

DEFAULT: Final[Mapping[str, Frequency]] = {
    **dict.fromkeys(("VIXCLS", "DGS10", "DGS2", "DGS3MO", "DFF"), "daily"),
    **dict.fromkeys(("CPIAUCSL", "UNRATE", "FEDFUNDS", "INDPRO", "PAYEMS", "AAA", "BAA"), "monthly"),
}
"""Series asked for unless told otherwise."""

_VINTAGES: Final = 2000
"""Vintage dates that FRED answers about in one question; a series has at most one a day."""

_ROWS: Final = 100_000
"""Observations that FRED sends in one page."""

_MAX_PAGES: Final = 100
_DAY: Final = timedelta(days=1)
_FOREVER: Final = "9999-12-31"


class _NotArchived(Exception):
    """No vintage in the window asked about, whether FRED knows the series or not."""


class FredProvider:
    """Answers from the Federal Reserve Bank of St. Louis.

    Parameters
    ----------
    client : Client
        Judges refusals by `vfr.adapters.providers.live.fred_refusals.judge`.
    key : str
        Of the API; FRED cannot be asked without one.
    url : str
    series : mapping of str to Frequency
        Series and how often each has a figure; a series that is not named counts as monthly, whose release is assumed
        latest.
    """

    def __init__(
        self,
        client: Client,
        *,
        key: str,
        url: str = "https://api.stlouisfed.org/fred",
        series: Mapping[str, Frequency] = DEFAULT,
    ) -> None:
        self._client = client
        self._key = key
        self._url = url
        self.series = series

    @property
    def name(self) -> str:
        """Name in the `source` column."""
        return "fred"

    @property
    def offers(self) -> Sequence[Offer]:
        """Figures of one series."""
        return OFFERS

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order: every figure in force since `order.since`, and every revision after it.

        Notes
        -----
        FRED answers about at most 2,000 vintage dates at once, so a daily series is asked in windows of as many days.
        A window before a series' first vintage is refused and counts as empty; a series without any vintage is asked
        for its present figures, whose release is then assumed. What became public after `order.now` is left out.

        Raises
        ------
        ProviderError
            See `vfr.data.provider.DataProvider.fetch`.
        """
        # FRED lives by Chicago's day, which may still be yesterday's.
        start = min(order.since, order.now.date() - _DAY)
        frequency = self.series.get(order.subject, "monthly")
        found: list[Observation] = []
        archived = False
        for window in _windows(start, order.now.date(), whole=self.series.get(order.subject) == "monthly"):
            try:
                found += self._observations(order.subject, window)
                archived = True
            except _NotArchived:
                continue
        if not archived:
            found = self._unarchived(order.subject)
        rows = macro_rows(order.subject, found, frequency)
        frame = pl.DataFrame(rows, schema=dict(TABLES["macro"].columns), orient="row")
        return (Batch("macro", order.subject, frame.filter(pl.col("known_at") <= order.now), order.since),)

    def _observations(self, series: str, window: Mapping[str, str]) -> list[Observation]:
        found: list[Observation] = []
        for _ in range(_MAX_PAGES):
            sheet = read_sheet(self._page(series, window, len(found)), f"fred, {series}")
            found += sheet.observations
            if len(found) >= sheet.count:
                return found
            if not sheet.observations:
                break
        raise BadAnswer(f"fred, {series}: the answer ends before the observations it announces")

    def _unarchived(self, series: str) -> list[Observation]:
        try:
            present = self._observations(series, {})
        except _NotArchived as error:
            raise UnknownAtSource(f"fred does not know the series {series}") from error
        return [Observation(one.day, date.min, one.value) for one in present]

    def _page(self, series: str, window: Mapping[str, str], offset: int) -> Any:
        params = {
            "series_id": series,
            "api_key": self._key,
            "file_type": "json",
            "output_type": "1",
            "sort_order": "asc",
            "limit": str(_ROWS),
            "offset": str(offset),
        }
        try:
            return self._client.json(f"{self._url}/series/observations", params={**params, **window})
        except BadAnswer as error:
            if error.message == NO_VINTAGE:
                raise _NotArchived from error
            raise


def _windows(start: date, today: date, *, whole: bool) -> Iterator[dict[str, str]]:
    """Yield windows of vintages without a gap, the last one open; one for all where vintages are few."""
    while not whole and (today - start).days >= _VINTAGES:
        end = start + timedelta(days=_VINTAGES - 1)
        yield {"realtime_start": start.isoformat(), "realtime_end": end.isoformat()}
        start = end + _DAY
    yield {"realtime_start": start.isoformat(), "realtime_end": _FOREVER}
