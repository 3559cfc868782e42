from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from vfr.data.sessions import closes_utc, sessions_between
from vfr.data.trading_days import SETTLE, last_completed, new_york_day, sessions_behind, trading_days


def test_the_rules_give_the_sessions_of_the_calendar_library() -> None:
    library = sessions_between(np.datetime64("1990-01-01"), np.datetime64("2026-12-31"))
    np.testing.assert_array_equal(trading_days(date(1990, 1, 1), date(2026, 12, 31)), library)


def test_days_before_the_rules_come_from_the_library() -> None:
    library = sessions_between(np.datetime64("1968-06-01"), np.datetime64("1990-01-31"))
    np.testing.assert_array_equal(trading_days(date(1968, 6, 1), date(1990, 1, 31)), library)
    assert trading_days(date(1987, 10, 19), date(1987, 10, 19)).size == 1
    assert trading_days(date(1987, 10, 18), date(1987, 10, 18)).size == 0
    assert trading_days(date(2024, 1, 2), date(2024, 1, 1)).size == 0


def test_a_session_completes_a_quarter_of_an_hour_after_its_close() -> None:
    """Every session since 2013, early closes and summer time included, at the second and the second before."""
    days = trading_days(date(2013, 1, 2), date(2026, 12, 31))
    closes = closes_utc(days)
    before = days[0].item() - timedelta(days=2)
    for day, close in zip(days.tolist(), closes.tolist(), strict=True):
        settled = close.replace(tzinfo=UTC) + SETTLE
        assert last_completed(settled) == day
        previous = last_completed(settled - timedelta(seconds=1))
        assert previous < day
        assert before < day - timedelta(days=1) or previous == before
        before = day


def test_sessions_behind_counts_completed_sessions() -> None:
    days = trading_days(date(2019, 1, 2), date(2019, 12, 31))
    now = datetime(2020, 1, 1, 12, tzinfo=UTC)
    for place, day in enumerate(days.tolist()):
        assert sessions_behind(day, now) == days.size - 1 - place
    assert sessions_behind(date(2020, 5, 1), now) == 0
    assert sessions_behind(date(2019, 12, 29), now) == 2


def test_the_day_in_new_york_is_not_the_day_in_london() -> None:
    assert new_york_day(datetime(2024, 7, 8, 3, tzinfo=UTC)) == date(2024, 7, 7)


@pytest.mark.parametrize("module", ["vfr.data.trading_days", "vfr.data.freshness"])
def test_no_heavy_library_is_loaded(module: str) -> None:
    code = f"""
import sys
from datetime import UTC, date, datetime
import {module}
from vfr.data.trading_days import sessions_behind
sessions_behind(date(2024, 1, 2), datetime(2024, 2, 2, tzinfo=UTC))
print([m for m in ("polars", "pandas", "exchange_calendars", "scipy") if m in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert done.stdout.strip() == "[]"
