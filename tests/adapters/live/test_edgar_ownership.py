"""Form 4: one row per transaction in shares, read without trusting the document."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from tests.adapters.live.edgar_documents import CIK, SYMBOL, accession, form4, line, owner

from vfr.adapters.providers.live.edgar_ownership import MAX_CHARACTERS, ownership_rows, raw_document
from vfr.errors import BadAnswer

NUMBER = accession(27)
MOMENT = datetime(2024, 5, 21, 21, 2, 44, tzinfo=UTC)


def read(xml: str) -> list[tuple[Any, ...]]:
    return ownership_rows(xml, symbol=SYMBOL, cik=CIK, accession=NUMBER, known_at=MOMENT, where="edgar, QXZ: Form 4")


def test_a_purchase_and_a_sale() -> None:
    assert read(form4(line(), line("2024-05-21-05:00", "S", "200.5", "42", "D"))) == [
        (
            SYMBOL,
            date(2024, 5, 20),
            "Example Pat",
            "Chief Financial Officer",
            "P",
            1500.0,
            41.25,
            NUMBER,
            1,
            "edgar",
            MOMENT,
        ),
        (
            SYMBOL,
            date(2024, 5, 21),
            "Example Pat",
            "Chief Financial Officer",
            "S",
            -200.5,
            42.0,
            NUMBER,
            2,
            "edgar",
            MOMENT,
        ),
    ]


def test_what_only_a_footnote_tells_is_unknown() -> None:
    (row,) = read(form4(line(shares=None, price=None)))
    assert row[5:7] == (None, None)


def test_every_owner_and_role_is_named() -> None:
    owners = owner("First Fund", isTenPercentOwner="true", isDirector="0") + owner(
        "Example Kim", isDirector="1", isOfficer="1"
    )
    (row,) = read(form4(line(), owners=owners))
    assert row[2:4] == ("First Fund; Example Kim", "10% owner; director, officer")


def test_a_form_without_transactions_gives_no_rows() -> None:
    assert read(form4()) == []


def test_a_form_about_another_issuer_is_not_this_companys() -> None:
    assert read(form4(line(), cik="0000000042")) == []


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (form4(line(shares="NaN")), "is not a number"),
        (form4(line(shares="1e999")), "is not a number"),
        (form4(line(price="$41.25")), "is not a number"),
        (form4(line(day="20.05.2024")), "where a day like"),
        (form4(line(direction="X")), "neither acquired nor disposed"),
        (form4(line(), cik="x"), "does not name its issuer"),
        ("<html><body>We'll be right back</body></html>", "where an ownershipDocument"),
        (form4(line())[:-40], "is not XML"),
        ("", "is not XML"),
        (form4(line(), head='<!DOCTYPE x [<!ENTITY a "b">]>'), "declares a document type"),
        (form4(line(), head="<! doctype x>"), "declares a document type"),
        (form4(line()) + " " * MAX_CHARACTERS, "longer than any Form 4"),
    ],
)
def test_what_is_not_documented_is_refused(xml: str, says: str) -> None:
    with pytest.raises(BadAnswer, match=says):
        read(xml)


@pytest.mark.parametrize(
    ("listed", "raw"),
    [("xslF345X03/doc4.xml", "doc4.xml"), ("xslF345X05/wk-form4_1.xml", "wk-form4_1.xml"), ("form4.xml", "form4.xml")],
)
def test_the_raw_document_lies_beside_the_rendered_one(listed: str, raw: str) -> None:
    assert raw_document(listed) == raw
