"""The analysts' consensus and its change by hand, and why they are missing."""

from __future__ import annotations

import numpy as np
import pytest

from vfr.data.people import Ratings
from vfr.factors import analysts
from vfr.factors.scores import Reason

LEVEL, CHANGE = "sentiment.analyst.consensus", "sentiment.analyst.revision"
LAST = np.array([259])
"""Of 260 sessions from 2014-01-01: 2014-12-30; 91 days before is 2014-09-30."""
BUY, HOLD, SELL = (0, 4, 0, 0, 0), (0, 0, 4, 0, 0), (0, 0, 0, 4, 0)
OLD, NEW = "2014-09-01", "2014-12-01"


def counted(*lines: tuple) -> Ratings:
    """Return counts from rows (column, day, five counts), known the day after."""
    rows = sorted(lines, key=lambda line: line[1])
    date = np.array([row[1] for row in rows], dtype="datetime64[D]")
    counts = np.array([row[2] for row in rows], dtype=np.float64).reshape(len(rows), 5)
    column = np.array([row[0] for row in rows], dtype=np.int64)
    return Ratings(column, date, date + 1, counts, np.full(len(rows), np.nan))


def at(market, *lines: tuple, rows=LAST):
    found = analysts.measure(market(n_sessions=260, ratings=counted(*lines)), rows)
    return found[LEVEL], found[CHANGE]


def all_six(counts: tuple, day: str) -> list[tuple]:
    return [(c, day, counts) for c in range(6)]


def reasons(measured, row: int = 0) -> list[str]:
    return [Reason(int(code)).name for code in measured.reason[row]]


def test_the_level_is_the_mean_of_the_counts_and_is_ranked(market):
    given = [(9, 0, 0, 0, 0), (2, 2, 0, 0, 0), BUY, (1, 1, 1, 1, 1), (0, 0, 0, 1, 3), (0, 0, 0, 0, 3)]
    level, change = at(market, *[(c, NEW, counts) for c, counts in enumerate(given)])
    assert level.value[0].tolist() == [5.0, 4.5, 4.0, 3.0, 1.25, 1.0]
    np.testing.assert_allclose(level.score[0], 100 * (np.arange(6, 0, -1) - 0.5) / 6)
    assert (level.as_of == np.datetime64(NEW)).all()
    assert reasons(change) == ["NO_HISTORY"] * 6


def test_the_change_is_that_of_a_quarter(market):
    new = [(0, NEW, BUY), (1, NEW, HOLD), (2, NEW, SELL), (3, NEW, HOLD), (4, NEW, HOLD), (5, NEW, (0, 5, 5, 0, 0))]
    _, change = at(market, *all_six(HOLD, OLD), *new)
    assert change.value[0].tolist() == [1.0, 0.0, -1.0, 0.0, 0.0, 0.5]
    np.testing.assert_allclose(change.score[0], 100 * np.array([5.5, 2.5, 0.5, 2.5, 2.5, 4.5]) / 6)


def test_the_quarter_is_91_days_and_counts_are_known_the_day_after(market):
    begin = [*all_six(HOLD, OLD), *all_six(BUY, NEW)]
    _, known = at(market, *begin, (0, "2014-09-29", SELL))
    _, unknown = at(market, *begin, (0, "2014-09-30", SELL))
    assert (known.value[0, 0], unknown.value[0, 0]) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("lines", "level", "change"),
    [
        ([], "NOT_COVERED", "NOT_COVERED"),
        ([(0, NEW, BUY)], "PRESENT", "NO_HISTORY"),
        ([(0, OLD, BUY)], "STALE", "STALE"),
        ([(0, "2014-09-21", BUY), (0, "2014-06-01", BUY)], "PRESENT", "NO_HISTORY"),
        ([(0, "2014-06-20", BUY), (0, NEW, BUY)], "PRESENT", "NO_HISTORY"),
        ([(0, OLD, BUY), (0, NEW, (1, 0, 1, 0, 0))], "UNUSABLE", "UNUSABLE"),
        ([(0, OLD, (1, 0, 1, 0, 0)), (0, NEW, BUY)], "PRESENT", "NO_HISTORY"),
        ([(0, OLD, BUY), (0, NEW, (1, 4, np.nan, 0, 0))], "UNUSABLE", "UNUSABLE"),
        ([(0, OLD, BUY), (0, NEW, (0, 0, 0, 0, 0))], "UNUSABLE", "UNUSABLE"),
    ],
    ids=["none", "new", "old", "none-since", "old-then", "few", "few-then", "a-count-unknown", "nobody"],
)
def test_why_it_is_missing(market, lines, level, change):
    others = [(c, day, BUY) for c in range(1, 6) for day in (OLD, NEW)]
    found = at(market, *others, *lines)
    assert [reasons(measured)[0] for measured in found] == [level, change]
    assert reasons(found[0])[1:] == reasons(found[1])[1:] == ["PRESENT"] * 5
    for measured in found:
        known = measured.reason == Reason.PRESENT
        assert (np.isfinite(measured.value) == known).all()
        assert (np.isnat(measured.as_of) == ~known).all()


def test_before_the_first_counts_there_is_no_input(market):
    level, change = at(market, *all_six(BUY, NEW), rows=np.array([100, 259]))
    assert reasons(level, 0) == reasons(change, 0) == ["NO_INPUT"] * 6
    assert reasons(level, 1) == ["PRESENT"] * 6
    assert reasons(at(market)[0]) == ["NO_INPUT"] * 6


def test_too_few_companies_are_not_compared(market):
    level, _ = at(market, *[(c, NEW, BUY) for c in range(4)])
    assert reasons(level) == ["SMALL_PEER_GROUP"] * 4 + ["NOT_COVERED"] * 2


def test_without_the_record_they_take_no_part(market):
    assert analysts.measure(market(), np.array([9])) == {}
