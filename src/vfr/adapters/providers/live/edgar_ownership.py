"""Form 4 of the SEC, as XML, to rows of insiders' transactions."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any, Final
from xml.etree import ElementTree as ET

from vfr.adapters.providers.live.filing_days import iso_day
from vfr.errors import BadAnswer

__all__ = ["MAX_CHARACTERS", "is_whole", "ownership_rows", "raw_document"]

MAX_CHARACTERS: Final = 4_000_000
"""Longer documents are not read; the longest Form 4 the SEC accepts is far shorter."""

_RENDERED: Final = re.compile(r"xsl[^/]*/")
_DECLARED: Final = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?(\d+\.?\d*|\.\d+)", re.ASCII)
_ZONED: Final = re.compile(r"(Z|[+-]\d{2}:\d{2})$", re.ASCII)
_YES: Final = ("1", "true")
_ROLES: Final = {"isDirector": "director", "isOfficer": "officer", "isTenPercentOwner": "10% owner", "isOther": "other"}


def raw_document(name: str) -> str:
    """Return the name of the XML that the SEC lists under the name of its rendered page.

    Examples
    --------
    >>> raw_document("xslF345X03/doc4.xml")
    'doc4.xml'
    """
    return _RENDERED.sub("", name, count=1)


def is_whole(xml: str) -> bool:
    """Tell whether a document was not cut short on the way."""
    return xml.rstrip().endswith("</ownershipDocument>")


def ownership_rows(
    xml: str, *, symbol: str, cik: int, accession: str, known_at: datetime, where: str
) -> list[tuple[Any, ...]]:
    """Return the rows of one Form 4: one per transaction in shares; derivatives and mere holdings are left out.

    Parameters
    ----------
    xml : str
        The document. One with a document type or entities is refused unread.
    symbol, cik
        The company asked about. A document about another issuer gives no rows: a company's list of filings also holds
        what it reported as an owner of others.
    accession, known_at
        Of the filing.
    where : str
        For messages.

    Returns
    -------
    list of tuple
        In the order of the table of insiders. `shares` is negative when disposed; shares and price are null where the
        form only has a footnote. `owner` and `role` name every reporting owner.

    Raises
    ------
    BadAnswer
        If it is no such document, or a value is not what is documented.
    """
    root = _root(xml, where)
    issuer = _text(root, "issuer/issuerCik")
    if not issuer.isdigit():
        raise BadAnswer(f"{where} does not name its issuer")
    if int(issuer) != cik:
        return []
    owners = root.findall("reportingOwner")
    owner = "; ".join(_text(one, "reportingOwnerId/rptOwnerName") for one in owners)
    role = "; ".join(_role(one.find("reportingOwnerRelationship")) for one in owners)
    return [
        (symbol, day, owner, role, code, shares, price, accession, line, "edgar", known_at)
        for line, (day, code, shares, price) in enumerate(
            (_transaction(one, where) for one in root.findall("nonDerivativeTable/nonDerivativeTransaction")), start=1
        )
    ]


def _root(xml: str, where: str) -> ET.Element:
    if len(xml) > MAX_CHARACTERS:
        raise BadAnswer(f"{where} is longer than any Form 4")
    if _DECLARED.search(xml):
        raise BadAnswer(f"{where} declares a document type; no Form 4 does")
    try:
        # Without a document type there are no entities to expand, and the length is bounded.
        root = ET.fromstring(xml)  # noqa: S314
    except (ET.ParseError, ValueError) as error:
        raise BadAnswer(f"{where} is not XML") from error
    if root.tag != "ownershipDocument":
        raise BadAnswer(f"{where} is {ascii(root.tag)[:24]} where an ownershipDocument is documented")
    return root


def _transaction(one: ET.Element, where: str) -> tuple[date, str, float | None, float | None]:
    day = iso_day(_ZONED.sub("", _text(one, "transactionDate/value")), where)
    direction = _text(one, "transactionAmounts/transactionAcquiredDisposedCode/value")
    if direction not in ("A", "D"):
        raise BadAnswer(f"{where}: a transaction is neither acquired nor disposed")
    shares = _number(_text(one, "transactionAmounts/transactionShares/value"), where)
    price = _number(_text(one, "transactionAmounts/transactionPricePerShare/value"), where)
    signed = None if shares is None else shares if direction == "A" else -shares
    return day, _text(one, "transactionCoding/transactionCode"), signed, price


def _role(about: ET.Element | None) -> str:
    if about is None:
        return ""
    title = _text(about, "officerTitle")
    held = [word for tag, word in _ROLES.items() if _text(about, tag).lower() in _YES]
    return ", ".join(title if word == "officer" and title else word for word in held)


def _number(text: str, where: str) -> float | None:
    if not text:
        return None
    if not _NUMBER.fullmatch(text):
        raise BadAnswer(f"{where}: {ascii(text)[:24]} is not a number")
    return float(text)


def _text(element: ET.Element, path: str) -> str:
    return (element.findtext(path) or "").strip()
