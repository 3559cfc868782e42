"""Company facts of the SEC to rows of statements: every filing of a figure is a row, so a restatement is a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

import polars as pl

from vfr.adapters.providers.live.edgar_items import CONCEPTS, COUNT, Concepts
from vfr.adapters.providers.live.edgar_periods import Calendar, calendar
from vfr.adapters.providers.live.filing_days import end_of_day, iso_day
from vfr.adapters.providers.live.reading import figure, listing, record, words
from vfr.data.bitemporal.tables import TABLES

__all__ = ["Fact", "currencies", "read_facts", "statement_rows"]

Facts: TypeAlias = Mapping[str, Mapping[str, Sequence["Fact"]]]
"""By ``taxonomy:Concept``, then by unit."""

_COVER: Final = "dei:EntityCommonStockSharesOutstanding"
_YEAR: Final = 365
_QUARTER: Final = 91


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure as one filing states it; `start` is None for a figure of one day."""

    start: date | None
    end: date
    value: float
    accession: str
    form: str
    filed: date


_Period: TypeAlias = tuple[date, Literal["FY", "Q"]]


def read_facts(document: Any, symbol: str) -> dict[str, dict[str, list[Fact]]]:
    """Return the facts of the concepts that stand for an item, by concept and unit.

    Parameters
    ----------
    document : object
        The parsed answer. A null value is unknown and left out.
    symbol : str
        For messages.

    Raises
    ------
    BadAnswer
        If it has another shape than documented, or a value is no number.
    """
    where = f"edgar, {symbol}: company facts"
    by_taxonomy = record(record(document, where).get("facts"), where)
    wanted = {name for concepts in CONCEPTS.values() for name in concepts.names} | {_COVER}
    out: dict[str, dict[str, list[Fact]]] = {}
    for taxonomy, concepts in by_taxonomy.items():
        for concept, about in record(concepts, where).items():
            name = f"{taxonomy}:{concept}"
            if name in wanted:
                units = record(record(about, where).get("units"), where)
                out[name] = {unit: list(_facts(listing(rows, where), where)) for unit, rows in units.items()}
    return out


def currencies(facts: Facts) -> list[str]:
    """Return the currencies in which total assets are stated, so that a report in euros can be told from no report."""
    return sorted({unit for concept in CONCEPTS["total_assets"].names for unit in facts.get(concept, {})})


def statement_rows(symbol: str, facts: Facts, accepted: Mapping[str, datetime]) -> pl.DataFrame:
    """Return rows of the table of fundamentals.

    Parameters
    ----------
    symbol : str
    facts : mapping
        See `read_facts`. Units other than US dollars and shares take no part.
    accepted : mapping of str to datetime
        When each accession became public; one that is not there counts from the end of its filing day.

    Returns
    -------
    polars.DataFrame
        One row per item, period and filing. Where a filing states an item under several concepts, the first of
        `CONCEPTS` counts. The versions of a figure mean the same as far as the filer lets them: a later filing is read
        under the concept that the one before it was read from (same item, same period). If it states that concept for
        other periods only, it says nothing new about this one: equity with minorities is no restatement of equity
        without. If it does not use that concept any more, the filer has moved to another, and so does the item. Of
        several facts under one concept the one whose length is nearest to a year (a quarter) counts, then the one that
        begins first, then the smallest.

    Notes
    -----
    Which concept counts depends only on earlier filings: a later one never changes what an earlier version was.
    """
    every = (fact for units in facts.values() for stated in units.values() for fact in stated)
    days = calendar((fact.start, fact.end, fact.form) for fact in every if fact.start is not None)
    used = _used(facts)
    rows = [
        _row(symbol, end, period, item, concepts.sign * fact.value, fact, accepted)
        for item, concepts in CONCEPTS.items()
        for (end, period), filings in _by_period(concepts, facts, days).items()
        for fact in _versions(concepts, filings, period, used)
    ]
    rows += [_row(symbol, f.end, "POINT", "shares", f.value, f, accepted) for f in _covers(facts)]
    frame = pl.DataFrame(rows, schema=dict(TABLES["fundamentals"].columns), orient="row")
    # Two filings that became public in the same second (two on one day of which only the day is known): the later
    # one, by its number, has the last word.
    order = ["period_end", "period", "item", "known_at"]
    return frame.sort(*order, "accession").unique(order, keep="last", maintain_order=True)


_Versions: TypeAlias = dict[str, dict[str, list[Fact]]]
"""Accession to concept to facts."""


def _by_period(concepts: Concepts, facts: Facts, days: Calendar) -> dict[_Period, _Versions]:
    out: dict[_Period, _Versions] = {}
    for name in concepts.names:
        for fact in facts.get(name, {}).get(concepts.unit, ()):
            if (fact.start is None) != (concepts.measure == "balance"):
                continue
            period = days.of_balance(fact.end) if fact.start is None else days.of_flow(fact.start, fact.end)
            if period is not None:
                filings = out.setdefault((fact.end, period), {})
                filings.setdefault(fact.accession, {}).setdefault(name, []).append(fact)
    return out


def _used(facts: Facts) -> dict[str, set[str]]:
    """Return the concepts that each filing uses, for whatever period."""
    out: dict[str, set[str]] = {}
    for name, units in facts.items():
        for stated in units.values():
            for fact in stated:
                out.setdefault(fact.accession, set()).add(name)
    return out


def _versions(
    concepts: Concepts, filings: _Versions, period: str, used: Mapping[str, AbstractSet[str]]
) -> Iterator[Fact]:
    """Yield one fact per filing that says something of the period, oldest filing first."""
    kept: str | None = None
    for accession, held in sorted(filings.items(), key=lambda filing: _filed(filing[1])):
        if kept not in held:
            if kept in used[accession]:
                continue
            kept = next(name for name in concepts.names if name in held)
        yield min(held[kept], key=lambda fact: _fit(fact, period))


def _filed(held: Mapping[str, Sequence[Fact]]) -> tuple[date, str]:
    return min((fact.filed, fact.accession) for facts in held.values() for fact in facts)


def _fit(fact: Fact, period: str) -> tuple[int, date, float]:
    start = fact.start or fact.end
    days = (fact.end - start).days
    return abs(days - (_YEAR if period == "FY" else _QUARTER)), start, fact.value


def _covers(facts: Facts) -> list[Fact]:
    """Return the counts on the covers of reports: the newest day of each filing, then the largest count."""
    best: dict[str, Fact] = {}
    for fact in sorted(facts.get(_COVER, {}).get(COUNT, ()), key=lambda one: (one.end, one.value)):
        best[fact.accession] = fact
    return list(best.values())


def _row(
    symbol: str, end: date, period: str, item: str, value: float, fact: Fact, accepted: Mapping[str, datetime]
) -> tuple[Any, ...]:
    known_at = accepted.get(fact.accession) or end_of_day(fact.filed)
    return (symbol, end, period, item, value, fact.form, fact.accession, fact.filed, "edgar", known_at)


def _facts(rows: Sequence[Any], where: str) -> Iterator[Fact]:
    for row in rows:
        one = record(row, where)
        value = figure(one.get("val"), where)
        start = None if one.get("start") is None else iso_day(one["start"], where)
        end, filed = iso_day(one.get("end"), where), iso_day(one.get("filed"), where)
        accession, form = words(one.get("accn"), where), words(one.get("form"), where)
        if value is not None and accession and form:
            yield Fact(start, end, value, accession, form, filed)
