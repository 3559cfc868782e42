"""The SEC as it answers: tickers, company facts, submissions, and the XML of Form 4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from tests.conformance.market import CIK, NAME, OTHER, SHIFT, SYMBOL
from tests.conformance.replay import Answer, Asked, Change, document, rewrite

__all__ = ["ELSEWHERE", "FILINGS", "LIES", "MAIN", "REVENUE", "Filing", "play"]


@dataclass(frozen=True, slots=True)
class Filing:
    """One line of the list of filings; `accepted` is New York time, which the SEC writes with ``.000Z`` after it."""

    accession: str
    form: str
    filed: str
    accepted: str
    period: str
    document: str


_HEAD: Final = f"{CIK:010d}"

FILINGS: Final = (
    Filing(f"{_HEAD}-24-000031", "4", "2024-06-12", "2024-06-12T18:31:09", "2024-06-11", "xslF345X05/form4b.xml"),
    Filing(f"{_HEAD}-24-000027", "4", "2024-05-21", "2024-05-21T17:02:44", "2024-05-20", "xslF345X05/form4a.xml"),
    Filing(f"{_HEAD}-24-000022", "10-Q", "2024-05-03", "2024-05-03T16:21:38", "2024-03-31", "qxz-20240331.htm"),
    Filing(f"{_HEAD}-24-000009", "10-K", "2024-02-23", "2024-02-23T16:12:05", "2023-12-31", "qxz-20231231.htm"),
    Filing(f"{_HEAD}-23-000008", "10-K", "2023-02-24", "2023-02-24T16:40:51", "2022-12-31", "qxz-20221231.htm"),
)
"""Newest first, as the SEC lists them."""

_10K22, _10K23, _10Q24 = FILINGS[4], FILINGS[3], FILINGS[2]

REVENUE: Final = {
    ("2022-01-01", "2022-12-31", _10K22): 410_000_000,
    ("2022-01-01", "2022-12-31", _10K23): 398_500_000,
    ("2023-01-01", "2023-12-31", _10K23): 455_000_000,
    ("2024-01-01", "2024-03-31", _10Q24): 121_000_000,
}
"""(start, end, filing) to revenue; the year 2022 is restated in the report of 2023."""

_PADDED: Final = f"CIK{CIK:010d}"
MAIN: Final = {
    "fundamentals": f"/api/xbrl/companyfacts/{_PADDED}.json",
    "insiders": f"/Archives/edgar/data/{CIK}",
    "profile": f"/submissions/{_PADDED}.json",
}


def play(asked: Asked) -> Answer | None:
    """Answer as the SEC does."""
    if asked.path == "/files/company_tickers.json":
        rows = [
            {"cik_str": CIK, "ticker": SYMBOL, "title": NAME},
            {"cik_str": 9_900_002, "ticker": OTHER, "title": "Z"},
        ]
        return document({str(i): row for i, row in enumerate(rows)})
    if asked.path == MAIN["fundamentals"]:
        return document(facts())
    if asked.path == MAIN["profile"]:
        return document(submissions())
    forms = {f"{MAIN['insiders']}/{f.accession.replace('-', '')}/{f.document.split('/')[-1]}": f for f in FILINGS}
    form = forms.get(asked.path)
    return None if form is None else Answer(form4(form).encode(), headers={"Content-Type": "text/xml"})


def facts() -> dict[str, Any]:
    """Return company facts of two years and a quarter."""
    revenue = [_fact(value, filing, end, start) for (start, end, filing), value in REVENUE.items()]
    income = [_fact(value // 10, filing, end, start) for (start, end, filing), value in REVENUE.items()]
    ends = {
        ("2022-12-31", _10K22): 700_000_000,
        ("2023-12-31", _10K23): 760_000_000,
        ("2024-03-31", _10Q24): 771_000_000,
    }
    assets = [_fact(value, filing, end) for (end, filing), value in ends.items()]
    shares = [
        _fact(90_000_000 + 500_000 * i, filing, filing.filed) for i, filing in enumerate((_10K22, _10K23, _10Q24))
    ]
    us_gaap = {
        "RevenueFromContractWithCustomerExcludingAssessedTax": {"label": "Revenue", "units": {"USD": revenue}},
        "NetIncomeLoss": {"label": "Net Income", "units": {"USD": income}},
        "Assets": {"label": "Assets", "units": {"USD": assets}},
    }
    dei = {"EntityCommonStockSharesOutstanding": {"label": "Shares", "units": {"shares": shares}}}
    return {"cik": CIK, "entityName": NAME.upper(), "facts": {"dei": dei, "us-gaap": us_gaap}}


def submissions() -> dict[str, Any]:
    """Return what the SEC says about the company, and its filings column by column."""
    recent = {
        "accessionNumber": [f.accession for f in FILINGS],
        "filingDate": [f.filed for f in FILINGS],
        "reportDate": [f.period for f in FILINGS],
        "acceptanceDateTime": [f"{f.accepted}.000Z" for f in FILINGS],
        "form": [f.form for f in FILINGS],
        "primaryDocument": [f.document for f in FILINGS],
        "size": [10_000 for _ in FILINGS],
    }
    return {
        "cik": str(CIK),
        "entityType": "operating",
        "sic": "3826",
        "sicDescription": "Laboratory Analytical Instruments",
        "name": NAME,
        "tickers": [SYMBOL],
        "exchanges": ["Nasdaq"],
        "fiscalYearEnd": "1231",
        "filings": {"recent": recent, "files": []},
    }


def form4(filing: Filing, shares: str = "1500", cik: int = CIK) -> str:
    """Return a Form 4 with one purchase by the chief financial officer."""
    return f"""<?xml version="1.0"?>
