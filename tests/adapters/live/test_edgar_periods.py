"""The period of a fact comes from its own days, whatever the filing calls its year and quarter."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.adapters.providers.live.edgar_periods import calendar, length

DAYS = st.dates(date(1995, 1, 1), date(2035, 12, 31))


@given(DAYS, st.integers(0, 800))
def test_only_years_and_quarters_have_a_name(start: date, days: int) -> None:
    expected = "FY" if 350 <= days <= 380 else "Q" if 80 <= days <= 100 else None
    assert length(start, start + timedelta(days=days)) == expected


@given(DAYS, st.sampled_from([52 * 7, 53 * 7]), st.lists(st.sampled_from([12, 13, 14]), min_size=1, max_size=8))
def test_years_and_quarters_in_whole_weeks_are_known(start: date, year: int, quarters: list[int]) -> None:
    assert length(start, start + timedelta(days=year - 1)) == "FY"
    assert {length(start, start + timedelta(weeks=weeks, days=-1)) for weeks in quarters} == {"Q"}


@given(DAYS, st.integers(1, 4))
def test_calendar_months_add_up_to_quarters_and_years(first: date, years: int) -> None:
    start = first.replace(day=1)
    year_end = date(start.year + 1, start.month, 1) - timedelta(days=1)
    quarter_end = (start + timedelta(days=3 * 31)).replace(day=1) - timedelta(days=1)
    half_end = (start + timedelta(days=6 * 31)).replace(day=1) - timedelta(days=1)
    assert length(start, year_end) == "FY"
    assert length(start, quarter_end) == "Q"
    assert length(start, half_end) is None
    assert length(start, date(year_end.year + years, year_end.month, 1)) is None


@given(st.lists(st.tuples(DAYS, st.integers(1, 400), st.sampled_from(["10-K", "10-Q", "20-F/A", "8-K"])), max_size=12))
def test_a_balance_and_a_flow_of_the_same_end_agree_on_years(made: list[tuple[date, int, str]]) -> None:
    spans = [(start, start + timedelta(days=days), form) for start, days, form in made]
    known = calendar(spans)
    for start, end, _ in spans:
        if known.of_flow(start, end) == "FY":
            assert known.of_balance(end) == "FY"
        if known.of_balance(end) == "Q":
            assert end not in known.years


@pytest.mark.parametrize("form", ["10-K", "10-K/A", "10-KT", "20-F", "40-F/A"])
def test_a_year_is_what_an_annual_report_says(form: str) -> None:
    known = calendar([(date(2023, 2, 1), date(2024, 1, 31), form)])
    assert known.of_flow(date(2023, 2, 1), date(2024, 1, 31)) == "FY"
    assert known.of_balance(date(2024, 1, 31)) == "FY"


def test_twelve_months_to_a_quarter_are_no_year() -> None:
    known = calendar(
        [
            (date(2023, 1, 1), date(2023, 12, 31), "10-K"),
            (date(2023, 7, 1), date(2024, 6, 30), "10-Q"),
            (date(2024, 4, 1), date(2024, 6, 30), "10-Q"),
        ]
    )
    assert known.of_flow(date(2023, 7, 1), date(2024, 6, 30)) is None
    assert known.of_balance(date(2024, 6, 30)) == "Q"
    assert known.of_balance(date(2024, 3, 26)) is None
