"""Financial Modeling Prep: statements, ratings, descriptions, members; refusals that come with status 200."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.adapters.live.fmp_documents import (
    BAD_KEY,
    CLOSED,
    KEY,
    LIMIT,
    PLAN,
    SYMBOL,
    change,
    in_v3,
    linked,
    member,
    profile,
    recommendation,
    statement,
)
from tests.adapters.live.scripted_client import Scripted

from vfr.adapters.net.reply import Reply
from vfr.adapters.providers.live.filing_days import end_of_day
from vfr.adapters.providers.live.fmp import INDEX, FmpProvider
from vfr.adapters.providers.live.fmp_refusals import judge
from vfr.adapters.providers.live.fmp_statements import statement_rows
from vfr.data.bitemporal.tables import conform
from vfr.data.provider import Batch, Order
from vfr.errors import BadAnswer, ProviderDenied, ProviderError, Throttled, UnknownAtSource

NOW = datetime(2024, 7, 3, 22, tzinfo=UTC)
SINCE = date(2022, 1, 1)

URLS = {"stable": "https://financialmodelingprep.com/stable", "v3": "https://financialmodelingprep.com/api"}

LAID: dict[str, dict[str, str]] = {
    "stable": {
        "income-statement": "stable/income-statement",
        "balance-sheet-statement": "stable/balance-sheet-statement",
        "cash-flow-statement": "stable/cash-flow-statement",
        "ratings": "stable/grades-historical",
        "profile": "stable/profile",
        "members": "stable/sp500-constituent",
        "changes": "stable/historical-sp500-constituent",
        "symbols": "stable/stock-list",
    },
    "v3": {
        "income-statement": "api/v3/income-statement/{symbol}",
        "balance-sheet-statement": "api/v3/balance-sheet-statement/{symbol}",
        "cash-flow-statement": "api/v3/cash-flow-statement/{symbol}",
        "ratings": "api/v3/analyst-stock-recommendations/{symbol}",
        "profile": "api/v3/profile/{symbol}",
        "members": "api/v3/sp500_constituent",
        "changes": "api/v3/historical/sp500_constituent",
        "symbols": "api/v3/stock/list",
    },
}
"""Written out here as the vendor documents them, and not taken from the code that is tested."""

SHARED = {"members", "changes", "symbols"}
"""About no ticker."""

HEALTHY: dict[str, Any] = {
    "income-statement": [
        statement(2023, revenue=455, netIncome=-12, epsDiluted=0.51),
        statement(2022, revenue=410),
    ],
    "balance-sheet-statement": [statement(2023, totalAssets=900, goodwill=0, inventory=None)],
    "cash-flow-statement": [statement(2023, operatingCashFlow=70, capitalExpenditure=-30)],
    "ratings": [recommendation("2024-07-01", Hold=None), recommendation("2024-05-01")],
    "profile": [profile()],
    "members": [member("QXZ", "2019-03-18"), member("BRK-B", "2010-02-16")],
    "changes": [change("2019-03-18", "QXZ", "QXW"), change("2012-01-03", "QXW")],
    "symbols": [{"symbol": "QXZ"}, {"symbol": "BRK-B"}],
}
"""By what it is; where it lies goes by the layout."""


def provider(changes: Mapping[str, Any] | None = None, layout: str = "stable") -> tuple[FmpProvider, Scripted]:
    documents = HEALTHY | dict(changes or {})
    if layout == "v3":
        spelled = {name: in_v3(answer) for name, answer in documents.items() if isinstance(answer, list)}
        documents |= spelled | {"income-statement": [linked(row) for row in spelled["income-statement"]]}

    def play(path: str, params: Mapping[str, str]) -> Any:
        found = next((name for name, where in LAID[layout].items() if path == where.format(symbol=_last(path))), None)
        known = found is not None and (layout == "v3" or ("symbol" in params) == (found not in SHARED))
        return documents[found] if known else None

    client = Scripted(play)
    return FmpProvider(client, key=KEY, url=URLS[layout]), client


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def fetch(kind: str, changes: Mapping[str, Any] | None = None, subject: str = SYMBOL, layout: str = "stable") -> Batch:
    made, _ = provider(changes, layout)
    offer = next(one for one in made.offers if kind in one.kinds)
    (batch,) = made.fetch(Order(offer, subject, SINCE, NOW))
    assert (batch.kind, batch.subject, batch.since) == (kind, subject, SINCE)
    assert set(conform(batch.kind, batch.frame)["source"]) <= {"fmp"}
    return batch


MAIN = {
    "fundamentals": "income-statement",
    "ratings": "ratings",
    "profile": "profile",
    "membership": "members",
}
SUBJECTS = {"membership": INDEX}


@pytest.mark.parametrize(("layout", "accession"), [("stable", None), ("v3", "0009900017-24-000009")])
def test_statements_are_known_from_their_acceptance_in_new_york(layout: str, accession: str | None) -> None:
    frame = fetch("fundamentals", layout=layout).frame
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
    assert newest["accession"] == accession


@pytest.mark.parametrize(("layout", "about"), [("stable", {"QXZ"}), ("v3", {None})])
def test_the_key_travels_and_only_whole_years_are_asked_for(layout: str, about: set[str | None]) -> None:
    made, client = provider(layout=layout)
    made.fetch(Order(made.offers[0], SYMBOL, SINCE, NOW))
    names = ("income-statement", "balance-sheet-statement", "cash-flow-statement")
    assert client.paths == [LAID[layout][name].format(symbol=SYMBOL) for name in names]
    assert {params.get("symbol") for _, params in client.asked} == about
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
    "change", [{"reportedCurrency": "EUR"}, {"reportedCurrency": None}, {"filingDate": None}, {"filingDate": ""}]
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
        {"filingDate": "soon"},
        {"acceptedDate": "2024-02-23"},
    ],
)
def test_what_is_not_documented_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="fmp, QXZ: income-statement"):
        fetch("fundamentals", {"income-statement": [statement(2023, revenue=455) | change]})


@pytest.mark.parametrize("layout", LAID)
def test_ratings_are_known_when_their_month_is_over(layout: str) -> None:
    rows = fetch("ratings", layout=layout).frame.to_dicts()
    may = {r["measure"]: r["value"] for r in rows if r["date"] == date(2024, 5, 1)}
    assert may == {"strong_buy": 4.0, "buy": 9.0, "hold": 6.0, "sell": 1.0, "strong_sell": 0.0}
    assert {r["known_at"] for r in rows if r["date"] == date(2024, 5, 1)} == {end_of_day(date(2024, 5, 31))}
    july = [r for r in rows if r["date"] == date(2024, 7, 1)]
    assert {r["known_at"] for r in july} == {NOW}
    assert "hold" not in {r["measure"] for r in july}


@pytest.mark.parametrize("name", ["buy", "Buy"])
def test_both_spellings_of_a_count_are_read(name: str) -> None:
    row = {"symbol": SYMBOL, "date": "2024-05-01", f"analystRatings{name}": 3}
    frame = fetch("ratings", {"ratings": [row]}).frame
    assert frame.select("measure", "value").rows() == [("buy", 3.0)]


@pytest.mark.parametrize("layout", LAID)
def test_a_profile_names_the_sector_as_gics_does(layout: str) -> None:
    told = {row["field"]: row["text"] for row in fetch("profile", layout=layout).frame.to_dicts()}
    assert told == {
        "name": "Quarry Cross Instruments",
        "sector": "Information Technology",
        "sub_industry": "Scientific & Technical Instruments",
        "exchange": "NASDAQ",
        "currency": "USD",
    }


@pytest.mark.parametrize(
    ("layout", "asked"), [("stable", ("stable/profile", "BRK-B")), ("v3", ("api/v3/profile/BRK-B", None))]
)
def test_class_shares_have_the_vendors_spelling(layout: str, asked: tuple[str, str | None]) -> None:
    made, client = provider({"profile": [profile(symbol="BRK-B", sector="")]}, layout)
    offer = next(one for one in made.offers if "profile" in one.kinds)
    frame = made.fetch(Order(offer, "BRK.B", SINCE, NOW))[0].frame
    assert [(path, params.get("symbol")) for path, params in client.asked] == [asked]
    assert frame["symbol"].unique().to_list() == ["BRK.B"]
    assert "sector" not in frame["field"].to_list()


@pytest.mark.parametrize("layout", LAID)
def test_only_the_list_of_symbols_makes_a_symbol_unknown(layout: str) -> None:
    assert fetch("profile", {"profile": []}, layout=layout).frame.is_empty()
    with pytest.raises(UnknownAtSource, match="does not name NOPE"):
        fetch("profile", {"profile": []}, "NOPE", layout)
    # A list that is itself empty says nothing of anybody.
    assert fetch("profile", {"profile": [], "symbols": []}, "NOPE", layout).frame.is_empty()


def test_the_list_of_symbols_is_asked_once() -> None:
    made, client = provider({"profile": []})
    offer = next(one for one in made.offers if "profile" in one.kinds)
    for _ in range(2):
        made.fetch(Order(offer, SYMBOL, SINCE, NOW))
    assert client.paths.count("stable/stock-list") == 1


@pytest.mark.parametrize("kind", ["fundamentals", "ratings"])
def test_an_empty_list_is_no_rows_and_no_statement_about_the_symbol(kind: str) -> None:
    nothing = {name: [] for name in HEALTHY}
    assert fetch(kind, nothing).frame.is_empty()


@pytest.mark.parametrize("layout", LAID)
def test_members_and_those_who_left(layout: str) -> None:
    rows = fetch("membership", subject=INDEX, layout=layout).frame.sort("symbol").to_dicts()
    assert [(r["symbol"], r["start_date"], r["end_date"]) for r in rows] == [
        ("BRK.B", date(2010, 2, 16), None),
        ("QXW", date(2012, 1, 3), date(2019, 3, 18)),
        ("QXZ", date(2019, 3, 18), None),
    ]
    assert rows[0]["known_at"] == datetime(2010, 2, 16, tzinfo=UTC)


def test_an_index_without_members_is_no_answer() -> None:
    assert fetch("membership", {"members": []}, INDEX).frame.is_empty()


def test_another_index_is_not_known() -> None:
    with pytest.raises(UnknownAtSource, match="Nasdaq 100"):
        fetch("membership", subject="Nasdaq 100")


@pytest.mark.parametrize(
    ("document", "kind"),
    [(LIMIT, Throttled), (BAD_KEY, ProviderDenied), (PLAN, ProviderDenied), (CLOSED, ProviderDenied)],
)
@pytest.mark.parametrize("offer", sorted(MAIN))
def test_a_refusal_with_status_200_is_a_refusal(
    offer: str, document: dict[str, str], kind: type[ProviderError]
) -> None:
    with pytest.raises(kind) as caught:
        fetch(offer, {MAIN[offer]: document}, SUBJECTS.get(offer, SYMBOL))
    assert type(caught.value) is kind
    assert KEY not in str(caught.value)
    for status in (200, 403):
        assert type(judge(Reply(status, {}, json.dumps(document).encode()))) is kind


@pytest.mark.parametrize("offer", sorted(MAIN))
@pytest.mark.parametrize("document", [{"Error Message": "Something else"}, {}, "text", 7, [7]])
def test_another_shape_is_refused(offer: str, document: Any) -> None:
    answer = json.dumps(document) if isinstance(document, str) else document
    with pytest.raises(BadAnswer, match="fmp"):
        fetch(offer, {MAIN[offer]: answer}, SUBJECTS.get(offer, SYMBOL))


@pytest.mark.parametrize("offer", ["ratings", "profile"])
def test_another_symbol_is_a_bad_answer(offer: str) -> None:
    row = HEALTHY[MAIN[offer]][0] | {"symbol": "QXY"}
    with pytest.raises(BadAnswer, match="is about 'QXY', asked was QXZ"):
        fetch(offer, {MAIN[offer]: [row]})


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
