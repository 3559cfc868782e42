"""Financial Modeling Prep: annual statements, analysts' ratings, descriptions, members of the S&P 500."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from threading import Lock
from typing import Any, Final

import polars as pl

from vfr.adapters.providers.live.client import Client
from vfr.adapters.providers.live.filing_days import end_of_day, iso_day
from vfr.adapters.providers.live.fmp_layouts import layout_at, told, vendor_symbol
from vfr.adapters.providers.live.fmp_members import read_changes, read_members, spans
from vfr.adapters.providers.live.fmp_refusals import refusal_in
from vfr.adapters.providers.live.fmp_statements import STATEMENTS, same_symbol, statement_rows
from vfr.adapters.providers.live.reading import figure, listing, record, words
from vfr.adapters.providers.live.sectors import gics_name
from vfr.data.bitemporal.tables import TABLES, Kind
from vfr.data.provider import Batch, Offer, Order
from vfr.errors import UnknownAtSource

__all__ = ["INDEX", "OFFERS", "FmpProvider"]

INDEX: Final = "S&P 500"
"""The only index whose members are asked for."""

OFFERS: Final = (
    Offer(("fundamentals",), "symbol"),
    Offer(("ratings",), "symbol", every=30),
    Offer(("profile",), "symbol", every=30),
    Offer(("membership",), "index"),
)

_RATINGS: Final[Mapping[str, str]] = {
    "analystRatingsStrongBuy": "strong_buy",
    "analystRatingsBuy": "buy",
    "analystRatingsHold": "hold",
    "analystRatingsSell": "sell",
    "analystRatingsStrongSell": "strong_sell",
}

_PROFILE: Final[Mapping[str, str]] = {
    "companyName": "name",
    "sector": "sector",
    "industry": "sub_industry",
    "currency": "currency",
}
"""The vendor's field to ours; that of the exchange is the layout's. Sectors are given GICS's names; industries stay the
vendor's own.
"""


class FmpProvider:
    """Answers from financialmodelingprep.com.

    Parameters
    ----------
    client : Client
        Judges refusals by `vfr.adapters.providers.live.fmp_refusals.judge`, so that a limit told with status 200 pauses
        every process.
    key : str
        Of the API.
    url : str
        Which layout lies there is told by its end, see `vfr.adapters.providers.live.fmp_layouts.layout_at`.
    """

    def __init__(self, client: Client, *, key: str, url: str = "https://financialmodelingprep.com/stable") -> None:
        self._client = client
        self._key = key
        self._url = url.rstrip("/")
        self._layout = layout_at(url)
        self._listed: frozenset[str] = frozenset()
        self._listing = Lock()

    @property
    def name(self) -> str:
        """Name in the `source` column."""
        return "fmp"

    @property
    def offers(self) -> Sequence[Offer]:
        """Statements, ratings and a description per symbol; members per index."""
        return OFFERS

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order.

        Notes
        -----
        An empty list is what the vendor sends for an unknown symbol and for a known one of which it has nothing: only
        its list of symbols tells them apart, and only a description is worth asking it. What became public after
        `order.now` is left out.

        Raises
        ------
        ProviderError
            See `vfr.data.provider.DataProvider.fetch`.
        """
        kind: Kind = order.offer.kinds[0]
        made = {
            "fundamentals": self._fundamentals,
            "ratings": self._ratings,
            "profile": self._profile,
            "membership": self._membership,
        }[kind]
        frame = pl.DataFrame(made(order), schema=dict(TABLES[kind].columns), orient="row")
        return (Batch(kind, order.subject, frame.filter(pl.col("known_at") <= order.now), order.since),)

    def _fundamentals(self, order: Order) -> list[tuple[Any, ...]]:
        params = {"period": "annual", "limit": str(order.now.year - order.since.year + 2)}
        return [
            row
            for statement in STATEMENTS
            for row in statement_rows(order.subject, statement, self._ask(statement, order.subject, params))
        ]

    def _ratings(self, order: Order) -> list[tuple[Any, ...]]:
        where = f"fmp, {order.subject}: recommendations"
        rows: list[tuple[Any, ...]] = []
        for entry in listing(self._ask("ratings", order.subject), where):
            row = record(entry, where)
            same_symbol(row, order.subject, where)
            day = iso_day(row.get("date"), where)
            known_at = _month_over(day, order.now)
            counts = {measure: figure(told(row, field, where), where) for field, measure in _RATINGS.items()}
            rows += [
                (order.subject, day, measure, count, self.name, known_at)
                for measure, count in counts.items()
                if count is not None
            ]
        return rows

    def _profile(self, order: Order) -> list[tuple[Any, ...]]:
        where = f"fmp, {order.subject}: profile"
        entries = listing(self._ask("profile", order.subject), where)
        if not entries:
            self._must_be_listed(order.subject)
            return []
        row = record(entries[0], where)
        same_symbol(row, order.subject, where)
        fields = {**_PROFILE, self._layout.exchange: "exchange"}
        found = {ours: words(row.get(field), where) for field, ours in fields.items()}
        known = {field: gics_name(text) if field == "sector" else text for field, text in found.items() if text}
        return [(order.subject, field, text, self.name, order.now) for field, text in known.items()]

    def _membership(self, order: Order) -> list[tuple[Any, ...]]:
        if order.subject != INDEX:
            raise UnknownAtSource(f"fmp: the members of {order.subject} are not asked for, only those of the {INDEX}")
        members = read_members(self._ask("members"), "fmp: members of the S&P 500")
        if not members:
            return []  # an index without members is no answer; nobody left it
        changes = read_changes(self._ask("changes"), "fmp: changes of the S&P 500")
        return [
            (INDEX, span.symbol, span.start, span.end, self.name, datetime(*span.start.timetuple()[:3], tzinfo=UTC))
            for span in spans(members, changes)
        ]

    def _must_be_listed(self, symbol: str) -> None:
        with self._listing:
            if not self._listed:
                where = "fmp: the list of symbols"
                entries = [record(entry, where) for entry in listing(self._ask("symbols"), where)]
                self._listed = frozenset(words(entry.get("symbol"), where) or "" for entry in entries)
        if self._listed and vendor_symbol(symbol) not in self._listed:
            raise UnknownAtSource(f"fmp: the vendor's list of symbols does not name {symbol}")

    def _ask(self, named: str, symbol: str | None = None, params: Mapping[str, str] | None = None) -> Any:
        path, about = self._layout.question(named, symbol)
        document = self._client.json(f"{self._url}/{path}", params={**about, **(params or {}), "apikey": self._key})
        refused = refusal_in(document)
        if refused is not None:
            raise refused
        return document


def _month_over(day: date, now: datetime) -> datetime:
    """Return when the counts of a month count as known: at its end, for they grow until then, or now if it is not over.

    Counts that are dated by the first of the month were not known on that day.
    """
    over = end_of_day(day.replace(day=calendar.monthrange(day.year, day.month)[1]))
    return min(over, now)
