"""SEC EDGAR: statements with every restatement, insiders' transactions, and who a company is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any, Final

import polars as pl
import structlog

from vfr.adapters.providers.live.client import Client
from vfr.adapters.providers.live.edgar_facts import currencies, read_facts, statement_rows
from vfr.adapters.providers.live.edgar_filings import (
    Filing,
    describe,
    filings_of,
    older_pages,
    recent_filings,
    submissions_clock,
)
from vfr.adapters.providers.live.edgar_ownership import is_whole, ownership_rows, raw_document
from vfr.adapters.providers.live.reading import record, words
from vfr.data.bitemporal.tables import TABLES
from vfr.data.provider import Batch, Offer, Order
from vfr.errors import BadAnswer, UnknownAtSource

__all__ = ["OFFERS", "EdgarProvider"]

OFFERS: Final = (
    Offer(("fundamentals",), "symbol"),
    Offer(("insiders",), "symbol"),
    Offer(("profile",), "symbol", every=30),
)

_INSIDER_FORMS: Final = ("4", "4/A")
_MAX_DOCUMENTS: Final = 200


@dataclass(frozen=True, slots=True)
class _Company:
    """What the SEC's submissions say of one company."""

    symbol: str
    cik: int
    document: dict[str, Any]
    where: str


class EdgarProvider:
    """Answers from data.sec.gov and the archive of filings.

    Parameters
    ----------
    client : Client
        Sends a User-Agent with a contact address, without which the SEC refuses everything.
    url : str
        Of the data service.
    archives_url : str
        Of the list of tickers and the filings themselves.
    max_documents : int
        Forms 4 read per order. The oldest come first, so that the next order, which begins at the newest transaction
        stored, goes on where this one stopped.
    """

    def __init__(
        self,
        client: Client,
        *,
        url: str = "https://data.sec.gov",
        archives_url: str = "https://www.sec.gov",
        max_documents: int = _MAX_DOCUMENTS,
    ) -> None:
        self._client = client
        self._url = url
        self._archives = archives_url
        self._max_documents = max_documents
        self._ciks: dict[str, int] = {}
        self._listing = Lock()

    @property
    def name(self) -> str:
        """Name in the `source` column."""
        return "edgar"

    @property
    def offers(self) -> Sequence[Offer]:
        """Statements, insiders' transactions and a description, each per symbol."""
        return OFFERS

    def fetch(self, order: Order) -> tuple[Batch, ...]:
        """Answer an order.

        Notes
        -----
        Company facts hold everything since a company's first XBRL report; `since` only bounds how far back the moments
        of acceptance are looked up, and from which filing day on Forms 4 are read. What became public after
        `order.now` is left out.

        Raises
        ------
        ProviderError
            See `vfr.data.provider.DataProvider.fetch`.
        """
        kind = order.offer.kinds[0]
        made = {"fundamentals": self._fundamentals, "insiders": self._insiders, "profile": self._profile}[kind]
        frame = made(order, self._cik(order.subject))
        return (Batch(kind, order.subject, frame.filter(pl.col("known_at") <= order.now), order.since),)

    def _fundamentals(self, order: Order, cik: int) -> pl.DataFrame:
        document = self._client.json(f"{self._url}/api/xbrl/companyfacts/CIK{cik:010d}.json")
        where = f"edgar, {order.subject}: company facts"
        _same_company(record(document, where), cik, where)
        facts = read_facts(document, order.subject)
        stated = currencies(facts)
        # A process that set up no logging, such as a command, writes nothing but its answer.
        if stated and "USD" not in stated and structlog.is_configured():
            structlog.get_logger("vfr.edgar").warning(
                "statements in another currency are left out", symbol=order.subject, currency=", ".join(stated)
            )
        accepted = {
            filing.accession: filing.known_at for filing in self._filings(self._company(order, cik), order.since)
        }
        return statement_rows(order.subject, facts, accepted)

    def _insiders(self, order: Order, cik: int) -> pl.DataFrame:
        company = self._company(order, cik)
        forms = [f for f in self._filings(company, order.since) if f.form in _INSIDER_FORMS and f.filed >= order.since]
        oldest_first = sorted(forms, key=lambda f: (f.filed, f.accession))[: self._max_documents]
        rows = [row for filing in oldest_first for row in self._transactions(company, filing)]
        return pl.DataFrame(rows, schema=dict(TABLES["insiders"].columns), orient="row")

    def _profile(self, order: Order, cik: int) -> pl.DataFrame:
        company = self._company(order, cik)
        told = describe(company.document, _spelled(order.subject), company.where) | {"cik": f"{cik:010d}"}
        rows = [(order.subject, field, text, self.name, order.now) for field, text in told.items()]
        return pl.DataFrame(rows, schema=dict(TABLES["profile"].columns), orient="row")

    def _company(self, order: Order, cik: int) -> _Company:
        where = f"edgar, {order.subject}: submissions"
        document = record(self._client.json(f"{self._url}/submissions/CIK{cik:010d}.json"), where)
        _same_company(document, cik, where)
        return _Company(order.subject, cik, document, where)

    def _filings(self, company: _Company, since: date) -> list[Filing]:
        """Return the filings on the newest page, and on every older one that reaches to a day."""
        recent = recent_filings(company.document, company.where)
        clock = submissions_clock(recent, company.where)
        found = filings_of(recent, clock, company.where)
        for page in older_pages(company.document, company.cik, company.where):
            if page.until >= since:
                columns = self._part(f"{self._url}/submissions/{page.name}", company.where)
                found += filings_of(record(columns, company.where), clock, company.where)
        return found

    def _part(self, url: str, where: str) -> Any:
        try:
            return self._client.json(url)
        except UnknownAtSource as error:
            raise BadAnswer(f"{where} names an older part that is not there") from error

    def _transactions(self, company: _Company, filing: Filing) -> list[tuple[Any, ...]]:
        where = f"edgar, {company.symbol}: Form 4 {filing.accession}"
        folder = f"{self._archives}/Archives/edgar/data/{company.cik}/{filing.accession.replace('-', '')}"
        name = raw_document(filing.document)
        if "/" in name or not name.endswith(".xml"):
            return []  # before 2003 a Form 4 was a page to read, not data
        try:
            xml = self._client.text(f"{folder}/{name}")
            # The client asks once more for JSON that is cut short; only the reader of XML can tell.
            whole = xml if is_whole(xml) else self._client.text(f"{folder}/{name}")
        except UnknownAtSource as error:
            raise BadAnswer(f"{where} is listed, but not there") from error
        return ownership_rows(
            whole,
            symbol=company.symbol,
            cik=company.cik,
            accession=filing.accession,
            known_at=filing.known_at,
            where=where,
        )

    def _cik(self, symbol: str) -> int:
        with self._listing:
            if not self._ciks:
                self._ciks = _ciks(self._client.json(f"{self._archives}/files/company_tickers.json"))
        cik = self._ciks.get(_spelled(symbol))
        if cik is None:
            raise UnknownAtSource(f"edgar: the SEC's list of tickers does not name {symbol}")
        return cik


def _spelled(symbol: str) -> str:
    """Return a ticker as the SEC spells it: BRK-B."""
    return symbol.replace(".", "-")


def _ciks(document: Any) -> dict[str, int]:
    where = "edgar: the list of tickers"
    out: dict[str, int] = {}
    for entry in record(document, where).values():
        ticker, cik = words(record(entry, where).get("ticker"), where), entry.get("cik_str")
        if ticker is None or isinstance(cik, bool) or not isinstance(cik, int):
            raise BadAnswer(f"{where} holds a line without a ticker or a number")
        out.setdefault(ticker, cik)
    if not out:
        raise BadAnswer(f"{where} is empty")
    return out


def _same_company(document: dict[str, Any], cik: int, where: str) -> None:
    told = document.get("cik")
    if isinstance(told, bool) or not isinstance(told, int | str) or not str(told).isdigit():
        raise BadAnswer(f"{where} does not say which company it is about")
    if int(told) != cik:
        raise BadAnswer(f"{where} is about the company {int(told)}, asked was {cik}")