<ownershipDocument>
  <schemaVersion>X0508</schemaVersion>
  <documentType>4</documentType>
  <periodOfReport>{filing.period}</periodOfReport>
  <issuer>
    <issuerCik>{cik:010d}</issuerCik><issuerName>{NAME}</issuerName><issuerTradingSymbol>{SYMBOL}</issuerTradingSymbol>
  </issuer>
  <reportingOwner>
    <reportingOwnerId><rptOwnerCik>0009900777</rptOwnerCik><rptOwnerName>Example Pat</rptOwnerName></reportingOwnerId>
    <reportingOwnerRelationship>
      <isDirector>0</isDirector><isOfficer>1</isOfficer><isTenPercentOwner>0</isTenPercentOwner>
      <officerTitle>Chief Financial Officer</officerTitle>
    </reportingOwnerRelationship>
  </reportingOwner>
  <nonDerivativeTable>
    <nonDerivativeTransaction>
      <securityTitle><value>Common Stock</value></securityTitle>
      <transactionDate><value>{filing.period}</value></transactionDate>
      <transactionCoding><transactionFormType>4</transactionFormType><transactionCode>P</transactionCode></transactionCoding>
      <transactionAmounts>
        <transactionShares><value>{shares}</value></transactionShares>
        <transactionPricePerShare><value>41.25</value></transactionPricePerShare>
        <transactionAcquiredDisposedCode><value>A</value></transactionAcquiredDisposedCode>
      </transactionAmounts>
    </nonDerivativeTransaction>
  </nonDerivativeTable>
</ownershipDocument>
"""


def _fact(value: int, filing: Filing, end: str, start: str | None = None) -> dict[str, Any]:
    fact: dict[str, Any] = {"end": end, "val": value, "accn": filing.accession}
    fact |= {"fy": int(filing.period[:4]), "fp": "FY" if filing.form == "10-K" else "Q1"}
    fact |= {"form": filing.form, "filed": filing.filed}
    return fact if start is None else {"start": start, **fact}


def _revenue(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Change:
    def changed(body: Any) -> Any:
        units = body["facts"]["us-gaap"]["RevenueFromContractWithCustomerExcludingAssessedTax"]["units"]
        units["USD"] = change(units["USD"])
        return body

    return rewrite(changed)


def _figure(value: Any) -> Change:
    return _revenue(lambda rows: [row | {"val": value} if row["end"] == "2023-12-31" else row for row in rows])


def _recent(change: Callable[[dict[str, list[Any]]], dict[str, list[Any]]]) -> Change:
    def changed(body: Any) -> Any:
        body["filings"]["recent"] = change(body["filings"]["recent"])
        return body

    return rewrite(changed)


def _shifted(by: timedelta) -> Change:
    def moved(text: str) -> str:
        return f"{datetime.fromisoformat(text) + by:%Y-%m-%dT%H:%M:%S}.000Z"

    return _recent(lambda recent: recent | {"acceptanceDateTime": [moved(t) for t in recent["acceptanceDateTime"]]})


def _other_currency(body: Any) -> Any:
    for concept in body["facts"]["us-gaap"].values():
        concept["units"] = {"EUR": concept["units"].pop("USD")}
    del body["facts"]["dei"]
    return body


def _text(old: str, new: str) -> Change:
    return lambda healthy: replace(healthy, body=healthy.body.replace(old.encode(), new.encode()))


LIES: Final[Mapping[tuple[str, str], Change]] = {
    ("fundamentals", "empty"): rewrite(lambda body: body | {"facts": {}}),
    ("fundamentals", "other_subject"): rewrite(lambda body: body | {"cik": 9_900_002}),
    ("fundamentals", "missing"): _revenue(lambda rows: [row for row in rows if row["end"] != "2023-12-31"]),
    ("fundamentals", "nan_text"): _figure("NaN"),
    ("fundamentals", "nan_token"): _figure(float("nan")),
    ("fundamentals", "other_currency"): rewrite(_other_currency),
    ("fundamentals", "shifted"): _shifted(SHIFT),
    ("fundamentals", "shifted_back"): _shifted(-SHIFT),
    ("insiders", "other_subject"): _text(f"{CIK:010d}", "0009900002"),
    ("insiders", "nan_text"): _text("<value>1500</value>", "<value>NaN</value>"),
    ("insiders", "shifted"): _shifted(SHIFT),
    ("insiders", "shifted_back"): _shifted(-SHIFT),
    ("insiders", "empty"): _recent(lambda recent: {name: [] for name in recent}),
    ("insiders", "missing"): _recent(lambda recent: {name: values[1:] for name, values in recent.items()}),
    ("profile", "other_subject"): rewrite(lambda body: body | {"cik": "9900002"}),
}
"""(Kind the offer is named by, fault) to what the fault makes of its document."""

ELSEWHERE: Final = {
    ("fundamentals", "shifted"): MAIN["profile"],
    ("fundamentals", "shifted_back"): MAIN["profile"],
    ("insiders", "shifted"): MAIN["profile"],
    ("insiders", "shifted_back"): MAIN["profile"],
    ("insiders", "empty"): MAIN["profile"],
    ("insiders", "missing"): MAIN["profile"],
}
"""Where the fault sits in another document than the one that holds the facts."""
