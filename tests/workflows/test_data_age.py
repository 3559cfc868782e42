"""What is said of old inputs, and what their age is counted from."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from vfr.factors.board import InputStatus
from vfr.workflows.data_age import age_warnings, ages, described

NOW = datetime(2024, 7, 8, 12, tzinfo=UTC)  # a Monday morning; the last completed session is Friday 5 July


def inputs(**newest: str | None) -> dict[str, InputStatus]:
    return {kind: InputStatus(day is not None, "src", day) for kind, day in newest.items()}


def warned(**newest: str | None) -> list[str]:
    return age_warnings(ages(inputs(**newest), NOW))


@pytest.mark.parametrize(
    ("kind", "day", "sentence"),
    [
        ("prices", "2024-07-02", "prices end on 2024-07-02, 2 sessions ago"),
        ("fundamentals", "2024-03-09", "statements end on 2024-03-09, 121 days ago"),
        ("macro", "2024-06-30", "macro figures end on 2024-06-30, 8 days ago"),
        ("texts", "2020-07-08", "texts end on 2020-07-08, 1,461 days ago"),
        ("membership", "2024-06-02", "index membership was last told on 2024-06-02, 36 days ago"),
        ("insiders", "2024-06-07", "insiders' trades end on 2024-06-07, 31 days ago"),
        ("ratings", "2024-05-23", "analysts' ratings end on 2024-05-23, 46 days ago"),
    ],
)
def test_an_old_input_is_named_in_plain_words(kind: str, day: str, sentence: str) -> None:
    assert warned(**{kind: day}) == [sentence]


def test_volume_and_the_benchmark_are_not_named_beside_prices() -> None:
    assert warned(prices="2024-06-03", volume="2024-06-03", benchmark="2024-06-03") == [
        "prices end on 2024-06-03, 22 sessions ago"
    ]


def test_what_is_fresh_or_missing_is_not_named() -> None:
    assert warned(prices="2024-07-05", macro="2024-07-01", texts=None, membership="2024-06-03") == []


def test_an_age_is_told_in_its_unit() -> None:
    found = described(ages(inputs(prices="2024-07-03", macro=None), NOW))
    assert found["prices"] == {"newest": "2024-07-03", "age": 1, "unit": "sessions", "limit": 1, "fresh": True}
    assert found["macro"] == {"newest": None, "age": None, "unit": "days", "limit": 7, "fresh": False}
