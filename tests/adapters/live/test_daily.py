"""Which day a moment belongs to, and which bars are finished."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.live.yahoo_documents import at

from vfr.adapters.providers.live.daily import Action, actions_batch, bars_batch, session_days
from vfr.data.provider import Offer, Order
from vfr.errors import BadAnswer

WEEKDAYS = st.dates(date(1990, 1, 1), date(2030, 12, 31)).filter(lambda day: day.weekday() < 5)


def order(now: datetime, since: date = date(2024, 1, 1)) -> Order:
    return Order(Offer(("bars", "actions"), "symbol"), "QXZ", since, now)


def columns(*closes: float | None) -> dict[str, list[float | None]]:
    return {name: list(closes) for name in ("open", "high", "low", "close", "volume")}


@given(WEEKDAYS, st.integers(0, 16 * 60 + 59))
def test_a_time_of_a_trading_day_belongs_to_that_day_whatever_the_season(day: date, minute: int) -> None:
    assert session_days([at(day, minute // 60, minute % 60)], "x").tolist() == [day]


@given(WEEKDAYS, st.integers(17 * 60, 24 * 60 - 1))
def test_an_evening_is_no_session(day: date, minute: int) -> None:
    with pytest.raises(BadAnswer, match=r"America/New_York; its times are in another time zone"):
        session_days([at(day, minute // 60, minute % 60)], "x")


def test_a_weekend_is_no_session() -> None:
    with pytest.raises(BadAnswer, match=r"yahoo, QXZ: nothing trades on Saturday 2024-06-08 09:30"):
        session_days([at(date(2024, 6, 7)), at(date(2024, 6, 8))], "yahoo, QXZ")


def test_midnight_utc_is_the_evening_before_in_new_york_and_no_session() -> None:
    with pytest.raises(BadAnswer, match="2024-06-04 20:00"):
        session_days([int(datetime(2024, 6, 5, tzinfo=UTC).timestamp())], "x")


@pytest.mark.parametrize(
    ("day", "close"),
    [
        (date(2024, 3, 8), datetime(2024, 3, 8, 21, tzinfo=UTC)),  # the last session of winter time
        (date(2024, 3, 11), datetime(2024, 3, 11, 20, tzinfo=UTC)),
        (date(2024, 7, 3), datetime(2024, 7, 3, 17, tzinfo=UTC)),  # early close
        (date(2024, 11, 29), datetime(2024, 11, 29, 18, tzinfo=UTC)),  # early close in winter
    ],
)
def test_a_bar_is_known_from_its_close_and_finished_a_quarter_of_an_hour_later(day: date, close: datetime) -> None:
    settled = close + timedelta(minutes=15)
    days = np.array([day], dtype="datetime64[D]")
    batch = bars_batch(order(settled), "x", "USD", days, columns(5.0))
    assert batch.frame["known_at"].to_list() == [close]
    assert not bars_batch(order(settled - timedelta(seconds=1)), "x", "USD", days, columns(5.0)).frame.height


def test_bars_before_the_first_day_wanted_and_bars_without_a_close_are_left_out() -> None:
    days = np.array(["2023-12-29", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    batch = bars_batch(order(datetime(2024, 2, 1, tzinfo=UTC)), "x", "USD", days, columns(1.0, None, 3.0))
    assert batch.frame.select("symbol", "date", "close", "currency", "source").rows() == [
        ("QXZ", date(2024, 1, 3), 3.0, "USD", "x")
    ]
    assert batch.since == date(2024, 1, 1)


@pytest.mark.parametrize("days", [["2024-01-03", "2024-01-03"], ["2024-01-03", "2024-01-02"]])
def test_days_that_repeat_or_go_back_are_refused(days: list[str]) -> None:
    with pytest.raises(BadAnswer, match="time zone"):
        bars_batch(
            order(datetime(2024, 2, 1, tzinfo=UTC)),
            "x",
            "USD",
            np.array(days, dtype="datetime64[D]"),
            columns(1.0, 2.0),
        )


def test_a_bar_of_tomorrow_is_refused() -> None:
    # 02:00 UTC is still the evening of the 8th in New York.
    now = datetime(2024, 1, 9, 2, tzinfo=UTC)
    with pytest.raises(BadAnswer, match="2024-01-09, which has not begun"):
        bars_batch(order(now), "x", "USD", np.array(["2024-01-09"], dtype="datetime64[D]"), columns(1.0))


def test_actions_are_known_from_the_start_of_their_day_and_only_those_asked_for() -> None:
    told = [Action(date(2024, 1, day), "dividend", 0.5) for day in (3, 9)] + [Action(date(2023, 6, 1), "split", 2.0)]
    frame = actions_batch(order(datetime(2024, 1, 9, 2, tzinfo=UTC)), "x", told).frame
    assert frame.select("date", "action", "value", "known_at").rows() == [
        (date(2024, 1, 3), "dividend", 0.5, datetime(2024, 1, 3, tzinfo=UTC))
    ]
