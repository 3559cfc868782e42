"""FRED: a row per vintage, known from the end of its day; releases nobody recorded are assumed, never early."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.live.fred_documents import Vintage, page
from tests.adapters.live.scripted_client import Scripted

from vfr.adapters.net.reply import Reply
from vfr.adapters.providers.live.filing_days import end_of_day
from vfr.adapters.providers.live.fred import DEFAULT, FredProvider
from vfr.adapters.providers.live.fred_observations import Observation, macro_rows, read_sheet
from vfr.adapters.providers.live.fred_refusals import NO_VINTAGE, judge
from vfr.data.bitemporal.tables import conform
from vfr.data.provider import Order
from vfr.errors import BadAnswer, ProviderDenied, ProviderError, Throttled, UnknownAtSource

KEY = "f00dfacef00dfacef00dfacef00dface"
NOW = datetime(2024, 7, 3, 22, tzinfo=UTC)

MONTHLY = (
    Vintage("2024-01-01", "3.7", "2024-02-02"),
    Vintage("2024-02-01", "3.9", "2024-03-08"),
    Vintage("2024-03-01", "3.8", "2024-04-05", "2024-05-02"),
    Vintage("2024-03-01", "3.9", "2024-05-03"),
)

Play = Callable[[Mapping[str, str]], Any]


def provider(play: Play) -> tuple[FredProvider, Scripted]:
    client = Scripted(lambda path, params: play(params) if path == "fred/series/observations" else None)
    return FredProvider(client, key=KEY), client


def rows(
    play: Play, since: date = date(2020, 1, 1), series: str = "UNRATE", now: datetime = NOW
) -> list[tuple[Any, ...]]:
    made, _ = provider(play)
    (batch,) = made.fetch(Order(made.offers[0], series, since, now))
    assert (batch.kind, batch.subject, batch.since) == ("macro", series, since)
    frame = conform("macro", batch.frame)
    assert set(frame["source"]) <= {"fred"}
    return list(frame.select("date", "value", "known_at").iter_rows())


def evening(day: str) -> datetime:
    return end_of_day(date.fromisoformat(day))


def test_every_vintage_is_known_from_the_end_of_its_day() -> None:
    assert rows(lambda params: page(MONTHLY, params)) == [
        (date(2024, 1, 1), 3.7, evening("2024-02-02")),
        (date(2024, 2, 1), 3.9, evening("2024-03-08")),
        (date(2024, 3, 1), 3.8, evening("2024-04-05")),
        (date(2024, 3, 1), 3.9, evening("2024-05-03")),
    ]
    assert evening("2024-02-02") == datetime(2024, 2, 3, 4, 59, 59, tzinfo=UTC)


def test_what_is_in_force_at_the_first_day_asked_is_known_from_then() -> None:
    told = rows(lambda params: page(MONTHLY, params), since=date(2024, 4, 20))
    assert told[:2] == [(date(2024, 1, 1), 3.7, evening("2024-04-20")), (date(2024, 2, 1), 3.9, evening("2024-04-20"))]
    assert told[2:] == [(date(2024, 3, 1), 3.8, evening("2024-04-20")), (date(2024, 3, 1), 3.9, evening("2024-05-03"))]


def test_a_vintage_of_today_is_not_known_yet() -> None:
    today = (*MONTHLY, Vintage("2024-05-01", "4.0", "2024-07-03"))
    assert date(2024, 5, 1) not in [row[0] for row in rows(lambda params: page(today, params))]


def test_a_daily_series_is_asked_in_windows_without_a_gap() -> None:
    made, client = provider(lambda params: page([], params))
    made.fetch(Order(made.offers[0], "DGS10", date(2005, 1, 3), NOW))
    windows = [(params["realtime_start"], params["realtime_end"]) for _, params in client.asked]
    assert windows[0][0] == "2005-01-03"
    assert windows[-1][1] == "9999-12-31"
    for (start, end), (following, _) in pairwise(windows):
        assert (date.fromisoformat(end) - date.fromisoformat(start)).days < 2000
        assert date.fromisoformat(following) - date.fromisoformat(end) == timedelta(days=1)
    assert (NOW.date() - date.fromisoformat(windows[-1][0])).days < 2000


def test_a_monthly_series_is_asked_at_once() -> None:
    made, client = provider(lambda params: page(MONTHLY, params))
    made.fetch(Order(made.offers[0], "UNRATE", date(1990, 1, 1), NOW))
    ((_, params),) = client.asked
    assert params["series_id"] == "UNRATE"
    assert (params["file_type"], params["output_type"]) == ("json", "1")


def test_a_window_that_repeats_what_was_in_force_adds_nothing() -> None:
    steady = [Vintage("2005-06-01", "4.0", "2005-06-02"), Vintage("2005-06-02", "4.1", "2005-06-03")]
    told = rows(lambda params: page(steady, params), since=date(2005, 1, 3), series="DGS10")
    assert told == [(date(2005, 6, 1), 4.0, evening("2005-06-02")), (date(2005, 6, 2), 4.1, evening("2005-06-03"))]


def test_pages_are_put_together() -> None:
    made, client = provider(lambda params: page(MONTHLY, params, limit=3))
    (batch,) = made.fetch(Order(made.offers[0], "UNRATE", date(2020, 1, 1), NOW))
    assert batch.frame.height == 4
    assert [params["offset"] for _, params in client.asked] == ["0", "3"]


def test_an_answer_that_ends_early_is_refused() -> None:
    with pytest.raises(BadAnswer, match="ends before"):
        rows(lambda params: page(MONTHLY, params) | {"observations": []})


def test_an_unknown_figure_gives_no_row_and_a_withdrawn_one_a_null() -> None:
    withdrawn = (
        Vintage("2024-06-19", ".", "2024-06-20"),
        Vintage("2024-06-20", "4.25", "2024-06-21", "2024-06-24"),
        Vintage("2024-06-20", ".", "2024-06-25"),
    )
    assert rows(lambda params: page(withdrawn, params), series="DGS10") == [
        (date(2024, 6, 20), 4.25, evening("2024-06-21")),
        (date(2024, 6, 20), None, evening("2024-06-25")),
    ]


@pytest.mark.parametrize(
    ("series", "day", "release"), [("DGS10", "2020-05-01", "2020-05-02"), ("UNRATE", "2020-05-01", "2020-07-15")]
)
def test_a_figure_without_a_recorded_vintage_is_not_known_before_its_day(series: str, day: str, release: str) -> None:
    unrecorded = [Vintage(day, "0.64", "1776-07-04")]
    # Clipped to the window the vintage seems to begin in 2019, a year before the day it is about.
    told = rows(lambda params: page(unrecorded, params), since=date(2019, 1, 1), series=series)
    assert told == [(date(2020, 5, 1), 0.64, evening(release))]


def test_a_recorded_vintage_before_an_assumed_release_counts_from_its_own_day() -> None:
    early = Observation(date(2020, 1, 1), date(2020, 1, 20), 1.0)
    recorded = Observation(date(2020, 1, 1), date(2020, 2, 14), 2.0)
    told = macro_rows("UNRATE", [recorded, early], "monthly")
    assert [(value, at) for _, _, value, _, at in told] == [(2.0, evening("2020-02-14"))]


VERSIONS = st.tuples(
    st.dates(date(2019, 1, 1), date(2020, 12, 31)),
    st.dates(date(2018, 1, 1), date(2022, 12, 31)),
    st.none() | st.sampled_from([1.0, 2.0, 3.0]),
)


@given(st.lists(VERSIONS, max_size=20, unique_by=lambda v: v[:2]), st.sampled_from(["daily", "monthly"]))
def test_no_figure_is_known_before_its_day_and_no_version_repeats(made: list[Any], frequency: Any) -> None:
    told = macro_rows("S", [Observation(*one) for one in made], frequency)
    by_day: dict[date, list[tuple[datetime, float | None]]] = {}
    for _, day, value, _, known_at in told:
        assert known_at >= end_of_day(day)
        by_day.setdefault(day, []).append((known_at, value))
    for day, versions in by_day.items():
        moments = [at for at, _ in versions]
        values = [value for _, value in versions]
        assert moments == sorted(set(moments))
        assert values[0] is not None
        assert all(a != b for a, b in pairwise(values))
        assert values[-1] == max((since, value) for d, since, value in made if d == day)[1]


def no_archive_before(first: str) -> Play:
    def play(params: Mapping[str, str]) -> Any:
        if params.get("realtime_end", "") and params["realtime_end"] < first:
            raise BadAnswer(NO_VINTAGE)
        return page([Vintage("2015-06-01", "2.2", "2015-06-02")], params)

    return play


def test_a_window_before_the_first_vintage_is_empty() -> None:
    told = rows(no_archive_before("2015-01-01"), since=date(2005, 1, 3), series="DGS10")
    assert told == [(date(2015, 6, 1), 2.2, evening("2015-06-02"))]


def test_a_series_without_vintages_is_asked_for_its_present_figures() -> None:
    def play(params: Mapping[str, str]) -> Any:
        if "realtime_start" in params:
            raise BadAnswer(NO_VINTAGE)
        return page([Vintage("2024-05-01", "5.25", "1776-07-04")], params)

    # May's figure counts as released 45 days after the month: not yet on 3 July.
    assert rows(play, series="AAA") == []
    later = datetime(2024, 7, 17, tzinfo=UTC)
    assert rows(play, series="AAA", now=later) == [(date(2024, 5, 1), 5.25, evening("2024-07-15"))]


@pytest.mark.parametrize("plain", [UnknownAtSource("fred does not know the series"), BadAnswer(NO_VINTAGE)])
def test_an_unknown_series_is_told_from_one_without_vintages(plain: ProviderError) -> None:
    def play(params: Mapping[str, str]) -> Any:
        # In a window FRED says the same of a series it has never heard of.
        raise BadAnswer(NO_VINTAGE) if "realtime_start" in params else plain

    with pytest.raises(UnknownAtSource, match="fred does not know the series"):
        rows(play, series="NOPE")


@pytest.mark.parametrize("error", [Throttled("slow down"), BadAnswer("something else"), ProviderDenied("no")])
def test_other_errors_pass_as_they_are(error: ProviderError) -> None:
    def play(_params: Mapping[str, str]) -> Any:
        raise error

    with pytest.raises(type(error), match=str(error)):
        rows(play)


@pytest.mark.parametrize("value", ["NaN", "", "1e5", "Infinity", " 3.4", None, 3.4, True])
def test_what_is_neither_a_number_nor_a_point_is_refused(value: Any) -> None:
    with pytest.raises(BadAnswer, match="fred, UNRATE"):
        rows(lambda params: page([Vintage("2024-01-01", value, "2024-02-02")], params))


@pytest.mark.parametrize(
    "change",
    [{"count": None}, {"count": "4"}, {"observations": None}, {"units": "pch"}, {"observations": [{"value": "1"}]}],
)
def test_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer, match="fred, UNRATE"):
        rows(lambda params: page(MONTHLY, params) | change)


def test_no_observations_are_no_rows() -> None:
    assert rows(lambda params: page([], params)) == []


def refused(status: int, message: str) -> ProviderError | None:
    return judge(Reply(status, {}, json.dumps({"error_code": status, "error_message": message}).encode()))


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (f"Bad Request.  The value for variable api_key is not registered. {KEY}", ProviderDenied),
        ("Bad Request.  Variable api_key is not set.", ProviderDenied),
        ("Bad Request.  The series does not exist.", UnknownAtSource),
        ("Bad Request.  The series does not exist in ALFRED but may exist in FRED.", BadAnswer),
        ("Bad Request.  No vintage dates exist for the specified real-time period.", BadAnswer),
    ],
)
def test_bad_requests_are_told_apart(message: str, kind: type[ProviderError]) -> None:
    error = refused(400, message)
    assert type(error) is kind
    assert KEY not in str(error)


def test_other_refusals_are_left_to_the_status() -> None:
    assert refused(400, "Bad Request.  This exceeds the maximum number of vintage dates allowed (2000).") is None
    assert refused(500, "the api_key") is None
    assert judge(Reply(400, {}, b"<html>api_key</html>")) is None
    assert judge(Reply(400, {}, b"[1]")) is None


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("fred_observations_UNRATE_excerpt.json", Observation(date(1948, 1, 1), date(2016, 3, 2), 3.4)),
        (
            "fred_observations_UMCSENT_missing_values_excerpt.json",
            Observation(date(1952, 11, 1), date(2016, 3, 2), None),
        ),
    ],
)
def test_recorded_answers(shared_data: Path, name: str, first: Observation) -> None:
    document = json.loads((shared_data / "api_samples" / name).read_text())
    sheet = read_sheet(document, "fred")
    assert sheet.observations[0] == first
    assert sheet.count == document["count"]
    told = macro_rows("S", sheet.observations, "monthly")
    # Every figure seems to begin on the day asked about: it was in force then, whenever it came out.
    assert {row[4] for row in told} <= {evening("2016-03-02")}
    assert len(told) == sum(one.value is not None for one in sheet.observations)


def test_the_default_series_are_those_of_the_macro_factor() -> None:
    assert {series for series, frequency in DEFAULT.items() if frequency == "daily"} == {
        "VIXCLS",
        "DGS10",
        "DGS2",
        "DGS3MO",
        "DFF",
    }
    assert len(DEFAULT) == 12
