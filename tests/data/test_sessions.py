from __future__ import annotations

import numpy as np
import pytest

from vfr.data.sessions import closes_utc, parse_day, sessions_between
from vfr.errors import InvalidField


def day(text: str) -> np.datetime64:
    return np.datetime64(text, "D")


def test_thanksgiving_week_has_a_holiday_and_an_early_close() -> None:
    sessions = sessions_between(day("2019-11-25"), day("2019-12-02"))
    assert sessions.astype(str).tolist() == ["2019-11-25", "2019-11-26", "2019-11-27", "2019-11-29", "2019-12-02"]
    assert closes_utc(sessions).astype(str).tolist()[2:] == [
        "2019-11-27T21:00:00",
        "2019-11-29T18:00:00",
        "2019-12-02T21:00:00",
    ]


def test_summer_closes_an_hour_earlier_in_utc() -> None:
    assert closes_utc(np.array([day("2019-07-05")]))[0] == np.datetime64("2019-07-05T20:00:00")


def test_a_day_that_is_no_session_closes_at_four() -> None:
    days = np.array([day("2019-11-28"), day("2019-11-29"), day("2019-11-30")])
    assert closes_utc(days).astype(str).tolist() == [
        "2019-11-28T21:00:00",
        "2019-11-29T18:00:00",
        "2019-11-30T21:00:00",
    ]


def test_one_closed_day_is_an_empty_range_and_no_days_have_no_closes() -> None:
    assert sessions_between(day("2019-11-30"), day("2019-11-30")).size == 0
    assert closes_utc(np.empty(0, dtype="datetime64[D]")).size == 0


def test_a_century_of_sessions() -> None:
    sessions = sessions_between(day("1928-01-03"), day("2040-12-31"))
    assert (np.diff(sessions).astype(int) > 0).all()
    assert day("2001-09-12") not in sessions
    assert day("2040-07-03") in sessions


@pytest.mark.parametrize(
    "bounds", [("1850-01-01", "1900-01-05"), ("2199-01-01", "2300-01-01"), ("2019-02-01", "2019-01-01")]
)
def test_ranges_outside_the_calendar_are_refused(bounds: tuple[str, str]) -> None:
    with pytest.raises(InvalidField, match="not a range of days"):
        sessions_between(day(bounds[0]), day(bounds[1]))


@pytest.mark.parametrize(
    "text", ["", "2019-6-28", "28.06.2019", "2019-02-30", "1066-10-14", "2019-06-28T00:00", "x" * 99]
)
def test_parse_day_names_the_field(text: str) -> None:
    with pytest.raises(InvalidField, match=r"^as_of: "):
        parse_day("as_of", text)


def test_parse_day() -> None:
    assert parse_day("as_of", "2019-06-28") == day("2019-06-28")
