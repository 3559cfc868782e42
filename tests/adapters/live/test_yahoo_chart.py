"""Yahoo's chart: as traded, finished sessions only, and refused when it is not what was asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.live.yahoo_documents import at, chart, empty_chart, flat, float32, refusal, utc
from tests.examples import examples

from vfr.adapters.providers.live.yahoo_chart import read_chart
from vfr.data.provider import Batch, Offer, Order
from vfr.data.sessions import sessions_between
from vfr.errors import BadAnswer, UnknownAtSource

MONDAY, TUESDAY, WEDNESDAY = date(2024, 6, 3), date(2024, 6, 4), date(2024, 6, 5)
THREE = {at(MONDAY): flat(10.0), at(TUESDAY): flat(11.0), at(WEDNESDAY): flat(12.0)}


JULY = utc(2024, 7, 1)


def order(now: datetime = JULY, since: date = date(2014, 1, 1), subject: str = "QXZ") -> Order:
    return Order(Offer(("bars", "actions"), "symbol"), subject, since, now)


def read(document: Any, asked: Order | None = None, ticker: str = "QXZ") -> tuple[Batch, Batch]:
    return read_chart(json.loads(json.dumps(document)), asked or order(), ticker)


def result(document: dict[str, Any]) -> dict[str, Any]:
    return document["chart"]["result"][0]  # type: ignore[no-any-return]


def closes(document: Any, asked: Order | None = None) -> dict[date, float]:
    frame = read(document, asked)[0].frame
    return dict(zip(frame["date"].to_list(), frame["close"].to_list(), strict=True))


def test_the_recorded_answer_of_a_session_in_progress(shared_data: Path) -> None:
    document = json.loads((shared_data / "api_samples" / "yahoo_chart_v8_AAPL_1d_2022-03-11.json").read_text())
    asked = order(utc(2022, 3, 11, 18, 40), since=date(2022, 1, 1), subject="AAPL")
    bars, actions = read(document, asked, "AAPL")
    assert bars.frame.select("date", "open", "close", "volume", "currency").rows() == [
        (date(2022, 3, 7), 163.36, 159.3, 96418800.0, "USD"),
        (date(2022, 3, 8), 158.82, 157.44, 131148300.0, "USD"),
        (date(2022, 3, 9), 161.48, 162.95, 91454900.0, "USD"),
        (date(2022, 3, 10), 160.2, 158.52, 105180300.0, "USD"),
    ]
    assert bars.frame["known_at"].to_list()[0] == utc(2022, 3, 7, 21)
    assert actions.frame.select("date", "action", "value", "known_at").rows() == [
        (date(2022, 2, 16), "dividend", 0.62, utc(2022, 2, 16))
    ]


def test_the_recorded_answer_read_a_day_later_still_holds_no_half_session(shared_data: Path) -> None:
    document = json.loads((shared_data / "api_samples" / "yahoo_chart_v8_AAPL_1d_2022-03-11.json").read_text())
    bars, _ = read(document, order(utc(2022, 3, 12, 12), since=date(2022, 3, 10), subject="AAPL"), "AAPL")
    assert bars.frame["date"].to_list() == [date(2022, 3, 10)]


def test_the_recorded_weekly_answer_is_not_what_was_asked_for(shared_data: Path) -> None:
    document = json.loads((shared_data / "api_samples" / "yahoo_chart_v8_AAPL_1wk_2024-09-18.json").read_text())
    with pytest.raises(BadAnswer, match="dataGranularity is '1wk'; only 1d is read"):
        read(document, order(utc(2024, 9, 19), subject="AAPL"), "AAPL")


def test_a_four_for_one_and_then_a_ten_for_one_are_undone() -> None:
    first, second = date(2020, 8, 31), date(2024, 6, 10)
    traded = {
        date(2020, 8, 28): (500.0, 1_000.0),
        first: (129.04, 4_100.0),
        date(2024, 6, 7): (1208.88, 3_000.0),
        second: (121.79, 31_000.0),
    }
    shares = {day: (4 if day < first else 1) * (10 if day < second else 1) for day in traded}
    document = chart(
        {at(day): flat(float32(price / shares[day]), volume * shares[day]) for day, (price, volume) in traded.items()},
        splits={second: (10, 1), first: (4, 1)},
        dividends={date(2020, 8, 7): 0.82 / 40, first: 0.03},
    )
    bars, actions = read(document)
    for name in ("open", "high", "low", "close"):
        assert bars.frame[name].to_list() == [price for price, _ in traded.values()]
    assert bars.frame["volume"].to_list() == [volume for _, volume in traded.values()]
    assert actions.frame.select("date", "action", "value").rows() == [
        (date(2020, 8, 7), "dividend", 0.82),
        (first, "dividend", 0.3),
        (first, "split", 4.0),
        (second, "split", 10.0),
    ]


def test_a_reverse_split_is_undone() -> None:
    bars, actions = read(chart({at(MONDAY): flat(20.0, 50), at(TUESDAY): flat(21.0, 60)}, splits={TUESDAY: (1, 20)}))
    assert bars.frame.select("close", "volume").rows() == [(1.0, 1000.0), (21.0, 60.0)]
    assert actions.frame["value"].to_list() == [0.05]


def test_a_split_of_tomorrow_neither_touches_a_price_nor_is_told() -> None:
    asked = order(utc(2024, 6, 5, 22))
    bars, actions = read(chart(THREE, splits={date(2024, 6, 6): (4, 1)}, dividends={date(2024, 6, 6): 1.0}), asked)
    assert bars.frame["close"].to_list() == [10.0, 11.0, 12.0]
    assert not actions.frame.height


SESSIONS = sessions_between(np.datetime64("2023-11-01"), np.datetime64("2024-04-30")).tolist()
RATIOS = st.sampled_from([(2, 1), (3, 2), (4, 1), (10, 1), (1, 2), (1, 10)])


@examples(40)
@given(
    st.lists(st.tuples(st.sampled_from(SESSIONS), st.integers(100, 90_000)), min_size=1, max_size=12),
    st.dictionaries(st.sampled_from(SESSIONS), RATIOS, max_size=3),
)
def test_what_yahoo_adjusts_comes_back_as_it_traded(
    traded: list[tuple[date, int]], splits: dict[date, tuple[int, int]]
) -> None:
    cents = dict(sorted(traded))
    basis = {day: np.prod([new / old for on, (new, old) in splits.items() if day < on] or [1.0]) for day in cents}
    document = chart({at(day): flat(float32(price / 100 / basis[day])) for day, price in cents.items()}, splits=splits)
    told = closes(document)
    assert told.keys() == cents.keys()
    # float32 holds 24 bits; four decimals are kept.
    assert list(told.values()) == pytest.approx([p / 100 for p in cents.values()], rel=2**-24, abs=5.1e-5)


def test_summer_time_begins_between_two_sessions() -> None:
    friday, monday = date(2024, 3, 8), date(2024, 3, 11)
    document = chart({at(friday): flat(1.0), at(monday): flat(2.0)})
    assert result(document)["timestamp"] == [1709908200, 1710163800]
    frame = read(document)[0].frame
    assert frame["date"].to_list() == [friday, monday]
    assert frame["known_at"].to_list() == [utc(2024, 3, 8, 21), utc(2024, 3, 11, 20)]


@pytest.mark.parametrize(("minute", "bars"), [(14, 0), (15, 1)])
def test_an_early_close_is_finished_at_a_quarter_past_one(minute: int, bars: int) -> None:
    day = date(2024, 7, 3)
    document = chart({at(day): flat(10.0)})
    assert len(closes(document, order(utc(2024, 7, 3, 17, minute)))) == bars


def test_the_last_trade_after_the_close_is_a_finished_bar() -> None:
    document = chart({at(MONDAY): flat(10.0), at(TUESDAY, 16, 0) + 2: flat(11.0)})
    assert closes(document, order(utc(2024, 6, 4, 21))) == {MONDAY: 10.0, TUESDAY: 11.0}


def test_an_answer_written_during_the_session_holds_no_bar_of_it_whenever_it_is_read() -> None:
    document = chart({at(MONDAY): flat(10.0), at(TUESDAY, 13, 39): flat(11.0)})
    assert closes(document, order(utc(2024, 6, 10))) == {MONDAY: 10.0}


def test_the_latest_session_sent_twice_counts_once_and_the_newer_copy_holds() -> None:
    document = chart({at(MONDAY): flat(10.0), at(TUESDAY): flat(11.0), at(TUESDAY, 16, 0) + 1: flat(11.5)})
    assert closes(document) == {MONDAY: 10.0, TUESDAY: 11.5}


def test_a_bar_without_a_close_is_dropped_and_other_unknown_figures_stay_unknown() -> None:
    document = chart({at(MONDAY): (None,) * 5, at(TUESDAY): (None, 12.0, None, 11.0, None), at(WEDNESDAY): flat(12.0)})
    frame = read(document)[0].frame
    assert frame.select("date", "open", "high", "low", "close", "volume").rows() == [
        (TUESDAY, None, 12.0, None, 11.0, None),
        (WEDNESDAY, 12.0, 12.0, 12.0, 12.0, 1000.0),
    ]


def test_a_range_without_sessions_is_an_empty_answer_and_not_an_unknown_symbol() -> None:
    nothing = {"chart": {"result": [], "error": None}}
    reason = refusal("chart", "Bad Request", "Data doesn't exist for startDate = 1, endDate = 2")
    for document in (empty_chart(), nothing, reason):
        bars, actions = read(document)
        assert (bars.kind, actions.kind) == ("bars", "actions")
        assert not bars.frame.height
        assert not actions.frame.height


def test_a_symbol_that_yahoo_does_not_find() -> None:
    document = refusal("chart", "Not Found", "No data found, symbol may be delisted")
    with pytest.raises(UnknownAtSource, match="yahoo does not know QXZ"):
        read(document)


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    document = chart(THREE, splits={TUESDAY: (2, 1)}, dividends={TUESDAY: 0.1})
    change(result(document))
    return document


def _quote(**columns: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda told: told["indicators"]["quote"][0].update(columns)


def _moved(seconds: int) -> Callable[[dict[str, Any]], Any]:
    return lambda told: told.update(timestamp=[one + seconds for one in told["timestamp"]])


def _event(kind: str, **fields: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda told: next(iter(told["events"][kind].values())).update(fields)


LIES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another symbol": (lambda t: t["meta"].update(symbol="QXY"), "yahoo answered about 'QXY' when asked about QXZ"),
    "no symbol": (lambda t: t["meta"].pop("symbol"), "yahoo answered about None"),
    "hourly": (lambda t: t["meta"].update(dataGranularity="1h"), "only 1d is read"),
    "London": (lambda t: t["meta"].update(exchangeTimezoneName="Europe/London"), "'Europe/London'; only America"),
    "no currency": (lambda t: t["meta"].pop("currency"), "the currency is missing"),
    "no meta": (lambda t: t.pop("meta"), "meta is missing"),
    "no indicators": (lambda t: t.pop("indicators"), "indicators is missing"),
    "two series": (lambda t: t["indicators"]["quote"].append({}), "2 series where one is documented"),
    "short column": (_quote(close=[1.0, 2.0]), "2 figures of close came for 3 timestamps"),
    "long column": (_quote(volume=[1, 2, 3, 4]), "4 figures of volume came for 3 timestamps"),
    "no column": (_quote(low=None), "0 figures of low came for 3 timestamps"),
    "short adjclose": (lambda t: t["indicators"].update(adjclose=[{"adjclose": [1.0]}]), "1 figures of adjclose"),
    "no timestamps": (lambda t: t.pop("timestamp"), "3 figures of open came for 0 timestamps"),
    "NaN as text": (_quote(close=[1.0, "NaN", 2.0]), "close is 'NaN' where a number is documented"),
    "NaN": (_quote(open=[1.0, float("nan"), 2.0]), "open is nan where a number is documented"),
    "number as text": (_quote(high=["1", 2.0, 2.0]), "high is '1'"),
    "truth": (_quote(volume=[True, 1, 1]), "volume is True"),
    "text timestamps": (lambda t: t.update(timestamp=["a", "b", "c"]), "seconds since 1970"),
    "milliseconds": (lambda t: t.update(timestamp=[one * 1000 for one in t["timestamp"]]), "seconds since 1970"),
    "14 hours late": (_moved(14 * 3600), "another time zone"),
    "a day early": (_moved(-24 * 3600), "another time zone"),
    "two on a day": (lambda t: t["timestamp"].__setitem__(1, t["timestamp"][0] + 3600), "two bars fall on one day"),
    "backwards": (lambda t: t["timestamp"].reverse(), "days go back"),
    "split of nothing": (_event("splits", numerator=0), "split numerator is not a positive number"),
    "split of text": (_event("splits", denominator="1"), "split denominator is '1'"),
    "split without a day": (_event("splits", date=None), "date of a split is missing"),
    "negative dividend": (_event("dividends", amount=-0.1), "dividend is not a positive number"),
    "dividend on a Sunday": (_event("dividends", date=at(date(2024, 6, 2))), "Sunday 2024-06-02"),
    "events as a list": (lambda t: t.update(events=[1]), "events is a list"),
}


@pytest.mark.parametrize("name", LIES)
def test_an_answer_that_is_not_what_was_asked_for_is_refused_with_its_reason(name: str) -> None:
    change, reason = LIES[name]
    with pytest.raises(BadAnswer) as caught:
        read(changed(change))
    assert reason in caught.value.message
    assert caught.value.message.startswith("yahoo")


@pytest.mark.parametrize("document", [[], None, "x", {}, {"chart": None}, {"chart": {"result": [1]}}])
def test_another_document_altogether_is_refused(document: Any) -> None:
    with pytest.raises(BadAnswer, match="yahoo, QXZ"):
        read(document)


def test_two_results_and_an_error_without_a_known_code_are_refused() -> None:
    doubled = chart(THREE)
    doubled["chart"]["result"] *= 2
    with pytest.raises(BadAnswer, match="2 results"):
        read(doubled)
    with pytest.raises(BadAnswer, match="refuses to answer \\('Internal'\\)"):
        read(refusal("chart", "Internal", "oops"))


def test_the_untouched_document_of_the_lies_is_accepted() -> None:
    bars, actions = read(changed(lambda _told: None))
    assert bars.frame["close"].to_list() == [20.0, 11.0, 12.0]
    assert actions.frame["value"].to_list() == [0.1, 2.0]
