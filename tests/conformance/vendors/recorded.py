"""Answers that the vendors really gave, recorded by third parties and kept outside the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

from tests.conformance.replay import Answer, Asked, Play, document

__all__ = ["RECORDED", "Recorded", "player"]


@dataclass(frozen=True)
class Recorded:
    """One recorded answer: what was asked, what else the provider asks for on the way, and what came of it.

    `edits` are changes of fields at the top of the document: an excerpt announces more than it holds. `under` is the
    end of the address it was recorded at.
    """

    provider: str
    kind: str
    subject: str
    file: str
    path: str
    since: date
    now: datetime
    beside: Mapping[str, Any] = field(default_factory=dict)
    edits: Mapping[str, Any] = field(default_factory=dict)
    code: str = "DONE"
    rows: int = 0
    under: str = ""


def player(one: Recorded, folder: Path) -> Play:
    """Return the vendor that gives the recorded answer."""
    body = (folder / one.file).read_bytes()
    if one.edits:
        body = json.dumps(json.loads(body) | one.edits).encode()

    def play(asked: Asked) -> Answer | None:
        if one.path in asked.path:
            return Answer(body, headers={"Content-Type": "application/json"})
        if one.provider == "fmp":
            return document([])
        told = next((told for path, told in one.beside.items() if path in asked.path), None)
        return Answer(b"cRuMb", headers={"Content-Type": "text/plain"}) if told is None else document(told)

    return play


def _listed(ticker: str, cik: int) -> dict[str, Any]:
    return {"0": {"cik_str": cik, "ticker": ticker, "title": ticker}}


def _no_filings(cik: int) -> dict[str, Any]:
    columns = ("accessionNumber", "form", "filingDate", "acceptanceDateTime", "primaryDocument")
    return {"cik": str(cik), "filings": {"recent": {name: [] for name in columns}, "files": []}}


_WEEK: Final = (date(2022, 3, 7), datetime(2022, 3, 11, 19, 0, tzinfo=UTC))
_LATER: Final = datetime(2025, 8, 1, tzinfo=UTC)

RECORDED: Final[Mapping[str, Recorded]] = {
    "yahoo_daily": Recorded(
        "yahoo", "bars", "AAPL", "yahoo_chart_v8_AAPL_1d_2022-03-11.json", "/v8/finance/chart/AAPL", *_WEEK, rows=4
    ),
    "yahoo_weekly": Recorded(
        "yahoo",
        "bars",
        "AAPL",
        "yahoo_chart_v8_AAPL_1wk_2024-09-18.json",
        "/v8/finance/chart/AAPL",
        date(2024, 9, 16),
        datetime(2024, 9, 18, 22, 0, tzinfo=UTC),
        code="BAD_ANSWER",
    ),
    "edgar_snow": Recorded(
        "edgar",
        "fundamentals",
        "SNOW",
        "sec_companyfacts_CIK0001640147_SNOW_trimmed.json",
        "/companyfacts/CIK0001640147.json",
        date(2020, 1, 1),
        _LATER,
        {"company_tickers": _listed("SNOW", 1640147), "/submissions/": _no_filings(1640147)},
    ),
    "edgar_lpa": Recorded(
        "edgar",
        "fundamentals",
        "LPA",
        "sec_companyfacts_lpa.json",
        "/companyfacts/CIK0001997711.json",
        date(2020, 1, 1),
        _LATER,
        {"company_tickers": _listed("LPA", 1997711), "/submissions/": _no_filings(1997711)},
    ),
    "edgar_tsla": Recorded(
        "edgar",
        "profile",
        "TSLA",
        "sec_submissions_CIK0001318605_TSLA.json",
        "/submissions/CIK0001318605.json",
        date(2020, 1, 1),
        _LATER,
        {"company_tickers": _listed("TSLA", 1318605)},
        rows=4,
    ),
    "fred_unrate": Recorded(
        "fred",
        "macro",
        "UNRATE",
        "fred_observations_UNRATE_excerpt.json",
        "/series/observations",
        date(2016, 3, 2),
        _LATER,
        edits={"count": 4},
        rows=4,
    ),
    "fred_excerpt": Recorded(
        "fred",
        "macro",
        "UNRATE",
        "fred_observations_UNRATE_excerpt.json",
        "/series/observations",
        date(2016, 3, 2),
        _LATER,
        code="BAD_ANSWER",
    ),
    "fmp_income": Recorded(
        "fmp",
        "fundamentals",
        "AAPL",
        "fmp_v3_income_statement_AAPL_FY2022.json",
        "/v3/income-statement/",
        date(2020, 1, 1),
        _LATER,
        rows=7,
        under="/api",
    ),
}
"""By a name of our own; `rows` is 0 where the test does not count them."""
