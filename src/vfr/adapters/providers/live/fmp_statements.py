"""Annual statements of Financial Modeling Prep to rows of fundamentals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vfr.adapters.providers.live.filing_days import NEW_YORK, instant, iso_day, public_at, wall_clock
from vfr.adapters.providers.live.fmp_layouts import told
from vfr.adapters.providers.live.reading import figure, listing, record, words
from vfr.data.symbols import normalise
from vfr.errors import BadAnswer, InvalidField

__all__ = ["STATEMENTS", "same_symbol", "statement_rows"]

STATEMENTS: Final[Mapping[str, Mapping[str, str]]] = {
    "income-statement": {
        "revenue": "revenue",
        "grossProfit": "gross_profit",
        "operatingIncome": "operating_income",
        "netIncome": "net_income",
        "depreciationAndAmortization": "depreciation",
        "interestExpense": "interest_expense",
        "epsDiluted": "eps",
    },
    "balance-sheet-statement": {
        "totalAssets": "total_assets",
        "totalLiabilities": "total_liabilities",
        "totalStockholdersEquity": "total_equity",
        "totalCurrentAssets": "current_assets",
        "totalCurrentLiabilities": "current_liabilities",
        "cashAndCashEquivalents": "cash",
        "longTermDebt": "long_term_debt",
        "shortTermDebt": "short_term_debt",
        "inventory": "inventory",
        "netReceivables": "receivables",
        "goodwill": "goodwill",
        "intangibleAssets": "intangibles",
    },
    "cash-flow-statement": {"operatingCashFlow": "cfo", "capitalExpenditure": "capex"},
}
"""Statement to the vendor's field to the item. Shares are not among them: the vendor states averages over the year."""

_ANNUAL: Final = "10-K"
"""The vendor does not name the form; annual reports of every form keep the same hours."""

_ACCESSION: Final = re.compile(r"\d{10}-\d{2}-\d{6}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Report:
    """What a row says of its filing."""

    known_at: datetime
    accession: str | None


def statement_rows(symbol: str, statement: str, document: Any) -> list[tuple[Any, ...]]:
    """Return the rows of one kind of statement.

    Parameters
    ----------
    symbol : str
        As asked, in VFR's spelling.
    statement : str
        One of `STATEMENTS`.
    document : object
        The parsed answer; the empty list is no statements.

    Returns
    -------
    list of tuple
        In the order of the table of fundamentals. A year in another currency than US dollars, and one without a filing
        date, gives no rows. The vendor writes 0 for what a company does not report, so a 0 is unknown.
        `acceptedDate` is New York's clock; the vendor corrects figures in place, under the date of the first filing.
        Only version 3 links the filing: without the link, the accession number is unknown.

    Raises
    ------
    BadAnswer
        If a row is about another symbol or not a whole year, or a value is not what is documented.
    """
    where = f"fmp, {symbol}: {statement}"
    rows: list[tuple[Any, ...]] = []
    for entry in listing(document, where):
        row = record(entry, where)
        same_symbol(row, symbol, where)
        if row.get("period") != "FY":
            raise BadAnswer(f"{where}: a row is about {ascii(row.get('period'))[:24]}, asked was for whole years")
        read = _figures(row, STATEMENTS[statement], where)
        day = words(told(row, "filingDate", where), where)
        if day is None or row.get("reportedCurrency") != "USD":
            continue
        end, filed = iso_day(row.get("date"), where), iso_day(day, where)
        accepted = words(row.get("acceptedDate"), where)
        moment = None if accepted is None else instant(wall_clock(accepted, where), NEW_YORK)
        report = _Report(public_at(moment, filed, _ANNUAL), _accession(row, where))
        rows += [
            (symbol, end, "FY", item, value, None, report.accession, filed, "fmp", report.known_at)
            for item, value in read.items()
        ]
    return rows


def same_symbol(row: Mapping[str, Any], symbol: str, where: str) -> None:
    """Refuse a row about another symbol, however the vendor spells it.

    Raises
    ------
    BadAnswer
        If it is, or does not say.
    """
    named = row.get("symbol")
    try:
        same = isinstance(named, str) and normalise(named) == symbol
    except InvalidField:
        same = False
    if not same:
        raise BadAnswer(f"{where} is about {ascii(named)[:24]}, asked was {symbol}")


def _figures(row: Mapping[str, Any], fields: Mapping[str, str], where: str) -> dict[str, float]:
    read = {item: figure(told(row, field, where), f"{where}: {field}") for field, item in fields.items()}
    known = {item: value for item, value in read.items() if value}
    if "capex" in known:
        known["capex"] = -abs(known["capex"])
    return known


def _accession(row: Mapping[str, Any], where: str) -> str | None:
    found = _ACCESSION.search(words(row.get("link"), where) or "")
    return found[0] if found else None
