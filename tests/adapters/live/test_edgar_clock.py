"""Acceptance times carry a Z that is true of some filers only; which clock they are on shows in their filing dates."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.providers.live.edgar_clock import Stamp, clock_of
from vfr.adapters.providers.live.edgar_filings import filings_of, recent_filings, submissions_clock
from vfr.adapters.providers.live.filing_days import NEW_YORK, end_of_day, keeps_hours, public_at
from vfr.errors import BadAnswer

UTC_CLOCK = ZoneInfo("UTC")


def at(digits: str) -> datetime:
    return datetime.fromisoformat(digits)


# (form, filing date, acceptance in New York): reports after the close, ownership reports late in the evening.
FILER = [
    ("10-K", date(2024, 2, 20), at("2024-02-16 18:01:14")),
    ("10-Q", date(2024, 5, 3), at("2024-05-03 16:05:31")),
    ("8-K", date(2024, 5, 3), at("2024-05-03 16:02:01")),
    ("8-K", date(2024, 7, 1), at("2024-07-01 06:01:12")),
    ("4", date(2024, 5, 21), at("2024-05-21 19:44:02")),
    ("4/A", date(2024, 11, 4), at("2024-11-04 21:58:00")),
]


def in_utc(stamps: list[Stamp]) -> list[Stamp]:
    return [
        (form, filed, time.replace(tzinfo=NEW_YORK).astimezone(UTC).replace(tzinfo=None))
        for form, filed, time in stamps
    ]


def test_both_kinds_of_filer_are_told_apart() -> None:
    assert clock_of(FILER, "edgar") == NEW_YORK
    assert clock_of(in_utc(FILER), "edgar") == UTC_CLOCK


@given(
    st.lists(
        st.tuples(st.dates(date(2003, 5, 5), date(2026, 1, 1)), st.integers(6 * 60, 22 * 60 - 1)),
        min_size=1,
        max_size=30,
    )
)
def test_no_filing_of_a_new_york_filer_is_ever_known_too_early(days: list[tuple[date, int]]) -> None:
    made: list[Stamp] = []
    for day, minute in days:
        accepted = at(f"{day} 00:00") + timedelta(minutes=minute)
        made.append(("10-Q", day + timedelta(days=3) if minute >= 17 * 60 + 30 else day, accepted))
    assert clock_of(made, "edgar") == NEW_YORK


def test_in_doubt_the_later_reading_counts() -> None:
    # 13:30 fits both clocks; read as New York's it is five hours later.
    assert clock_of([("8-K", date(2024, 1, 9), at("2024-01-09 13:30:00"))], "edgar") == NEW_YORK
    assert clock_of([], "edgar") == NEW_YORK


def test_what_the_staff_enters_at_night_is_not_judged() -> None:
    assert clock_of([("EFFECT", date(2024, 1, 9), at("2024-01-09 00:15:00"))], "edgar") == NEW_YORK


@pytest.mark.parametrize("hours", [14, -14])
def test_times_on_no_known_clock_are_refused(hours: int) -> None:
    shifted = [(form, filed, time + timedelta(hours=hours)) for form, filed, time in FILER]
    with pytest.raises(BadAnswer, match=r"edgar: the times of acceptance"):
        clock_of(shifted, "edgar")


def test_the_recorded_filer_is_on_new_yorks_clock(shared_data: Path) -> None:
    document = json.loads((shared_data / "api_samples" / "sec_submissions_CIK0001318605_TSLA.json").read_text())
    recent = recent_filings(document, "edgar")
    clock = submissions_clock(recent, "edgar")
    assert clock == NEW_YORK
    filings = {filing.accession: filing for filing in filings_of(recent, clock, "edgar")}
    # Written 2022-02-04T20:11:27.000Z: a Friday evening in New York, filed on Monday.
    annual = filings["0000950170-22-000796"]
    assert (annual.form, annual.filed) == ("10-K", date(2022, 2, 7))
    assert annual.known_at == datetime(2022, 2, 5, 1, 11, 27, tzinfo=UTC)
    owners = filings["0001790565-22-000015"]
    assert owners.known_at == datetime(2022, 11, 30, 21, 42, 36, tzinfo=UTC)
    summer = next(f for f in filings.values() if f.form == "10-Q" and f.filed == date(2022, 7, 25))
    assert summer.known_at == datetime(2022, 7, 25, 10, 7, 25, tzinfo=UTC)
    assert len(filings) == 1001


def test_the_same_filer_in_true_utc_gives_the_same_moments(shared_data: Path) -> None:
    document = json.loads((shared_data / "api_samples" / "sec_submissions_CIK0001318605_TSLA.json").read_text())
    recent = recent_filings(document, "edgar")
    told = filings_of(recent, NEW_YORK, "edgar")
    texts = recent["acceptanceDateTime"]
    local = [datetime.fromisoformat(text[:19]).replace(tzinfo=NEW_YORK) for text in texts]
    recent["acceptanceDateTime"] = [f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z" for time in local]
    assert submissions_clock(recent, "edgar") == UTC_CLOCK
    assert filings_of(recent, UTC_CLOCK, "edgar") == told


def test_without_a_time_a_filing_is_known_at_the_end_of_its_day() -> None:
    assert public_at(None, date(2024, 7, 3), "10-K") == datetime(2024, 7, 4, 3, 59, 59, tzinfo=UTC)
    assert public_at(None, date(2024, 1, 3), "10-K") == datetime(2024, 1, 4, 4, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "filed", "local", "credible"),
    [
        ("10-K", "2024-02-23", "2024-02-23 16:12:05", True),
        ("10-K", "2024-02-23", "2024-02-22 18:12:05", True),
        ("10-K", "2024-02-26", "2024-02-23 17:30:00", True),
        ("4/A", "2024-02-23", "2024-02-23 21:59:59", True),
        ("10-K", "2024-02-23", "2024-02-23 18:12:05", False),
        ("10-K", "2024-02-23", "2024-02-22 16:12:05", False),
        ("10-K", "2024-02-23", "2024-02-23 04:12:05", False),
        ("10-K", "2024-02-23", "2024-02-13 18:12:05", False),
        ("10-K", "2024-02-23", "2024-02-24 08:12:05", False),
        ("4", "2024-02-23", "2024-02-22 21:00:00", False),
    ],
)
def test_a_time_counts_only_if_it_goes_with_the_filing_date(form: str, filed: str, local: str, credible: bool) -> None:
    day, moment = date.fromisoformat(filed), at(local).replace(tzinfo=NEW_YORK)
    assert keeps_hours(form, day, moment) is credible
    known_at = public_at(moment, day, form)
    assert known_at == (moment if credible else max(moment, end_of_day(day)))
    assert known_at.tzinfo is UTC


@given(st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(-400 * 24, 400 * 24), st.sampled_from(["10-Q", "4"]))
def test_nothing_is_known_before_its_acceptance(filed: date, hours: int, form: str) -> None:
    accepted = end_of_day(filed) + timedelta(hours=hours)
    assert public_at(accepted, filed, form) >= accepted
