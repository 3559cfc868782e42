"""Yahoo's provider: what it asks, names, sectors, analysts and headlines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from tests.adapters.live.canned_client import Canned
from tests.adapters.live.yahoo_documents import at, chart, flat, refusal, search, story, summary, utc

from vfr.adapters.providers.live.yahoo import YahooProvider
from vfr.data.provider import Batch, DataProvider, Offer, Order
from vfr.errors import BadAnswer, UnknownAtSource

NOW = utc(2024, 6, 5, 22)
SINCE = date(2024, 6, 3)

CHART, SUMMARY, SEARCH = "v8/finance/chart", "v10/finance/quoteSummary", "v1/finance/search"


def offer(kind: str) -> Offer:
    return next(one for one in YahooProvider(Canned({})).offers if kind in one.kinds)


def fetch(kind: str, document: Any, subject: str = "QXZ") -> tuple[tuple[Batch, ...], Canned]:
    ticker = subject.replace(".", "-")
    client = Canned({f"{CHART}/{ticker}": document, f"{SUMMARY}/{ticker}": document, SEARCH: document})
    provider: DataProvider = YahooProvider(client)
    return provider.fetch(Order(offer(kind), subject, SINCE, NOW)), client


def test_every_offer_is_answered_with_its_kinds_in_order() -> None:
    documents = {"bars": chart({at(SINCE): flat(1.0)}), "profile": summary(), "texts": search([])}
    assert {offer(kind).kinds for kind in documents} == {one.kinds for one in YahooProvider(Canned({})).offers}
    for kind, document in documents.items():
        batches, _ = fetch(kind, document)
        assert tuple(batch.kind for batch in batches) == offer(kind).kinds
        assert {(batch.subject, batch.since) for batch in batches} == {("QXZ", SINCE)}


def test_a_chart_is_asked_from_the_first_day_in_new_york_to_the_moment_of_asking() -> None:
    _, client = fetch("bars", chart({at(SINCE): flat(1.0)}, symbol="QXZ-B"), "QXZ.B")
    url, params, _ = client.asked[0]
    assert url == "https://query2.finance.yahoo.com/v8/finance/chart/QXZ-B"
    assert params == {
        "period1": str(at(SINCE, 0, 0)),
        "period2": str(int(NOW.timestamp())),
        "interval": "1d",
        "events": "div,split",
        "includePrePost": "false",
    }


def test_a_class_of_shares_keeps_the_spelling_of_vfr_in_its_rows() -> None:
    (bars, _), _ = fetch("bars", chart({at(SINCE): flat(1.0)}, symbol="QXZ-B"), "QXZ.B")
    assert bars.frame["symbol"].to_list() == ["QXZ.B"]


def test_names_sectors_and_analysts() -> None:
    (profile, ratings), client = fetch("profile", summary())
    assert client.asked[0][1]["modules"] == "assetProfile,price,recommendationTrend,financialData"
    assert dict(profile.frame.select("field", "text").rows()) == {
        "name": "Quarry Cross",
        "sector": "Information Technology",
        "sub_industry": "Scientific & Technical Instruments",
        "exchange": "NasdaqGS",
        "currency": "USD",
    }
    assert dict(ratings.frame.select("measure", "value").rows()) == {
        "strong_buy": 4.0,
        "buy": 9.0,
        "hold": 6.0,
        "sell": 1.0,
        "strong_sell": 0.0,
        "target_mean": 47.5,
    }
    assert set(ratings.frame["date"].to_list()) == {NOW.date()}
    assert set(profile.frame["known_at"].to_list()) == set(ratings.frame["known_at"].to_list()) == {NOW}


def test_numbers_with_a_printed_form_are_read_and_a_target_in_another_currency_is_left_out() -> None:
    target = {"targetMeanPrice": {"raw": 47.5, "fmt": "47.50"}}
    (_, ratings), _ = fetch("profile", summary(financialData=target, recommendationTrend=None))
    assert ratings.frame.select("measure", "value").rows() == [("target_mean", 47.5)]
    pounds = {"symbol": "QXZ", "currency": "GBP"}
    (_, ratings), _ = fetch("profile", summary(financialData=target, recommendationTrend=None, price=pounds))
    assert not ratings.frame.height


def test_a_fund_has_a_name_and_nothing_else() -> None:
    fund = summary(
        assetProfile=None,
        recommendationTrend=None,
        financialData=None,
        price={"symbol": "QXZ", "longName": None, "shortName": "Quarry Fund"},
    )
    (profile, ratings), _ = fetch("profile", fund)
    assert profile.frame.select("field", "text").rows() == [("name", "Quarry Fund")]
    assert not ratings.frame.height


@pytest.mark.parametrize(
    "document",
    [
        {"quoteSummary": {"result": [], "error": None}},
        refusal("quoteSummary", "Not Found", "No fundamentals data found for symbol: QXZ"),
    ],
)
def test_nothing_to_say_about_a_company_is_not_an_unknown_symbol(document: Any) -> None:
    batches, _ = fetch("profile", document)
    assert [batch.frame.height for batch in batches] == [0, 0]


def test_a_company_that_yahoo_does_not_find() -> None:
    with pytest.raises(UnknownAtSource, match="does not know QXZ"):
        fetch("profile", refusal("quoteSummary", "Not Found", "Quote not found for symbol: QXZ"))


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (summary(price={"symbol": "QXY"}), "yahoo answered about 'QXY' when asked about QXZ"),
        (summary(price=None), "yahoo answered about None"),
        (summary(financialData={"targetMeanPrice": "NaN"}), "targetMeanPrice is 'NaN'"),
        (summary(financialData={"targetMeanPrice": float("nan")}), "targetMeanPrice is nan"),
        (summary(recommendationTrend={"trend": [{"period": "0m", "buy": "9"}]}), "buy is '9'"),
        (summary(recommendationTrend={"trend": [{"period": "0m", "buy": -1}]}), "buy is no count of analysts"),
        (summary(recommendationTrend={"trend": [{"period": "0m", "sell": 1.5}]}), "sell is no count"),
        (summary(recommendationTrend={"trend": "all buy"}), "trend is 'all buy' where a list is documented"),
        (summary(assetProfile={"sector": 45}), "sector is 45 where a text is documented"),
    ],
)
def test_a_summary_that_is_not_what_was_asked_for_is_refused(document: Any, reason: str) -> None:
    with pytest.raises(BadAnswer) as caught:
        fetch("profile", document)
    assert reason in caught.value.message


def test_headlines_are_known_from_the_moment_they_were_published() -> None:
    early, late = NOW - timedelta(days=1), NOW - timedelta(hours=1)
    (texts,), client = fetch("texts", search([story(2, late), story(1, early), story(2, late)]))
    assert client.asked[0][1]["q"] == "QXZ"
    assert texts.frame.select("created_at", "known_at", "text", "url").rows() == [
        (early, early, "Quarry Cross opens hall 1", "https://news.example/1"),
        (late, late, "Quarry Cross opens hall 2", "https://news.example/2"),
    ]


def test_headlines_of_other_days_and_other_companies_are_left_out() -> None:
    stories = [
        story(1, utc(2024, 6, 2, 23)),
        story(2, NOW + timedelta(seconds=1)),
        story(3, NOW, relatedTickers=["QXY"]),
        story(4, NOW, relatedTickers=None),
    ]
    (texts,), _ = fetch("texts", search(stories))
    assert texts.frame["text"].to_list() == ["Quarry Cross opens hall 4"]


@pytest.mark.parametrize(
    "change",
    [
        {"title": None},
        {"title": " "},
        {"link": None},
        {"link": 7},
        {"providerPublishTime": "2024"},
        {"relatedTickers": 1},
    ],
)
def test_a_headline_with_a_part_missing_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="yahoo, QXZ"):
        fetch("texts", search([story(1, NOW, **change)]))


def test_a_search_without_its_list_is_refused() -> None:
    with pytest.raises(BadAnswer, match="news is missing where a list is documented"):
        fetch("texts", {"quotes": []})
