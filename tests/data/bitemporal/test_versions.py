from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.examples import examples

from vfr.data.bitemporal.tables import ALWAYS, TABLES, conform, empty
from vfr.data.bitemporal.versions import amendments, as_of, merged, withdrawals
from vfr.errors import ImportRejected

CLOSE = datetime(2020, 1, 2, 21, tzinfo=UTC)
NOW = datetime(2020, 3, 2, tzinfo=UTC)


def frame(kind, *lines):
    return pl.DataFrame(list(lines), schema=dict(TABLES[kind].columns), orient="row")


def bar(day: int, close: float, *, source: str = "one"):
    figures = (close, close, close, close, 100.0)
    return ("ACME", date(2020, 1, day), *figures, "USD", source, CLOSE + timedelta(days=day - 2))


def vintage(value: float | None, days: int):
    return ("UNRATE", date(2019, 12, 1), value, "fred", CLOSE + timedelta(days=days))


def test_a_fact_seen_first_keeps_its_own_time_and_a_repeat_is_left_out() -> None:
    answer = frame("bars", bar(2, 10.0), bar(3, 11.0))
    first = amendments("bars", empty("bars"), answer, NOW)
    assert first.equals(merged("bars", answer))
    assert amendments("bars", first, answer, NOW).height == 0


def test_a_vendors_rounding_is_no_correction() -> None:
    stored = frame("bars", bar(2, 10.0))
    assert amendments("bars", stored, frame("bars", bar(2, 10.00001)), NOW).height == 0
    assert amendments("bars", stored, frame("bars", bar(2, 10.001)), NOW).height == 1


def test_a_correction_is_known_from_the_moment_it_was_seen() -> None:
    stored = frame("bars", bar(2, 10.0))
    added = amendments("bars", stored, frame("bars", bar(2, 12.0)), NOW)
    assert added["known_at"].to_list() == [NOW]
    both = merged("bars", stored, added)
    assert as_of("bars", both, NOW - timedelta(seconds=1))["close"].to_list() == [10.0]
    assert as_of("bars", both, NOW)["close"].to_list() == [12.0]
    assert amendments("bars", both, frame("bars", bar(2, 12.0)), NOW + timedelta(days=1)).height == 0


def test_sources_do_not_correct_each_other() -> None:
    added = amendments("bars", frame("bars", bar(2, 10.0)), frame("bars", bar(2, 12.0, source="two")), NOW)
    assert added["known_at"].to_list() == [CLOSE]


def test_vintages_keep_their_dates_and_repeats_of_the_one_in_force_vanish() -> None:
    stored = amendments(
        "macro", empty("macro"), frame("macro", vintage(3.5, 0), vintage(3.5, 9), vintage(3.6, 20)), NOW
    )
    assert stored["value"].to_list() == [3.5, 3.6]
    # An answer clipped to a window repeats what was in force at its start.
    assert amendments("macro", stored, frame("macro", vintage(3.5, 12), vintage(3.6, 30)), NOW).height == 0
    assert amendments("macro", stored, frame("macro", vintage(3.4, 40)), NOW)["value"].to_list() == [3.4]


def test_an_undated_change_of_a_dated_fact_is_known_now() -> None:
    stored = frame("macro", vintage(3.5, 0))
    added = amendments("macro", stored, frame("macro", vintage(3.7, 0)), NOW)
    assert added.select("value", "known_at").rows() == [(3.7, NOW)]
    both = merged("macro", stored, added)
    assert amendments("macro", both, frame("macro", vintage(3.7, 0)), NOW + timedelta(days=1)).height == 0


def test_names_count_as_known_always_until_they_change() -> None:
    stored = amendments("profile", empty("profile"), frame("profile", ("ACME", "name", "Acme", "one", NOW)), NOW)
    assert stored["known_at"].to_list() == [ALWAYS]
    later = NOW + timedelta(days=30)
    added = amendments("profile", stored, frame("profile", ("ACME", "name", "Acme II", "one", later)), later)
    assert added.select("text", "known_at").rows() == [("Acme II", later)]


def test_a_withdrawn_action_is_null_from_now_on() -> None:
    split = ("ACME", date(2020, 1, 3), "split", 2.0, "one", CLOSE)
    dividend = ("ACME", date(2020, 1, 6), "dividend", 0.5, "one", CLOSE)
    stored = frame("actions", split, dividend)
    gone = withdrawals("actions", stored, frame("actions", dividend), NOW)
    assert gone.select("action", "value", "known_at").rows() == [("split", None, NOW)]
    both = merged("actions", stored, gone)
    assert withdrawals("actions", both, frame("actions", dividend), NOW + timedelta(days=1)).height == 0
    # Told again, it is back.
    assert amendments("actions", both, frame("actions", split), NOW + timedelta(days=2))["value"].to_list() == [2.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop("close"), "close is missing"),
        (lambda f: f.with_columns(close=pl.lit("ten")), "bars: "),
        (lambda f: f.with_columns(symbol=pl.lit(None, dtype=pl.String)), "symbol holds an empty key"),
        (lambda f: f.with_columns(known_at=pl.lit(None)), "known_at holds an empty key"),
    ],
)
def test_refuses_rows_of_another_shape(change, message: str) -> None:
    with pytest.raises(ImportRejected, match=message):
        conform("bars", change(frame("bars", bar(2, 10.0))))


closes = st.lists(st.tuples(st.integers(2, 9), st.floats(1, 99)), min_size=1, max_size=8, unique_by=lambda one: one[0])


@examples(60)
@given(answers=st.lists(closes, min_size=1, max_size=5))
def test_later_answers_never_change_the_past(answers) -> None:
    """Known prices of any moment before an answer stay; telling an answer twice adds nothing."""
    stored, views = empty("bars"), []
    for n, answer in enumerate(answers):
        now = NOW + timedelta(days=n)
        told = frame("bars", *(bar(day, close) for day, close in answer))
        stored = merged("bars", stored, amendments("bars", stored, told, now))
        assert amendments("bars", stored, told, now + timedelta(hours=1)).height == 0
        views.append((now, as_of("bars", stored, now)))
        assert as_of("bars", stored, now).join(told, on=["symbol", "date"], how="semi").height == told.height
    for now, then in views:
        again = as_of("bars", stored, now)
        # A session first told later was public all along; what was known then is unchanged.
        kept = again.join(then, on=["symbol", "date"], how="semi")
        assert kept.equals(then)
