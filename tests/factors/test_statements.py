"""Which statement was the latest known, and which one came a year before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.data.records import Fundamentals
from vfr.factors.statements import (
    dates,
    first_known,
    item,
    last_filing,
    latest_known,
    newest_period,
    take,
    take_rows,
    year_before,
)

DAYS = np.array(["2014-03-31", "2014-03-30", "2016-01-01", "2012-01-01"], dtype="datetime64[D]")


def test_the_latest_known_statement_of_each_symbol_in_any_order_of_days(statements):
    known = statements(
        (1, "2012-12-31", "2013-03-31", {"x": 1.0}),
        (0, "2013-12-31", "2014-03-31", {"x": 2.0}),
        (1, "2013-12-31", "2014-03-31", {"x": 3.0}),
        (1, "2011-12-31", "2014-04-30", {"x": 4.0}),  # late: never the latest
    )
    rows = latest_known(known, DAYS, 3)
    expected = [[2.0, 3.0, np.nan], [np.nan, 1.0, np.nan], [2.0, 3.0, np.nan], [np.nan] * 3]
    np.testing.assert_array_equal(take(item(known, "x"), rows), expected)
    assert str(dates(known.known_at, rows)[1, 1]) == "2013-03-31"
    assert np.isnat(dates(known.known_at, rows)[:, 2]).all()


def test_only_usable_statements_are_chosen(statements):
    known = statements((0, "2012-12-31", "2013-03-31", {"x": 1.0}), (0, "2013-12-31", "2014-03-31", {"x": 2.0}))
    rows = latest_known(known, DAYS[:1], 1, usable=np.array([True, False]))
    np.testing.assert_array_equal(rows, [[0]])


def test_no_statement_at_all(statements):
    none = statements()
    rows = latest_known(none, DAYS, 2)
    assert (rows == -1).all()
    assert np.isnan(take(item(none, "x"), rows)).all()
    assert (last_filing(none, DAYS, 2) == -1).all()
    assert year_before(none).size == newest_period(none).size == first_known(none).size == 0


@pytest.mark.parametrize(
    ("period", "known", "found"),
    [
        ("2012-12-29", "2013-03-29", True),  # a 52-week year
        ("2012-09-30", "2013-03-29", False),  # five quarters
        ("2013-09-30", "2013-10-29", False),  # the quarter before
        ("2012-12-31", "2014-04-29", False),  # published after the later one
    ],
)
def test_a_year_before(statements, period, known, found):
    both = statements((0, period, known, {"x": 1.0}), (0, "2013-12-31", "2014-03-31", {"x": 2.0}))
    later = int(np.argmax(both.period_end))
    assert (year_before(both)[later] >= 0) == found
    other = statements((1, period, known, {"x": 1.0}), (0, "2013-12-31", "2014-03-31", {"x": 2.0}))
    assert (year_before(other) == -1).all()


def test_the_nearest_year_wins(statements):
    known = statements(
        (0, "2012-11-30", "2013-02-28", {"x": 1.0}),
        (0, "2012-12-31", "2013-03-31", {"x": 2.0}),
        (0, "2013-12-31", "2014-03-31", {"x": 3.0}),
    )
    assert year_before(known).tolist() == [-1, -1, 1]


def test_a_restatement_replaces_its_own_period_from_its_day_on(statements):
    known = statements(
        (0, "2012-12-31", "2013-03-31", {"x": 1.0}),
        (0, "2012-12-31", "2013-08-01", {"x": 1.5}),
        (0, "2013-12-31", "2014-03-31", {"x": 2.0}),
        (0, "2012-12-31", "2014-05-01", {"x": 1.7}),  # the older year, when a newer one is out
        (0, "2013-12-31", "2014-09-01", {"x": 2.5}),
    )
    days = np.array(
        ["2013-07-31", "2013-08-01", "2014-03-31", "2014-05-01", "2014-09-01", "2013-01-01"], dtype="datetime64[D]"
    )
    rows = latest_known(known, days, 1)
    np.testing.assert_array_equal(take(item(known, "x"), rows)[:, 0], [1.0, 1.5, 2.0, 2.0, 2.5, np.nan])
    before = take_rows(year_before(known), last_filing(known, days, 1))
    np.testing.assert_array_equal(take(item(known, "x"), before)[:, 0], [np.nan, np.nan, 1.5, 1.7, 1.7, np.nan])
    assert first_known(known).astype(str).tolist() == ["2013-03-31"] * 2 + ["2014-03-31", "2013-03-31", "2014-03-31"]


def test_a_year_published_late_is_compared_with_from_its_own_day_on(statements):
    known = statements((0, "2013-12-31", "2014-03-31", {"x": 2.0}), (0, "2012-12-31", "2014-05-01", {"x": 1.0}))
    assert year_before(known).tolist() == [-1, 1]
    assert newest_period(known).tolist() == [0, 0]


def test_an_older_usable_statement_published_late_counts(statements):
    known = statements((0, "2013-12-31", "2014-01-31", {"x": 1.0}), (0, "2012-12-31", "2014-02-28", {"x": 2.0}))
    np.testing.assert_array_equal(latest_known(known, DAYS[:1], 1, usable=np.array([False, True])), [[1]])


filing = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(-12, 12), st.integers(0, 900), st.booleans())


@given(st.lists(filing, max_size=30))
def test_what_is_in_force_is_what_a_reader_of_that_evening_finds(filings):
    filings = sorted(filings, key=lambda f: f[3])
    start = np.datetime64("2010-01-01")
    known = Fundamentals(
        np.array([f[0] for f in filings], dtype=np.int64),
        np.array([start + 365 * f[1] + f[2] for f in filings], dtype="datetime64[D]"),
        np.array([start + f[3] for f in filings], dtype="datetime64[D]"),
        {},
    )
    usable = np.array([f[4] for f in filings], dtype=np.bool_)
    days = start + np.array([900, 0, 450, 300, 600])
    latest, chosen = latest_known(known, days, 3), latest_known(known, days, 3, usable=usable)
    before = take_rows(year_before(known), last_filing(known, days, 3))
    for (i, day), column in ((pair, c) for pair in enumerate(days) for c in range(3)):
        versions, good = {}, {}
        for row in np.flatnonzero((known.column == column) & (known.known_at <= day)).tolist():
            versions[known.period_end[row]] = row
            if usable[row]:
                good[known.period_end[row]] = row
        assert latest[i, column] == (versions[max(versions)] if versions else -1)
        assert chosen[i, column] == (good[max(good)] if good else -1)
        gaps = {p: abs(int((max(versions) - p).astype(int)) - 365) for p in versions}
        near = [p for p, gap in gaps.items() if gap == min(gaps.values()) and gap <= 45]
        assert before[i, column] == (versions[max(near)] if near else -1)
