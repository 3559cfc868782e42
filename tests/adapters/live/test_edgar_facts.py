"""Company facts to rows: every filing is a version, and the versions of a figure mean the same."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.adapters.live.edgar_documents import SYMBOL, accession, company_facts, fact

from vfr.adapters.providers.live.edgar_facts import currencies, read_facts, statement_rows
from vfr.adapters.providers.live.edgar_items import CONCEPTS
from vfr.data.bitemporal.tables import conform
from vfr.data.items import ITEMS
from vfr.errors import BadAnswer

FIRST, SECOND, THIRD = accession(9, 24), accession(8, 25), accession(7, 26)
YEAR = {"start": "2023-01-01"}
REVENUES = "us-gaap:Revenues"
CONTRACTS = "us-gaap:RevenueFromContractWithCustomerExcludingAssessedTax"


def rows(concepts: dict[str, list[dict[str, Any]]], accepted: dict[str, datetime] | None = None) -> pl.DataFrame:
    document = company_facts(concepts)
    return conform("fundamentals", statement_rows(SYMBOL, read_facts(document, SYMBOL), accepted or {}))


def versions(frame: pl.DataFrame, item: str, period: str = "FY") -> list[tuple[str, float]]:
    own = frame.filter(item=item, period=period).sort("period_end", "known_at")
    return list(own.select("accession", "value").iter_rows())


def annual(value: Any, number: str = FIRST, filed: str = "2024-02-23", **change: Any) -> dict[str, Any]:
    return fact(value, "2023-12-31", number, filed, **(YEAR | change))


def test_only_items_of_the_archive_are_mapped() -> None:
    assert set(ITEMS) - set(CONCEPTS) == {"ebit"}
    assert set(CONCEPTS) <= set(ITEMS)


def test_a_restated_year_is_a_later_version() -> None:
    moment = datetime(2025, 2, 21, 21, 5, tzinfo=UTC)
    frame = rows({REVENUES: [annual(410e6), annual(398e6, SECOND, "2025-02-21")]}, {SECOND: moment})
    told = frame.select("value", "known_at", "accession", "form", "filed_at").to_dicts()
    assert [one["value"] for one in told] == [410e6, 398e6]
    # The first has no moment of acceptance: the end of its filing day, never its beginning.
    assert told[0]["known_at"] == datetime(2024, 2, 24, 4, 59, 59, tzinfo=UTC)
    assert told[1]["known_at"] == moment
    assert told[1]["filed_at"] == date(2025, 2, 21)


def test_the_fiscal_year_a_filing_names_is_not_the_facts() -> None:
    frame = rows({REVENUES: [annual(398e6, SECOND, "2025-02-21", fiscal=(2024, "FY"))]})
    assert frame["period_end"].to_list() == [date(2023, 12, 31)]


def test_quarters_and_years_are_kept_apart_and_nine_months_dropped() -> None:
    frame = rows(
        {
            REVENUES: [
                annual(400.0),
                fact(100.0, "2023-12-31", FIRST, "2024-02-23", start="2023-10-01"),
                fact(300.0, "2023-09-30", FIRST, "2023-11-01", start="2023-01-01", form="10-Q"),
                fact(90.0, "2023-09-30", accession(3, 23), "2023-11-01", start="2023-07-01", form="10-Q"),
            ],
            "us-gaap:Assets": [
                fact(700.0, "2023-12-31", FIRST, "2024-02-23"),
                fact(690.0, "2023-09-30", accession(3, 23), "2023-11-01", form="10-Q"),
                fact(650.0, "2023-08-15", accession(3, 23), "2023-11-01", form="10-Q"),
            ],
        }
    )
    told = {(r["item"], r["period"], str(r["period_end"])): r["value"] for r in frame.to_dicts()}
    assert told == {
        ("revenue", "FY", "2023-12-31"): 400.0,
        ("revenue", "Q", "2023-12-31"): 100.0,
        ("revenue", "Q", "2023-09-30"): 90.0,
        ("total_assets", "FY", "2023-12-31"): 700.0,
        ("total_assets", "Q", "2023-09-30"): 690.0,
    }


def test_where_a_filing_states_both_total_revenue_counts() -> None:
    assert versions(rows({CONTRACTS: [annual(360.0)], REVENUES: [annual(400.0)]}), "revenue") == [(FIRST, 400.0)]


def test_a_later_filing_is_read_under_the_concept_of_the_one_before() -> None:
    frame = rows(
        {
            CONTRACTS: [annual(360.0), annual(361.0, SECOND, "2025-02-21")],
            REVENUES: [annual(400.0, SECOND, "2025-02-21")],
        }
    )
    assert versions(frame, "revenue") == [(FIRST, 360.0), (SECOND, 361.0)]


def test_another_definition_is_no_restatement_while_the_filer_keeps_the_first() -> None:
    without, with_minorities = (
        "us-gaap:StockholdersEquity",
        "us-gaap:StockholdersEquityIncludingPortionAttributableToNoncontrollingInterest",
    )
    frame = rows(
        {
            REVENUES: [annual(1.0), fact(1.0, "2024-12-31", SECOND, "2025-02-21", start="2024-01-01")],
            without: [
                fact(200.0, "2023-12-31", FIRST, "2024-02-23"),
                fact(210.0, "2024-12-31", SECOND, "2025-02-21"),
            ],
            with_minorities: [fact(234.0, "2023-12-31", SECOND, "2025-02-21")],
        }
    )
    assert versions(frame, "total_equity") == [(FIRST, 200.0), (SECOND, 210.0)]


def test_a_filer_that_moves_to_another_concept_takes_the_item_along() -> None:
    sales = "us-gaap:SalesRevenueNet"
    frame = rows(
        {
            sales: [annual(400.0)],
            CONTRACTS: [annual(395.0, SECOND, "2025-02-21"), annual(394.0, THIRD, "2026-02-20")],
        }
    )
    assert versions(frame, "revenue") == [(FIRST, 400.0), (SECOND, 395.0), (THIRD, 394.0)]


def test_what_a_later_filing_says_changes_no_earlier_version() -> None:
    early = {CONTRACTS: [annual(360.0)]}
    late = {CONTRACTS: [annual(360.0)], REVENUES: [annual(400.0, SECOND, "2025-02-21")]}
    assert versions(rows(late), "revenue")[:1] == versions(rows(early), "revenue")


def test_a_concept_twice_in_one_filing_is_chosen_the_same_way_in_any_order() -> None:
    facts = [
        fact(5.0, "2023-12-31", FIRST, "2024-02-23", start="2022-12-25"),
        annual(4.0),
        annual(3.0),
    ]
    assert versions(rows({REVENUES: facts}), "revenue") == [(FIRST, 3.0)]
    assert versions(rows({REVENUES: facts[::-1]}), "revenue") == [(FIRST, 3.0)]


def test_of_two_filings_of_the_same_second_the_later_number_stands() -> None:
    amended = accession(10, 24)
    facts = [annual(4.0, amended, form="10-K/A"), annual(3.0)]
    for order in (facts, facts[::-1]):
        assert versions(rows({REVENUES: order}), "revenue") == [(amended, 4.0)]


def test_an_amendment_is_a_filing() -> None:
    amended = accession(10, 24)
    frame = rows({REVENUES: [annual(3.0), annual(4.0, amended, "2024-04-29", form="10-K/A")]})
    assert versions(frame, "revenue") == [(FIRST, 3.0), (amended, 4.0)]
    assert frame["form"].to_list() == ["10-K", "10-K/A"]


def test_capital_expenditure_is_an_outflow() -> None:
    frame = rows({"us-gaap:PaymentsToAcquirePropertyPlantAndEquipment": [annual(25.0)]})
    assert versions(frame, "capex") == [(FIRST, -25.0)]


def test_shares_come_from_the_balance_sheet_and_from_the_cover() -> None:
    frame = rows(
        {
            REVENUES: [annual(1.0)],
            "us-gaap:CommonStockSharesOutstanding:shares": [fact(90.0, "2023-12-31", FIRST, "2024-02-23")],
            "dei:EntityCommonStockSharesOutstanding:shares": [
                fact(91.0, "2024-02-15", FIRST, "2024-02-23"),
                fact(90.5, "2024-01-31", FIRST, "2024-02-23"),
            ],
        }
    )
    assert versions(frame, "shares") == [(FIRST, 90.0)]
    assert versions(frame, "shares", "POINT") == [(FIRST, 91.0)]


def test_other_currencies_and_units_take_no_part() -> None:
    concepts = {
        f"{REVENUES}:EUR": [annual(1.0)],
        "us-gaap:Assets:EUR": [fact(2.0, "2023-12-31", FIRST, "2024-02-23")],
        "us-gaap:EarningsPerShareDiluted:USD": [annual(3.0)],
    }
    assert rows(concepts).is_empty()
    assert currencies(read_facts(company_facts(concepts), SYMBOL)) == ["EUR"]


def test_null_is_unknown() -> None:
    assert versions(rows({REVENUES: [annual(None), annual(3.0, SECOND, "2025-02-21")]}), "revenue") == [(SECOND, 3.0)]


@pytest.mark.parametrize("value", ["NaN", "410", float("nan"), float("inf"), True, [], {}])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(BadAnswer, match=r"edgar, QXZ: company facts"):
        rows({REVENUES: [annual(value)]})


@pytest.mark.parametrize(
    "change", [{"end": "31.12.2023"}, {"end": None}, {"filed": "2024-02-30"}, {"start": 2023}, {"filed": None}]
)
def test_what_is_no_day_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match=r"where a day like"):
        rows({REVENUES: [annual(1.0) | change]})


@pytest.mark.parametrize("facts", [None, [], {"us-gaap": []}, {"us-gaap": {"Revenues": {}}}])
def test_another_shape_is_refused(facts: Any) -> None:
    with pytest.raises(BadAnswer, match="documented"):
        read_facts({"cik": 1, "facts": facts}, SYMBOL)


def test_no_facts_are_no_rows() -> None:
    assert rows({}).is_empty()


def recorded(shared_data: Path, name: str, symbol: str) -> pl.DataFrame:
    document = json.loads((shared_data / "api_samples" / name).read_text())
    return conform("fundamentals", statement_rows(symbol, read_facts(document, symbol), {}))


def test_a_recorded_american_company(shared_data: Path) -> None:
    frame = recorded(shared_data, "sec_companyfacts_CIK0001640147_SNOW_trimmed.json", "SNOW")
    years = frame.filter(item="net_income", period="FY").sort("period_end", "known_at")
    assert years["period_end"].unique().sort().to_list()[:2] == [date(2019, 1, 31), date(2020, 1, 31)]
    # The same loss in two annual reports: two filings of one figure, no restatement.
    twice = years.filter(period_end=date(2020, 1, 31))
    assert twice["value"].to_list() == [-348_535_000.0] * 2
    assert twice["accession"].to_list() == ["0001640147-21-000073", "0001640147-22-000023"]
    first_cover = frame.filter(item="shares", period="POINT").sort("period_end").row(0, named=True)
    assert (first_cover["period_end"], first_cover["value"]) == (date(2021, 3, 1), 288_700_000.0)
    quarters = frame.filter(item="revenue", period="Q")
    assert quarters.filter(pl.col("period_end").dt.month().is_in([4, 7, 10, 1]).not_()).is_empty()
    assert (frame["known_at"].dt.date() > frame["period_end"]).all()


def test_a_recorded_foreign_company_that_restated(shared_data: Path) -> None:
    frame = recorded(shared_data, "sec_companyfacts_lpa.json", "LPA")
    eps = frame.filter(item="eps", period="FY", period_end=date(2023, 12, 31)).sort("known_at")
    assert eps["value"].to_list() == [0.019, 0.11]
    assert eps["form"].to_list() == ["20-F", "20-F"]
    assert eps["known_at"].to_list() == [
        datetime(2024, 4, 27, 3, 59, 59, tzinfo=UTC),
        datetime(2025, 4, 3, 3, 59, 59, tzinfo=UTC),
    ]
    depreciation = frame.filter(item="depreciation", period="FY", period_end=date(2022, 12, 31)).sort("known_at")
    assert depreciation["value"].to_list() == [124_287.0, 228_485.0]
    # The second report states the equity of 2022 with minorities only: that is no restatement of equity without.
    equity = frame.filter(item="total_equity", period_end=date(2022, 12, 31))
    assert equity["value"].to_list() == [200_814_005.0]
    assert frame.filter(pl.col("item") == "capex")["value"].max() < 0
    # Cash on the day of a merger belongs to no period.
    assert date(2024, 3, 26) not in frame["period_end"].to_list()
