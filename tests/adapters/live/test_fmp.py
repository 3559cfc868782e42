"""Financial Modeling Prep: statements, ratings, descriptions, members; refusals that come with status 200."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.live.fmp_documents import SYMBOL, change, member, profile, recommendation, statement
from tests.adapters.live.scripted_client import Scripted

from vfr.adapters.net.reply import Reply
from vfr.adapters.providers.live.filing_days import end_of_day
from vfr.adapters.providers.live.fmp import INDEX, FmpProvider
from vfr.adapters.providers.live.fmp_refusals import judge
from vfr.adapters.providers.live.fmp_statements import statement_rows
from vfr.data.bitemporal.tables import conform
from vfr.data.provider import Batch, Order
from vfr.errors import BadAnswer, ProviderDenied, ProviderError, Throttled, UnknownAtSource

KEY = "fmp-s3cret"
NOW = datetime(2024, 7, 3, 22, tzinfo=UTC)
SINCE = date(2022, 1, 1)

HEALTHY: dict[str, Any] = {
    "income-statement/QXZ": [
        statement(2023, revenue=455, netIncome=-12, epsdiluted=0.51),
        statement(2022, revenue=410),
    ],
    "balance-sheet-statement/QXZ": [statement(2023, totalAssets=900, goodwill=0, inventory=None)],
    "cash-flow-statement/QXZ": [statement(2023, operatingCashFlow=70, capitalExpenditure=-30)],
    "analyst-stock-recommendations/QXZ": [recommendation("2024-07-01", Hold=None), recommendation("2024-05-01")],
    "profile/QXZ": [profile()],
    "sp500_constituent": [member("QXZ", "2019-03-18"), member("BRK-B", "2010-02-16")],
    "historical/sp500_constituent": [change("2019-03-18", "QXZ", "QXW"), change("2012-01-03", "QXW")],
    "stock/list": [{"symbol": "QXZ"}, {"symbol": "BRK-B"}],
}

LIMIT = {"Error Message": "Limit Reach . Please upgrade your plan or visit our documentation for more details"}
BAD_KEY = {"Error Message": f"Invalid API KEY. Feel free to create a Free API Key {KEY}"}
PLAN = {"Error Message": "Exclusive Endpoint : This endpoint is not available under your current subscription"}


def provider(changes: Mapping[str, Any] | None = None) -> tuple[FmpProvider, Scripted]:
    documents = {f"api/v3/{path}": answer for path, answer in (HEALTHY | dict(changes or {})).items()}
    client = Scripted(lambda path, _params: documents.get(path))
    return FmpProvider(client, key=KEY), client


def fetch(kind: str, changes: Mapping[str, Any] | None = None, subject: str = SYMBOL) -> Batch:
    made, _ = provider(changes)
    offer = next(one for one in made.offers if kind in one.kinds)
    (batch,) = made.fetch(Order(offer, subject, SINCE, NOW))
    assert (batch.kind, batch.subject, batch.since) == (kind, subject, SINCE)
    assert set(conform(batch.kind, batch.frame)["source"]) <= {"fmp"}
    return batch


PATHS = {
    "fundamentals": "income-statement/QXZ",
    "ratings": "analyst-stock-recommendations/QXZ",
    "profile": "profile/QXZ",
    "membership": "sp500_constituent",
}
SUBJECTS = {"membership": INDEX}


def test_statements_are_known_from_their_acceptance_in_new_york() -> None:
    frame = fetch("fundamentals").frame
    told = {(row["period_end"].year, row["item"]): row["value"] for row in frame.to_dicts()}
    # Goodwill of 0 and an unknown inventory are both unknown.
    assert told == {
        (2023, "revenue"): 455.0,
        (2023, "net_income"): -12.0,
        (2023, "eps"): 0.51,
        (2022, "revenue"): 410.0,
        (2023, "total_assets"): 900.0,
        (2023, "cfo"): 70.0,
        (2023, "capex"): -30.0,
    }
    newest = frame.filter(item="revenue").sort("period_end").row(-1, named=True)
    assert newest["known_at"] == datetime(2024, 2, 22, 23, 12, 5, tzinfo=UTC)
    assert (newest["filed_at"], newest["period"]) == (date(2024, 2, 23), "FY")
    assert newest["accession"] == "0009900017-24-000009"


def test_the_key_travels_and_only_whole_years_are_asked_for() -> None:
    made, client = provider()
    made.fetch(Order(made.offers[0], SYMBOL, SINCE, NOW))
    assert client.paths == [
        f"api/v3/{name}/QXZ" for name in ("income-statement", "balance-sheet-statement", "cash-flow-statement")
    ]
    assert {params["apikey"] for _, params in client.asked} == {KEY}
    assert {(params["period"], params["limit"]) for _, params in client.asked} == {("annual", "4")}


@pytest.mark.parametrize(
    ("change", "known_at"),
    [
        ({"acceptedDate": None}, end_of_day(date(2024, 2, 23))),
        ({"acceptedDate": ""}, end_of_day(date(2024, 2, 23))),
        # A clock that runs ahead, and a date of long ago: neither may make it known too early.
        ({"acceptedDate": "2024-02-24 08:12:05"}, datetime(2024, 2, 24, 13, 12, 5, tzinfo=UTC)),
        ({"acceptedDate": "2023-02-23 08:12:05"}, end_of_day(date(2024, 2, 23))),
        # A clock that runs late: the SEC accepts nothing at four in the morning, nor by day for the next one.
        ({"acceptedDate": "2024-02-22 04:12:05"}, end_of_day(date(2024, 2, 23))),
        ({"acceptedDate": "2024-02-22 13:12:05"}, end_of_day(date(2024, 2, 23))),
    ],
)
def test_doubtful_acceptance_is_known_later(change: dict[str, Any], known_at: datetime) -> None:
    (row,) = statement_rows(SYMBOL, "income-statement", [statement(2023, revenue=455) | change])
    assert row[-1] == known_at


@pytest.mark.parametrize(
    "change", [{"reportedCurrency": "EUR"}, {"reportedCurrency": None}, {"fillingDate": None}, {"fillingDate": ""}]
)
def test_other_currencies_and_undated_statements_are_left_out(change: dict[str, Any]) -> None:
    assert statement_rows(SYMBOL, "income-statement", [statement(2023, revenue=455) | change]) == []


def test_an_inflow_for_capital_expenditure_is_a_matter_of_sign() -> None:
    (row,) = statement_rows(SYMBOL, "cash-flow-statement", [statement(2023, capitalExpenditure=30)])
    assert row[4] == -30.0


@pytest.mark.parametrize(
    "change",
    [
        {"symbol": "QXY"},
        {"symbol": None},
        {"symbol": "?"},
        {"period": "Q4"},
        {"revenue": "NaN"},
        {"revenue": float("nan")},
        {"date": "12/31/2023"},
        {"fillingDate": "soon"},
        {"acceptedDate": "2024-02-23"},
    ],
)
def test_what_is_not_documented_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="fmp, QXZ: income-statement"):
        fetch("fundamentals", {"income-statement/QXZ": [statement(2023, revenue=455) | change]})


def test_ratings_are_known_when_their_month_is_over() -> None:
    rows = fetch("ratings").frame.to_dicts()
    may = {r["measure"]: r["value"] for r in rows if r["date"] == date(2024, 5, 1)}
    assert may == {"strong_buy": 4.0, "buy": 9.0, "hold": 6.0, "sell": 1.0, "strong_sell": 0.0}
    assert {r["known_at"] for r in rows if r["date"] == date(2024, 5, 1)} == {end_of_day(date(2024, 5, 31))}
    july = [r for r in rows if r["date"] == date(2024, 7, 1)]
    assert {r["known_at"] for r in july} == {NOW}
    assert "hold" not in {r["measure"] for r in july}


@pytest.mark.parametrize("name", ["buy", "Buy"])
def test_both_spellings_of_a_count_are_read(name: str) -> None:
    row = {"symbol": SYMBOL, "date": "2024-05-01", f"analystRatings{name}": 3}
    frame = fetch("ratings", {"analyst-stock-recommendations/QXZ": [row]}).frame
    assert frame.select("measure", "value").rows() == [("buy", 3.0)]


def test_a_profile_names_the_sector_as_gics_does() -> None:
    told = {row["field"]: row["text"] for row in fetch("profile").frame.to_dicts()}
    assert told == {
        "name": "Quarry Cross Instruments",
        "sector": "Information Technology",
        "sub_industry": "Scientific & Technical Instruments",
        "exchange": "NASDAQ",
        "currency": "USD",
    }


def test_class_shares_have_the_vendors_spelling() -> None:
    frame = fetch("profile", {"profile/BRK-B": [profile(symbol="BRK-B", sector="")]}, "BRK.B").frame
    assert frame["symbol"].unique().to_list() == ["BRK.B"]
    assert "sector" not in frame["field"].to_list()


def test_only_the_list_of_symbols_makes_a_symbol_unknown() -> None:
    assert fetch("profile", {"profile/QXZ": []}).frame.is_empty()
    with pytest.raises(UnknownAtSource, match="does not name NOPE"):
        fetch("profile", {"profile/NOPE": []}, "NOPE")
    # A list that is itself empty says nothing of anybody.
    assert fetch("profile", {"profile/NOPE": [], "stock/list": []}, "NOPE").frame.is_empty()


def test_the_list_of_symbols_is_asked_once() -> None:
    made, client = provider({"profile/QXZ": []})
    offer = next(one for one in made.offers if "profile" in one.kinds)
    for _ in range(2):
        made.fetch(Order(offer, SYMBOL, SINCE, NOW))
    assert client.paths.count("api/v3/stock/list") == 1


@pytest.mark.parametrize("kind", ["fundamentals", "ratings"])
def test_an_empty_list_is_no_rows_and_no_statement_about_the_symbol(kind: str) -> None:
    nothing = {path: [] for path in HEALTHY if path.endswith("/QXZ")}
    assert fetch(kind, nothing).frame.is_empty()


def test_members_and_those_who_left() -> None:
    rows = fetch("membership", subject=INDEX).frame.sort("symbol").to_dicts()
    assert [(r["symbol"], r["start_date"], r["end_date"]) for r in rows] == [
        ("BRK.B", date(2010, 2, 16), None),
        ("QXW", date(2012, 1, 3), date(2019, 3, 18)),
        ("QXZ", date(2019, 3, 18), None),
    ]
    assert rows[0]["known_at"] == datetime(2010, 2, 16, tzinfo=UTC)


def test_an_index_without_members_is_no_answer() -> None:
    assert fetch("membership", {"sp500_constituent": []}, INDEX).frame.is_empty()


def test_another_index_is_not_known() -> None:
    with pytest.raises(UnknownAtSource, match="Nasdaq 100"):
        fetch("membership", subject="Nasdaq 100")


@pytest.mark.parametrize(("document", "kind"), [(LIMIT, Throttled), (BAD_KEY, ProviderDenied), (PLAN, ProviderDenied)])
@pytest.mark.parametrize("offer", sorted(PATHS))
def test_a_refusal_with_status_200_is_a_refusal(
    offer: str, document: dict[str, str], kind: type[ProviderError]
) -> None:
    with pytest.raises(kind) as caught:
        fetch(offer, {PATHS[offer]: document}, SUBJECTS.get(offer, SYMBOL))
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)
    for status in (200, 403):
        assert type(judge(Reply(status, {}, json.dumps(document).encode()))) is kind


@pytest.mark.parametrize(
    "body", [b"[]", b'{"Error Message": "half', b'{"Error Message": "Bad thing"}', b"x" * 9000, b"[{}]"]
)
def test_what_is_no_refusal_is_left_to_the_status(body: bytes) -> None:
    assert judge(Reply(200, {}, body)) is None


@pytest.mark.parametrize("offer", sorted(PATHS))
@pytest.mark.parametrize("document", [{"Error Message": "Something else"}, {}, "text", 7, [7]])
def test_another_shape_is_refused(offer: str, document: Any) -> None:
    answer = json.dumps(document) if isinstance(document, str) else document
    with pytest.raises(BadAnswer, match="fmp"):
        fetch(offer, {PATHS[offer]: answer}, SUBJECTS.get(offer, SYMBOL))


@pytest.mark.parametrize("offer", ["ratings", "profile"])
def test_another_symbol_is_a_bad_answer(offer: str) -> None:
    row = HEALTHY[PATHS[offer]][0] | {"symbol": "QXY"}
    with pytest.raises(BadAnswer, match="is about 'QXY', asked was QXZ"):
        fetch(offer, {PATHS[offer]: [row]})


@pytest.mark.parametrize(
    ("name", "statement", "expected"),
    [
        (
            "fmp_v3_income_statement_AAPL_FY2022.json",
            "income-statement",
            {"revenue": 394328e6, "net_income": 99803e6, "eps": 6.11, "depreciation": 11104e6},
        ),
        (
            "fmp_v3_balance_sheet_AAPL_FY2022_trimmed.json",
            "balance-sheet-statement",
            {"total_assets": 352755e6, "long_term_debt": 98959e6, "receivables": 60932e6},
        ),
    ],
)
def test_recorded_statements(shared_data: Path, name: str, statement: str, expected: dict[str, float]) -> None:
    document = json.loads((shared_data / "api_samples" / name).read_text())
    rows = statement_rows("AAPL", statement, document)
    told = {row[3]: row[4] for row in rows}
    assert {item: told[item] for item in expected} == expected
    assert not {"goodwill", "intangibles"} & set(told)
    # Accepted on the evening of 27 October in New York, filed on the 28th.
    assert {row[-1] for row in rows} == {datetime(2022, 10, 27, 22, 1, 14, tzinfo=UTC)}
    assert {(row[1], row[6], row[7]) for row in rows} == {
        (date(2022, 9, 24), "0000320193-22-000108", date(2022, 10, 28))
    }
    with pytest.raises(BadAnswer, match="asked was MSFT"):
        statement_rows("MSFT", statement, document)
