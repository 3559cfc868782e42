"""Which fiscal period a fact is about, from its own days: the year and quarter a filing names describe the filing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal, TypeAlias

__all__ = ["Calendar", "Period", "calendar", "length"]

Period: TypeAlias = Literal["FY", "Q"]

_YEAR: Final = range(350, 381)
"""Days from first to last: 52 and 53 weeks, leap years, and a year-end moved by a few days."""

_QUARTER: Final = range(80, 101)
"""Twelve to fourteen weeks."""

_ANNUAL: Final = ("10-K", "10-KT", "20-F", "40-F")


def length(start: date, end: date) -> Period | None:
    """Return what a span of days is as long as; None for a half-year, nine months, or a stub.

    Examples
    --------
    >>> length(date(2023, 1, 1), date(2023, 12, 31)), length(date(2023, 1, 1), date(2023, 9, 30))
    ('FY', None)
    """
    days = (end - start).days
    return "FY" if days in _YEAR else "Q" if days in _QUARTER else None


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days on which a company's fiscal years and quarters ended, as its own filings show."""

    years: frozenset[date]
    quarters: frozenset[date]

    def of_flow(self, start: date, end: date) -> Period | None:
        """Return the period of a figure over a span.

        Twelve months that end elsewhere than a fiscal year (utilities state them in every quarterly report) are none.
        """
        found = length(start, end)
        return None if found == "FY" and end not in self.years else found

    def of_balance(self, end: date) -> Period | None:
        """Return the period at whose end a balance stands: FY at a year's end, though that ends a quarter too."""
        return "FY" if end in self.years else "Q" if end in self.quarters else None


def calendar(spans: Iterable[tuple[date, date, str]]) -> Calendar:
    """Return a company's calendar.

    Parameters
    ----------
    spans : iterable of (date, date, str)
        First day, last day and form of every fact over a span. Years are taken from annual reports only.
    """
    years, quarters = set(), set()
    for start, end, form in spans:
        found = length(start, end)
        if found == "FY" and form.removesuffix("/A") in _ANNUAL:
            years.add(end)
        elif found == "Q":
            quarters.add(end)
    return Calendar(frozenset(years), frozenset(quarters))
