"""Filings to whole versions: by hand, and against the plain words of the rule."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vfr.data.records import Fundamentals
from vfr.data.restate import restate

Filing = tuple[int, int, int, float, float]


def made(filings: list[Filing]) -> Fundamentals:
    column, period, known = (np.array([f[i] for f in filings], dtype=np.int64) for i in range(3))
    day = np.datetime64("2014-12-31")
    values = {name: np.array([f[i] for f in filings], dtype=np.float64) for i, name in ((3, "x"), (4, "y"))}
    return restate(column, day + 365 * period, day + known, values)


def plain(known: Fundamentals) -> list[tuple[object, ...]]:
    days = (known.known_at - np.datetime64("2014-12-31")).astype(int).tolist()
    periods = ((known.period_end - np.datetime64("2014-12-31")).astype(int) // 365).tolist()
    figures = [[None if np.isnan(v) else v for v in known.values[name].tolist()] for name in ("x", "y")]
    return list(zip(known.column.tolist(), periods, days, *figures, strict=True))


def test_what_a_filing_leaves_out_stays_and_what_changes_nothing_is_dropped() -> None:
    nan = np.nan
    known = made([(0, 0, 300, nan, 9.0), (0, 0, 50, 1.0, nan), (0, 0, 60, 1.0, nan), (1, 0, 55, nan, nan)])
    assert plain(known) == [(0, 0, 50, 1.0, None), (1, 0, 55, None, None), (0, 0, 300, 1.0, 9.0)]


def test_two_filings_of_a_day_are_one_version_and_contradictions_are_not_believed() -> None:
    nan = np.nan
    known = made([(0, 0, 50, 1.0, 2.0), (0, 0, 70, 3.0, nan), (0, 0, 70, 4.0, 5.0), (1, 0, 70, 6.0, 6.0)])
    assert plain(known) == [(0, 0, 50, 1.0, 2.0), (0, 0, 70, 1.0, 5.0), (1, 0, 70, 6.0, 6.0)]


def test_nothing_filed() -> None:
    assert made([]).column.size == 0


figure = st.sampled_from([np.nan, 1.0, 2.0, 3.0])
filing = st.tuples(st.integers(0, 2), st.integers(-1, 1), st.integers(0, 6), figure, figure)


@given(st.lists(filing, max_size=25), st.randoms())
def test_versions_are_what_was_last_said_of_each_item(filings: list[Filing], random: object) -> None:
    expected = []
    for column, period in sorted({(f[0], f[1]) for f in filings}):
        figures: list[float | None] = [None, None]
        for number, day in enumerate(sorted({f[2] for f in filings if f[:2] == (column, period)})):
            before = list(figures)
            for i in (3, 4):
                said = {f[i] for f in filings if f[:3] == (column, period, day) and not np.isnan(f[i])}
                if len(said) == 1:
                    figures[i - 3] = said.pop()
            if number == 0 or figures != before:
                expected.append((day, column, period, *figures))
    known = made(filings)
    assert plain(known) == [(c, p, d, x, y) for d, c, p, x, y in sorted(expected, key=lambda row: row[:3])]
    mixed = list(filings)
    random.shuffle(mixed)
    assert plain(made(mixed)) == plain(known)
