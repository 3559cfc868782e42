"""Spans of membership from today's members and the changes that led to them; nothing that the two do not prove."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.adapters.live.fmp_documents import change, member

from vfr.adapters.providers.live.fmp_members import Span, read_changes, read_members, spans
from vfr.errors import BadAnswer


def told(members: list[dict[str, Any]], changes: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    found = spans(read_members(members, "fmp"), read_changes(changes, "fmp"))
    return {(span.symbol, str(span.start), str(span.end or "")) for span in found}


def test_swaps_end_one_span_and_begin_another() -> None:
    members = [member("NEW", "2019-03-18"), member("OLD-B", "1982-11-30")]
    changes = [
        change("2019-03-18", "NEW", "GONE"),
        change("2012-05-01", "GONE", "FIRST"),
        change("2010-01-04", "X", "Y"),
    ]
    assert told(members, changes) == {
        ("NEW", "2019-03-18", ""),
        ("OLD.B", "1982-11-30", ""),
        ("GONE", "2012-05-01", "2019-03-18"),
        ("FIRST", "2010-01-04", "2012-05-01"),
    }


def test_a_removal_alone_is_no_addition() -> None:
    assert told(
        [member("A", "2001-01-02")], [change("2020-06-22", left="RHI"), change("2015-01-05", joined="RHI")]
    ) == {
        ("A", "2001-01-02", ""),
        ("RHI", "2015-01-05", "2020-06-22"),
    }


def test_a_company_that_came_back_has_two_spans() -> None:
    changes = [change("2017-03-20", "AMD", "X"), change("2013-09-23", "Y", "AMD"), change("2010-01-04", "AMD", "Z")]
    assert told([member("AMD", "2017-03-20")], changes) >= {
        ("AMD", "2010-01-04", "2013-09-23"),
        ("AMD", "2017-03-20", ""),
    }


@pytest.mark.parametrize(
    ("said", "start"),
    [
        ("March 18, 2019", "2019-03-18"),
        ("March 19, 2019", "2019-03-19"),
        ("March 09, 2019", "2019-03-18"),
        ("March 15, 2019", "2019-03-18"),
        # Neither a typing error in the year nor what is no day moves it.
        ("March 18, 2091", "2019-03-18"),
        ("March 32, 2019", "2019-03-18"),
        ("Marsh 19, 2019", "2019-03-18"),
        ("", "2019-03-18"),
        (None, "2019-03-18"),
    ],
)
def test_the_later_of_the_two_days_of_a_change_counts(said: str | None, start: str) -> None:
    swapped = change("2019-03-18", "NEW", "GONE") | {"dateAdded": said}
    found = told([member("NEW", start)], [swapped, change("2012-05-01", "GONE")])
    assert found == {("NEW", start, ""), ("GONE", "2012-05-01", start)}


def test_the_last_day_there_is_does_not_end_the_reading() -> None:
    assert told([], [change("9999-12-31", "A") | {"dateAdded": "March 18, 2019"}]) == set()


@pytest.mark.parametrize("first", ["1957-03-04 (1983)", "1957", "", None])
def test_without_a_day_a_member_is_in_since_the_first_change(first: str | None) -> None:
    assert ("A", "2010-01-04", "") in told([member("A", first)], [change("2010-01-04", "B", "C")])


def test_a_contradiction_is_left_out() -> None:
    left_but_member = told([member("A", "2001-01-02")], [change("2019-03-18", "B", "A"), change("2010-01-04", "C")])
    assert {span for span in left_but_member if span[0] == "A"} == {("A", "2010-01-04", "2019-03-18")}
    assert told([member("A", "2001-01-02")], [change("2019-03-18", "B")]) == {("A", "2001-01-02", "")}


@pytest.mark.parametrize(
    ("members", "changes"),
    [
        ([{"symbol": None}], []),
        ([{"symbol": "a ticker?"}], []),
        ("Limit", []),
        ([member("A", None)], [{"date": "March 18, 2019", "symbol": "A"}]),
        ([member("A", None)], [change("2019-03-18", "B") | {"removedTicker": 7}]),
        ([member("A", None)], [change("2019-03-18", "B") | {"dateAdded": 7}]),
    ],
)
def test_another_shape_is_refused(members: Any, changes: Any) -> None:
    with pytest.raises(BadAnswer, match="fmp"):
        told(members, changes)


DAYS = st.dates(date(2000, 1, 1), date(2024, 1, 1))
CHANGES = st.lists(st.tuples(DAYS, st.sampled_from("ABCD"), st.booleans()), max_size=15)


@given(st.sets(st.sampled_from("ABCD")), CHANGES)
def test_spans_of_a_company_never_overlap_and_only_members_are_in(members: set[str], made: list[Any]) -> None:
    rows = [change(str(day), joined=s) if joined else change(str(day), left=s) for day, s, joined in made]
    found = spans(read_members([member(s, "1999-01-04") for s in members], "fmp"), read_changes(rows, "fmp"))
    for symbol in "ABCD":
        own = sorted((span for span in found if span.symbol == symbol), key=lambda span: span.start)
        assert all(span.end is not None for span in own[:-1])
        assert all(a.end <= b.start for a, b in pairwise(own) if a.end is not None)
        assert all(span.end is None or span.start < span.end for span in own)
    assert {span.symbol for span in found if span.end is None} <= members
    assert all(isinstance(span, Span) for span in found)
