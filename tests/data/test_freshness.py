from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from vfr.data.freshness import SLA, Input, age

NOW = datetime(2024, 7, 8, 12, tzinfo=UTC)  # a Monday morning; the last completed session is Friday 5 July


@pytest.mark.parametrize(
    ("newest", "behind", "fresh"),
    [
        (date(2024, 7, 5), 0, True),
        (date(2024, 7, 3), 1, True),  # 4 July is a holiday
        (date(2024, 7, 2), 2, False),
        (date(2024, 7, 8), 0, True),
        (datetime(2024, 7, 6, 1, tzinfo=UTC), 0, True),  # still Friday in New York
    ],
)
def test_bars_are_counted_in_sessions(newest: date, behind: int, fresh: bool) -> None:
    found = age("bars", newest, NOW)
    assert (found.days, found.fresh, found.sla_days) == (behind, fresh, 1)


@pytest.mark.parametrize("kind", [k for k in SLA if k != "bars"])
def test_the_last_fresh_day_is_the_promised_one(kind: Input) -> None:
    limit = SLA[kind]
    for newest in (NOW - timedelta(days=limit), (NOW - timedelta(days=limit)).date()):
        assert age(kind, newest, NOW).days == limit
        assert age(kind, newest, NOW).fresh
        assert not age(kind, newest - timedelta(days=1), NOW).fresh


@pytest.mark.parametrize("kind", SLA)
def test_nothing_stored_is_never_fresh(kind: Input) -> None:
    found = age(kind, None, NOW)
    assert (found.newest, found.days, found.fresh) == (None, None, False)


def test_a_moment_ahead_of_now_has_no_negative_age() -> None:
    assert age("texts", NOW + timedelta(hours=5), NOW).days == 0
