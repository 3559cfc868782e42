"""A table of statements to `Fundamentals`: canonical items, by the day they became public."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from vfr.adapters.providers.days import session_days
from vfr.adapters.providers.neighbours import Neighbours
from vfr.adapters.providers.tables import Table, numbers, texts
from vfr.data.items import ITEMS
from vfr.data.quality import Severity, finding
from vfr.data.records import Fundamentals
from vfr.data.restate import restate
from vfr.errors import ImportRejected
from vfr.typing import BoolArray, DateArray, FloatArray

__all__ = ["read_fundamentals"]

_SPELLINGS: Final[dict[str, tuple[str, ...]]] = {
    "revenue": ("total_revenue",),
    "ebit": ("earnings_before_interest_and_tax",),
    "total_liabilities": (),
    "current_assets": ("total_current_assets",),
    "current_liabilities": ("total_current_liabilities",),
    "cash": ("cash_and_cash_equivalents",),
    "short_term_debt": ("short_term_debt_current_portion_of_long_term_debt",),
    "cfo": ("net_cash_flow_operating",),
    "capex": ("capital_expenditures",),
    "shares": ("estimated_shares_outstanding", "shares_outstanding"),
    "eps": ("earnings_per_share",),
    "receivables": ("net_receivables",),
    "intangibles": ("intangible_assets",),
}

_KNOWN_AT: Final = ("known_at", "filing_date", "filed_at", "filed", "available_date", "assumed_available_date")
_ASSUMED_DELAY: Final = 90


def read_fundamentals(neighbours: Neighbours) -> Fundamentals | None:
    """Return the statements of the panel's symbols, every version by the day it became public, or None.

    A statement without a filing date is assumed public 90 days after its period; share counts that are not positive
    are unknown. Of several statements of one period each counts from its own day, whole: what it leaves out stays as
    it was. One that repeats what is known is dropped.

    Raises
    ------
    ImportRejected
        If the table lacks a key column or every known item.
    """
    table = neighbours.table("fundamentals")
    if table is None:
        return None
    period_end = session_days(table, table.need("period_end"))
    known_at = _known_at(table, period_end, neighbours)
    column = neighbours.match(table, table.need("symbol"), known_at).column
    values = _values(table)
    bad_shares = values["shares"] <= 0
    values["shares"][bad_shares] = np.nan
    impossible = known_at < period_end
    message = f"{table.file}: share counts that are not positive; taken as unknown."
    _report(neighbours, "bad_share_counts", "warning", message, _named(table, period_end, bad_shares))
    message = f"{table.file}: statements public before their period ended; left out."
    _report(neighbours, "impossible_filing", "error", message, _named(table, period_end, impossible))
    use = np.flatnonzero((column >= 0) & ~impossible)
    if use.size == 0:
        return None
    rows = Fundamentals(column[use], period_end[use], known_at[use], {item: values[item][use] for item in ITEMS})
    filed = restate(rows.column, rows.period_end, rows.known_at, rows.values)
    _report_versions(neighbours, table, rows, filed)
    return filed


def _known_at(table: Table, period_end: DateArray, neighbours: Neighbours) -> DateArray:
    stated = next((c for c in _KNOWN_AT if table.find(c)), None)
    if stated is not None:
        return session_days(table, table.need(stated))
    message = f"{table.file}: no filing date; each statement is assumed public {_ASSUMED_DELAY} days after its period."
    neighbours.findings.append(finding("assumed_filing", "warning", (), message, period_end.size))
    return period_end + _ASSUMED_DELAY


def _values(table: Table) -> dict[str, FloatArray]:
    found = {}
    for item in ITEMS:
        column = next((c for c in map(table.find, (item, *_SPELLINGS.get(item, ()))) if c), None)
        if column is not None:
            found[item] = numbers(table, column)
    if not found:
        raise ImportRejected(f"{table.file}: holds no known item; name columns like {', '.join(ITEMS[:4])}")
    nothing = np.full(len(table.frame), np.nan)
    return {item: found.get(item, nothing.copy()) for item in ITEMS}


def _named(table: Table, period_end: DateArray, where: BoolArray) -> list[str]:
    symbols = texts(table, table.need("symbol"))
    return [f"{symbols[row]} {period_end[row]}" for row in np.flatnonzero(where).tolist()]


def _report(neighbours: Neighbours, check: str, severity: Severity, message: str, examples: list[str]) -> None:
    if examples:
        neighbours.findings.append(finding(check, severity, examples, message))


def _report_versions(neighbours: Neighbours, table: Table, rows: Fundamentals, filed: Fundamentals) -> None:
    """Say how many of the rows read are later versions, how many say nothing new, and which share a day."""
    versions = filed.column.size
    periods = len(pl.DataFrame({"c": filed.column, "p": filed.period_end}).unique())
    message = f"{table.file}: later statements that restate a period already reported; each counts from its own day."
    _count(neighbours, "restated_periods", "info", message, versions - periods)
    distinct = pl.DataFrame({"c": rows.column, "p": rows.period_end, "k": rows.known_at, **rows.values}).unique()
    days = len(distinct.select("c", "p", "k").unique())
    message = (
        f"{table.file}: several rows of one statement and day; figures they contradict each other in are not used."
    )
    _count(neighbours, "statements_of_one_day", "warning", message, len(distinct) - days)
    message = f"{table.file}: statements that repeat what was known already; counted once."
    _count(neighbours, "repeated_statements", "info", message, rows.column.size - len(distinct) + days - versions)


def _count(neighbours: Neighbours, check: str, severity: Severity, message: str, count: int) -> None:
    if count:
        neighbours.findings.append(finding(check, severity, (), message, count))
