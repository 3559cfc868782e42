"""The provider: which documents an order reads, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import pytest
import structlog
from tests.adapters.live.edgar_documents import (
    CIK,
    PADDED,
    SYMBOL,
    Listed,
    accession,
    columns,
    company_facts,
    fact,
    form4,
    line,
    submissions,
    tickers,
)
from tests.adapters.live.scripted_client import Scripted

from vfr.adapters.providers.live.edgar import EdgarProvider
from vfr.data.bitemporal.tables import conform
from vfr.data.provider import Batch, DataProvider, Order
from vfr.errors import BadAnswer, Throttled, UnknownAtSource

NOW = datetime(2024, 7, 3, 22, tzinfo=UTC)
SINCE = date(2024, 1, 1)
TICKERS, FACTS, SUBMISSIONS = (
    "files/company_tickers.json",
    f"api/xbrl/companyfacts/{PADDED}.json",
    f"submissions/{PADDED}.json",
)
OLDER = f"{PADDED}-submissions-001.json"

ANNUAL = Listed(accession(9), "10-K", "2024-02-23", "2024-02-23T16:12:05.000Z")
FIRST4 = Listed(accession(27), "4", "2024-05-21", "2024-05-21T19:02:44.000Z", "xslF345X05/a.xml")
SECOND4 = Listed(accession(31), "4/A", "2024-06-12", "2024-06-12T18:31:09.000Z", "xslF345X05/b.xml")
LIST = [SECOND4, FIRST4, ANNUAL]


def revenue(value: Any = 400.0, number: str = ANNUAL.accession, filed: str = "2024-02-23") -> dict[str, Any]:
    return company_facts({"us-gaap:Revenues": [fact(value, "2023-12-31", number, filed, start="2023-01-01")]})


def paths(form: Listed) -> str:
    return f"Archives/edgar/data/{CIK}/{form.accession.replace('-', '')}/{form.document.split('/')[-1]}"


HEALTHY: dict[str, Any] = {
    TICKERS: tickers(),
    FACTS: revenue(),
    SUBMISSIONS: submissions(LIST),
    paths(FIRST4): form4(line("2024-05-20")),
    paths(SECOND4): form4(line("2024-06-11", "S", direction="D")),
}


def provider(changes: Mapping[str, Any] | None = None, **settings: Any) -> tuple[EdgarProvider, Scripted]:
    documents = HEALTHY | dict(changes or {})
    client = Scripted(lambda path, _params: documents.get(path))
    return EdgarProvider(client, **settings), client


def fetch(made: DataProvider, kind: str, since: date = SINCE, now: datetime = NOW, subject: str = SYMBOL) -> Batch:
    offer = next(one for one in made.offers if kind in one.kinds)
    (batch,) = made.fetch(Order(offer, subject, since, now))
    assert (batch.kind, batch.subject, batch.since) == (kind, subject, since)
    conform(batch.kind, batch.frame)
    return batch


def test_statements_are_known_from_their_acceptance() -> None:
    made, client = provider()
    (row,) = fetch(made, "fundamentals").frame.to_dicts()
    assert (row["item"], row["value"], row["form"]) == ("revenue", 400.0, "10-K")
    # 16:12 in New York in winter; read as the Z says it would be five hours earlier, while the exchange is open.
    assert row["known_at"] == datetime(2024, 2, 23, 21, 12, 5, tzinfo=UTC)
    assert client.paths == [TICKERS, FACTS, SUBMISSIONS]


def test_a_filing_that_is_not_listed_yet_counts_from_the_end_of_its_day() -> None:
    made, _ = provider({FACTS: revenue(number=accession(40), filed="2024-07-03")})
    assert fetch(made, "fundamentals").frame.is_empty()
    tomorrow = datetime(2024, 7, 4, 4, tzinfo=UTC)
    (row,) = fetch(made, "fundamentals", now=tomorrow).frame.to_dicts()
    assert row["known_at"] == datetime(2024, 7, 4, 3, 59, 59, tzinfo=UTC)


def test_older_parts_are_read_as_far_back_as_asked() -> None:
    old = Listed(accession(5, 20), "10-K", "2020-02-20", "2020-02-20T16:30:00.000Z")
    files = [{"name": OLDER, "filingCount": 1, "filingFrom": "2010-01-01", "filingTo": "2021-12-31"}]
    changes = {
        SUBMISSIONS: submissions(LIST, files),
        f"submissions/{OLDER}": columns([old]),
        FACTS: company_facts(
            {"us-gaap:Revenues": [fact(1.0, "2019-12-31", old.accession, "2020-02-20", start="2019-01-01")]}
        ),
    }
    made, client = provider(changes)
    (near,) = fetch(made, "fundamentals", date(2024, 1, 1)).frame.to_dicts()
    assert f"submissions/{OLDER}" not in client.paths
    assert near["known_at"] == datetime(2020, 2, 21, 4, 59, 59, tzinfo=UTC)
    (far,) = fetch(made, "fundamentals", date(2019, 1, 1)).frame.to_dicts()
    assert far["known_at"] == datetime(2020, 2, 20, 21, 30, tzinfo=UTC)


def test_an_older_part_must_be_this_companys_and_there() -> None:
    file = {"name": "CIK0000000042-submissions-001.json", "filingTo": "2024-12-31"}
    with pytest.raises(BadAnswer, match="not this company's"):
        fetch(provider({SUBMISSIONS: submissions(LIST, [file])})[0], "fundamentals")
    with pytest.raises(BadAnswer, match="not there"):
        fetch(provider({SUBMISSIONS: submissions(LIST, [file | {"name": OLDER}])})[0], "fundamentals")


def test_insiders_come_from_the_raw_documents() -> None:
    rows = fetch(provider()[0], "insiders").frame.to_dicts()
    assert [(r["date"], r["code"], r["shares"], r["line"]) for r in rows] == [
        (date(2024, 5, 20), "P", 1500.0, 1),
        (date(2024, 6, 11), "S", -1500.0, 1),
    ]
    # Late in the evening, and still that day's filing.
    assert rows[0]["known_at"] == datetime(2024, 5, 21, 23, 2, 44, tzinfo=UTC)


def test_a_long_history_is_read_in_parts_from_its_beginning() -> None:
    made, client = provider(max_documents=1)
    (first,) = fetch(made, "insiders").frame.to_dicts()
    assert first["date"] == date(2024, 5, 20)
    (second,) = fetch(made, "insiders", since=date(2024, 6, 1)).frame.to_dicts()
    assert second["date"] == date(2024, 6, 11)
    assert client.paths.count(paths(FIRST4)) == 1


def test_what_is_not_public_yet_does_not_exist() -> None:
    frame = fetch(provider()[0], "insiders", now=datetime(2024, 6, 12, 22, 31, tzinfo=UTC)).frame
    assert frame["date"].to_list() == [date(2024, 5, 20)]


def test_a_form_from_before_there_was_data_is_passed_over() -> None:
    old = Listed(accession(27), "4", "2024-05-21", "2024-05-21T19:02:44.000Z", "d12345.txt")
    assert fetch(provider({SUBMISSIONS: submissions([old])})[0], "insiders").frame.is_empty()


def test_a_listed_form_that_is_missing_is_a_bad_answer_not_an_unknown_company() -> None:
    with pytest.raises(BadAnswer, match="listed, but not there"):
        fetch(provider({paths(FIRST4): None})[0], "insiders")


def test_a_form_that_is_cut_short_is_asked_for_once_more() -> None:
    whole = form4(line("2024-05-20"))
    sent = iter([whole[:-60], whole])
    documents = HEALTHY | {SUBMISSIONS: submissions([FIRST4])}
    client = Scripted(lambda path, _params: next(sent) if path == paths(FIRST4) else documents.get(path))
    assert fetch(EdgarProvider(client), "insiders").frame.height == 1
    with pytest.raises(BadAnswer, match="is not XML"):
        fetch(provider({paths(FIRST4): whole[:-60]})[0], "insiders")


def test_the_profile_says_what_the_sec_says() -> None:
    rows = fetch(provider()[0], "profile").frame.to_dicts()
    assert {r["field"]: r["text"] for r in rows} == {
        "name": "Quarry Cross Instruments",
        "exchange": "NYSE",
        "sic": "Laboratory Analytical Instruments",
        "cik": f"{CIK:010d}",
    }


def test_class_shares_are_found_under_the_secs_spelling() -> None:
    other = f"submissions/CIK{9_900_018:010d}.json"
    made, client = provider({other: submissions([], cik=9_900_018, tickers=[], exchanges=[])})
    assert fetch(made, "profile", subject="QXY.B").frame["symbol"].unique().to_list() == ["QXY.B"]
    fetch(made, "profile")
    assert client.paths.count(TICKERS) == 1


def test_a_ticker_that_the_list_lacks_is_unknown() -> None:
    with pytest.raises(UnknownAtSource, match="does not name NOPE"):
        fetch(provider()[0], "profile", subject="NOPE")


@pytest.mark.parametrize(
    "listed",
    [{}, [], {"0": {"ticker": "QXZ"}}, {"0": {"ticker": None, "cik_str": 1}}, {"0": {"ticker": "Q", "cik_str": "1"}}],
)
def test_a_broken_list_makes_nobody_unknown(listed: Any) -> None:
    with pytest.raises(BadAnswer, match="the list of tickers"):
        fetch(provider({TICKERS: listed})[0], "profile")


@pytest.mark.parametrize("cik", [42, "0000000042", None, "x", True])
@pytest.mark.parametrize(("kind", "path"), [("fundamentals", FACTS), ("profile", SUBMISSIONS)])
def test_another_company_is_a_bad_answer(kind: str, path: str, cik: Any) -> None:
    with pytest.raises(BadAnswer, match=r"edgar, QXZ: .*(about|company)"):
        fetch(provider({path: HEALTHY[path] | {"cik": cik}})[0], kind)


@pytest.mark.parametrize("cik", [CIK, str(CIK), f"{CIK:010d}"])
def test_the_number_of_a_company_has_several_spellings(cik: Any) -> None:
    assert fetch(provider({FACTS: HEALTHY[FACTS] | {"cik": cik}})[0], "fundamentals").frame.height == 1


@pytest.mark.parametrize(
    "change",
    [
        {"form": ["4"]},
        {"acceptanceDateTime": None},
        {"accessionNumber": ["../../x"] * 3},
        {"filingDate": ["x"] * 3},
        {"acceptanceDateTime": ["soon"] * 3},
    ],
)
def test_a_broken_list_of_filings_is_refused(change: dict[str, Any]) -> None:
    document = submissions(LIST)
    document["filings"]["recent"] |= change
    with pytest.raises(BadAnswer, match="edgar, QXZ: submissions"):
        fetch(provider({SUBMISSIONS: document})[0], "fundamentals")


def test_acceptance_times_on_a_foreign_clock_are_refused() -> None:
    moved = [Listed(f.accession, f.form, f.filed, f"{f.filed}T03:1{i}:00.000Z") for i, f in enumerate(LIST)]
    with pytest.raises(BadAnswer, match="times of acceptance"):
        fetch(provider({SUBMISSIONS: submissions(moved)})[0], "fundamentals")


def test_statements_in_another_currency_are_left_out_and_said_so() -> None:
    rows = [fact(2.0, "2023-12-31", ANNUAL.accession, "2024-02-23")]
    with structlog.testing.capture_logs() as log:
        assert fetch(
            provider({FACTS: company_facts({"us-gaap:Assets": rows}, unit="EUR")})[0], "fundamentals"
        ).frame.is_empty()
    assert [(one["symbol"], one["currency"]) for one in log] == [(SYMBOL, "EUR")]


def test_throttling_stays_throttling() -> None:
    def refuse(_path: str, _params: Mapping[str, str]) -> Any:
        raise Throttled("edgar asks for fewer questions", 7.0)

    with pytest.raises(Throttled):
        fetch(EdgarProvider(Scripted(refuse)), "profile")
