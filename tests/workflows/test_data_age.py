"""What is said of old inputs, and what their age is counted from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

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
        ("membership", "2024-06-02", "index membership was last known to change on 2024-06-02, 36 days ago"),
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


def test_membership_counts_from_when_it_was_confirmed() -> None:
    board = inputs(prices="2024-07-05", membership="2023-12-18")
    assert ages(board, NOW)["membership"].days == 203
    found = ages(board, NOW, {"membership": NOW - timedelta(days=2), "prices": NOW - timedelta(days=99)})
    assert (found["membership"].days, found["membership"].fresh) == (2, True)
    assert found["prices"].days == 0
    assert age_warnings(found) == []
    late = ages(board, NOW, {"membership": datetime(2024, 6, 2, 1, tzinfo=UTC)})
    assert age_warnings(late) == ["index membership was last confirmed on 2024-06-01, 36 days ago"]
    assert described(late)["membership"] == {
        "newest": "2024-06-01", "age": 36, "unit": "days", "limit": 35, "fresh": False,
    }  # fmt: skip


def test_nobody_confirms_a_membership_that_is_not_there() -> None:
    found = ages(inputs(membership=None), NOW, {"membership": NOW})
    assert (found["membership"].newest, found["membership"].fresh) == (None, False)


def test_actions_and_profiles_have_an_age_where_a_source_confirms_them() -> None:
    board = inputs(prices="2024-07-05")
    assert set(ages(board, NOW)) == {"prices"}
    moments = {"actions": NOW - timedelta(days=36), "profile": NOW - timedelta(days=120)}
    found = ages(board, NOW, moments)
    assert set(found) == {"prices", "actions", "profile"}
    assert (found["actions"].fresh, found["profile"].fresh) == (False, True)
    assert age_warnings(found) == ["splits and dividends were last confirmed on 2024-06-02, 36 days ago"]


def test_an_age_is_told_in_its_unit() -> None:
    found = described(ages(inputs(prices="2024-07-03", macro=None), NOW))
    assert found["prices"] == {"newest": "2024-07-03", "age": 1, "unit": "sessions", "limit": 1, "fresh": True}
    assert found["macro"] == {"newest": None, "age": None, "unit": "days", "limit": 7, "fresh": False}
