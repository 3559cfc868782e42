"""Submissions of the SEC: a company's filings with the moment each became public, and what the SEC says of it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from vfr.adapters.providers.live.edgar_clock import Clock, clock_of
from vfr.adapters.providers.live.filing_days import instant, iso_day, public_at, wall_clock
from vfr.adapters.providers.live.reading import listing, record, words
from vfr.errors import BadAnswer

__all__ = ["Filing", "Page", "describe", "filings_of", "older_pages", "recent_filings", "submissions_clock"]

_COLUMNS: Final = ("accessionNumber", "form", "filingDate", "acceptanceDateTime", "primaryDocument")
_ACCESSION: Final = re.compile(r"\d{10}-\d{2}-\d{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing: `known_at` is when it became public, UTC; `document` its main file."""

    accession: str
    form: str
    filed: date
    known_at: datetime
    document: str


@dataclass(frozen=True, slots=True)
class Page:
    """An older part of the list of filings: the name of its file and its last filing date."""

    name: str
    until: date


def recent_filings(document: dict[str, Any], where: str) -> dict[str, Any]:
    """Return the columns of the newest filings (a thousand of them, or a year's).

    Raises
    ------
    BadAnswer
        If they are not there.
    """
    return record(record(document.get("filings"), where).get("recent"), where)


def submissions_clock(columns: dict[str, Any], where: str) -> Clock:
    """Return the clock of a filer's acceptance times; see `vfr.adapters.providers.live.edgar_clock`.

    Raises
    ------
    BadAnswer
        If the times go with the filing dates on no clock, or the columns are not what is documented.
    """
    return clock_of(((form, filed, digits) for _, form, filed, digits, _ in _lines(columns, where) if digits), where)


def filings_of(columns: dict[str, Any], clock: Clock, where: str) -> list[Filing]:
    """Return filings, newest first as listed.

    Parameters
    ----------
    columns : dict
        Lists of equal length by name.
    clock : Clock
        On which the acceptance times are.
    where : str
        For messages.

    Raises
    ------
    BadAnswer
        If a column is missing or shorter than another, or a value is not what is documented.
    """
    return [
        Filing(accession, form, filed, public_at(instant(digits, clock) if digits else None, filed, form), document)
        for accession, form, filed, digits, document in _lines(columns, where)
    ]


def older_pages(document: dict[str, Any], cik: int, where: str) -> list[Page]:
    """Return the older parts of the list of filings.

    Raises
    ------
    BadAnswer
        If a part is not named as one of this company.
    """
    named = re.compile(rf"CIK{cik:010d}-submissions-\d{{3}}\.json", re.ASCII)
    pages = []
    for entry in listing(record(document.get("filings"), where).get("files", []), where):
        name = words(record(entry, where).get("name"), where) or ""
        if not named.fullmatch(name):
            raise BadAnswer(f"{where} names an older part that is not this company's")
        pages.append(Page(name, iso_day(entry.get("filingTo"), where)))
    return pages


def describe(document: dict[str, Any], symbol: str, where: str) -> dict[str, str]:
    """Return what the SEC says about a company: name, exchange and the SEC's own industry (`sic`), as far as known.

    Raises
    ------
    BadAnswer
        If a value is no text.
    """
    tickers = [words(one, where) or "" for one in listing(document.get("tickers", []), where)]
    exchanges = [words(one, where) or "" for one in listing(document.get("exchanges", []), where)]
    place = tickers.index(symbol) if symbol in tickers else 0
    told = {
        "name": words(document.get("name"), where),
        "exchange": exchanges[place] if place < len(exchanges) else None,
        "sic": words(document.get("sicDescription"), where),
    }
    return {name: text for name, text in told.items() if text}


def _lines(columns: dict[str, Any], where: str) -> Iterator[tuple[str, str, date, datetime | None, str]]:
    accessions, forms, filed, accepted, documents = _columns(columns, where)
    for i, accession in enumerate(accessions):
        if not isinstance(accession, str) or not _ACCESSION.fullmatch(accession):
            raise BadAnswer(f"{where}: {ascii(accession)[:24]} is not the number of a filing")
        digits = wall_clock(accepted[i], where) if accepted[i] else None
        yield (
            accession,
            words(forms[i], where) or "",
            iso_day(filed[i], where),
            digits,
            words(documents[i], where) or "",
        )


def _columns(columns: dict[str, Any], where: str) -> Sequence[list[Any]]:
    found = [listing(columns.get(name), f"{where}: {name}") for name in _COLUMNS]
    if len({len(column) for column in found}) > 1:
        raise BadAnswer(f"{where}: the columns of the list of filings differ in length")
    return found
