"""Members of an index from Financial Modeling Prep: those of today, and the changes that led to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from vfr.adapters.providers.live.filing_days import iso_day
from vfr.adapters.providers.live.reading import listing, record, words
from vfr.data.symbols import normalise
from vfr.errors import BadAnswer, InvalidField

__all__ = ["Change", "Span", "read_changes", "read_members", "spans"]

_DAY_LENGTH: Final = 10

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_IN_WORDS: Final = re.compile(r"([A-Z][a-z]+) (\d{1,2}), (\d{4})", re.ASCII)

_APART: Final = timedelta(days=7)
"""By how much the two days of a change may differ and still mean one change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One company that joined or left on a day; the day it left is the first it was no longer in."""

    day: date
    symbol: str
    joined: bool


@dataclass(frozen=True, slots=True)
class Span:
    """The days a company was in the index; `end` is the first day no longer, None while in."""

    symbol: str
    start: date
    end: date | None


def read_members(document: Any, where: str) -> dict[str, date | None]:
    """Return today's members and the day each was first added, None where the vendor does not say.

    Raises
    ------
    BadAnswer
        If the document has another shape than documented.
    """
    out: dict[str, date | None] = {}
    for entry in listing(document, where):
        row = record(entry, where)
        first = words(row.get("dateFirstAdded"), where)
        # The field is free text: some entries give a year or two days.
        plain = first is not None and len(first) == _DAY_LENGTH and first[4] == first[7] == "-"
        out[_symbol(row.get("symbol"), where)] = iso_day(first, where) if plain else None
    return out


def read_changes(document: Any, where: str) -> list[Change]:
    """Return the changes, oldest first, those who left on a day before those who joined.

    A row that only tells of a removal repeats the ticker that left as its `symbol`, with nothing in `addedSecurity`:
    it is no addition. Where `dateAdded`, in words, is some days after `date`, it is the day of the change: a change
    may be known here too late, never too early.

    Raises
    ------
    BadAnswer
        If the document has another shape than documented.
    """
    out = set()
    for entry in listing(document, where):
        row = record(entry, where)
        day = _day(row, where)
        left, joined = words(row.get("removedTicker"), where), words(row.get("symbol"), where)
        if left:
            out.add(Change(day, _symbol(left, where), joined=False))
        if joined and words(row.get("addedSecurity"), where):
            out.add(Change(day, _symbol(joined, where), joined=True))
    return sorted(out, key=lambda change: (change.day, change.joined, change.symbol))


def spans(members: dict[str, date | None], changes: Sequence[Change]) -> list[Span]:
    """Return the spans of membership that the vendor's two lists prove together.

    Notes
    -----
    Who left without ever having joined was in since before the first change of the list: that day is the start. A
    member of today of whom no change tells joined on the day its own line says. What contradicts itself (a company that
    joined, never left and is no member; one that left and is a member) is left out rather than guessed.
    """
    first = changes[0].day if changes else None
    out = []
    for symbol in sorted({change.symbol for change in changes} | set(members)):
        own = [change for change in changes if change.symbol == symbol]
        closed, start = _walk(own, first)
        out += closed
        if symbol in members:
            start = start if own and own[-1].joined else _told(own, members[symbol], first)
            if start is not None:
                out.append(Span(symbol, start, None))
    return out


def _walk(own: Sequence[Change], first: date | None) -> tuple[list[Span], date | None]:
    """Return the spans that ended, and the day the last one began."""
    closed, start, joined = [], first, False
    for change in own:
        if not change.joined:
            if start is not None and start < change.day:
                closed.append(Span(change.symbol, start, change.day))
            start, joined = None, False
        elif not joined:
            start, joined = change.day, True
    return closed, start


def _told(own: Sequence[Change], added: date | None, first: date | None) -> date | None:
    """Return since when a member of today is in, of whom no change says so."""
    if not own:
        return added or first
    return added if added is not None and added >= own[-1].day else None


def _day(row: Mapping[str, Any], where: str) -> date:
    """Return the first day of the index as changed."""
    day = iso_day(row.get("date"), where)
    said = _in_words(words(row.get("dateAdded"), where))
    return said if said is not None and timedelta() < said - day <= _APART else day


def _in_words(text: str | None) -> date | None:
    """Return a day written like ``July 9, 2025``; None if it is none, for the field is free text."""
    found = _IN_WORDS.fullmatch(text or "")
    if found is None or found[1] not in _MONTHS:
        return None
    try:
        return date(int(found[3]), _MONTHS.index(found[1]) + 1, int(found[2]))
    except ValueError:
        return None


def _symbol(value: Any, where: str) -> str:
    try:
        return normalise(words(value, where) or "")
    except InvalidField as error:
        raise BadAnswer(f"{where}: {error.message}") from error
