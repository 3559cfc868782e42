"""Which statement was the latest known, and which one came a year before."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.factors.statements import dates, item, latest_known, take, year_before

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
    assert year_before(none).size == 0


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
