"""Documents as the SEC writes them, about invented companies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CIK = 9_900_017
SYMBOL = "QXZ"
PADDED = f"CIK{CIK:010d}"


@dataclass(frozen=True)
class Listed:
    """One line of the list of filings; `accepted` as the SEC writes it."""

    accession: str
    form: str
    filed: str
    accepted: str
    document: str = "report.htm"


def accession(number: int, year: int = 24) -> str:
    return f"{CIK:010d}-{year:02d}-{number:06d}"


def fact(
    value: Any,
    end: str,
    number: str,
    filed: str,
    *,
    start: str | None = None,
    form: str = "10-K",
    fiscal: tuple[int, str] = (2023, "FY"),
) -> dict[str, Any]:
    made = {"end": end, "val": value, "accn": number, "fy": fiscal[0], "fp": fiscal[1], "form": form, "filed": filed}
    return made if start is None else {"start": start} | made


def company_facts(concepts: dict[str, list[dict[str, Any]]], unit: str = "USD", cik: Any = CIK) -> dict[str, Any]:
    """`concepts` is keyed by ``taxonomy:Concept``; a third part names a unit other than `unit`."""
    facts: dict[str, Any] = {}
    for name, rows in concepts.items():
        taxonomy, concept, *own = name.split(":")
        facts.setdefault(taxonomy, {}).setdefault(concept, {"label": concept, "units": {}})
        facts[taxonomy][concept]["units"][own[0] if own else unit] = rows
    return {"cik": cik, "entityName": "QUARRY CROSS INSTRUMENTS", "facts": facts}


def columns(filings: Sequence[Listed]) -> dict[str, Any]:
    return {
        "accessionNumber": [f.accession for f in filings],
        "filingDate": [f.filed for f in filings],
        "acceptanceDateTime": [f.accepted for f in filings],
        "form": [f.form for f in filings],
        "primaryDocument": [f.document for f in filings],
    }


def submissions(
    filings: Sequence[Listed], files: Sequence[dict[str, Any]] = (), cik: Any = str(CIK), **about: Any
) -> dict[str, Any]:
    told = {
        "name": "Quarry Cross Instruments",
        "sicDescription": "Laboratory Analytical Instruments",
        "tickers": ["QXZW", SYMBOL],
        "exchanges": ["OTC", "NYSE"],
    }
    return {"cik": cik, **told, **about, "filings": {"recent": columns(filings), "files": list(files)}}


def tickers() -> dict[str, Any]:
    rows = [(CIK, SYMBOL), (9_900_018, "QXY-B"), (9_900_018, "QXY-A")]
    return {str(i): {"cik_str": cik, "ticker": ticker, "title": "T"} for i, (cik, ticker) in enumerate(rows)}


def line(
    day: str = "2024-05-20",
    code: str = "P",
    shares: str | None = "1500",
    price: str | None = "41.25",
    direction: str = "A",
) -> str:
    def valued(text: str | None) -> str:
        return '<footnoteId id="F1"/>' if text is None else f"<value>{text}</value>"

    return f"""<nonDerivativeTransaction>
      <securityTitle><value>Common Stock</value></securityTitle>
      <transactionDate><value>{day}</value></transactionDate>
      <transactionCoding><transactionFormType>4</transactionFormType><transactionCode>{code}</transactionCode></transactionCoding>
      <transactionAmounts>
        <transactionShares>{valued(shares)}</transactionShares>
        <transactionPricePerShare>{valued(price)}</transactionPricePerShare>
        <transactionAcquiredDisposedCode><value>{direction}</value></transactionAcquiredDisposedCode>
      </transactionAmounts>
    </nonDerivativeTransaction>"""


def owner(name: str, **flags: str) -> str:
    told = "".join(f"<{tag}>{value}</{tag}>" for tag, value in flags.items())
    return (
        f"<reportingOwner><reportingOwnerId><rptOwnerCik>1</rptOwnerCik><rptOwnerName>{name}</rptOwnerName>"
        f"</reportingOwnerId><reportingOwnerRelationship>{told}</reportingOwnerRelationship></reportingOwner>"
    )


def form4(*lines: str, owners: str | None = None, cik: Any = f"{CIK:010d}", head: str = "") -> str:
    named = owner("Example Pat", isOfficer="1", officerTitle="Chief Financial Officer") if owners is None else owners
    return f"""<?xml version="1.0"?>
{head}<ownershipDocument>
  <schemaVersion>X0508</schemaVersion><documentType>4</documentType>
  <issuer><issuerCik>{cik}</issuerCik><issuerName>Q</issuerName><issuerTradingSymbol>QXZ</issuerTradingSymbol></issuer>
  {named}
  <nonDerivativeTable>{"".join(lines)}<nonDerivativeHolding/></nonDerivativeTable>
</ownershipDocument>"""
