from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from tests.data.bitemporal.conftest import rows

from vfr.data.bitemporal.members import members
from vfr.data.bitemporal.versions import as_of, merged
from vfr.data.records import Membership
from vfr.data.universe import Listings

DAYS = np.arange("2024-01-01", "2024-02-10", dtype="datetime64[D]")
NAMES = ("AAA", "BBB", "CCC")
LISTINGS = Listings(
    DAYS, {name: column for column, name in enumerate(NAMES)}, np.zeros(3, np.int64), np.full(3, DAYS.size - 1)
)
NOW = datetime(2024, 3, 1, tzinfo=UTC)
START, NEXT = date(2024, 1, 5), date(2024, 1, 6)


def line(symbol: str, start: date, end: date | None = None, source: str = "one", known: date | None = None, index="I"):
    when = known or start
    return (index, symbol, start, end, source, datetime(when.year, when.month, when.day, tzinfo=UTC))


def seen(*lines: tuple, sources=("one", "two")) -> Membership | None:
    table = merged("membership", rows("membership", *lines))
    return members(as_of("membership", table, NOW), LISTINGS, sources)


def last(made: Membership | None) -> tuple[int, list[bool]]:
    assert made is not None
    return int(made.index_size[-1]), made.member[-1].tolist()


def test_a_corrected_start_leaves_one_member() -> None:
    withdrawn = line("AAA", START, START, known=date(2024, 2, 1))
    for told in ([line("AAA", START), line("AAA", NEXT)], [line("AAA", START), withdrawn, line("AAA", NEXT)]):
        assert last(seen(*told)) == (1, [True, False, False])
    first = seen(line("AAA", START), withdrawn, line("AAA", NEXT))
    assert str(DAYS[np.argmax(first.member[:, 0])]) == "2024-01-06"


def test_an_end_that_comes_with_a_corrected_start_is_an_end() -> None:
    withdrawn = line("AAA", START, START, known=date(2024, 2, 1))
    made = seen(line("AAA", START), withdrawn, line("AAA", NEXT, date(2024, 2, 1)), line("BBB", START))
    assert last(made) == (1, [False, True, False])
    assert made.index_size.max() == 2


def test_a_dropped_name_is_out() -> None:
    dropped = line("BBB", START, START, known=date(2024, 2, 1))
    assert last(seen(line("AAA", START), line("BBB", START), dropped)) == (1, [True, False, False])
    assert seen(line("BBB", START), dropped) is None


def test_two_sources_a_day_apart_are_one() -> None:
    told = [line(name, START) for name in NAMES[:2]] + [line(name, NEXT, source="two") for name in NAMES]
    assert last(seen(*told)) == (2, [True, True, False])
    assert last(seen(*told, sources=("two", "one"))) == (3, [True, True, True])


def test_a_source_whose_every_interval_was_withdrawn_does_not_speak() -> None:
    withdrawn = line("AAA", START, START, known=date(2024, 2, 1))
    assert last(seen(line("AAA", START), withdrawn, line("BBB", START, source="two"))) == (1, [False, True, False])


@pytest.mark.parametrize(
    ("again", "away"), [(date(2024, 1, 12), 2), (date(2024, 1, 10), 0), (date(2024, 1, 7), 0), (START, 0)]
)
def test_a_name_that_left_and_came_back_was_away(again: date, away: int) -> None:
    made = seen(line("AAA", START, date(2024, 1, 10)), line("AAA", again, date(2024, 1, 20)))
    inside = (np.datetime64("2024-01-05") <= DAYS) & (np.datetime64("2024-01-20") > DAYS)
    if again != START:
        assert (~made.member[inside, 0]).sum() == away
    assert not made.member[~inside, 0].any()
    assert made.index_size.tolist() == made.member.sum(axis=1).tolist()


def test_a_short_interval_inside_a_long_one_does_not_end_it() -> None:
    told = line("AAA", START), line("AAA", NEXT, date(2024, 1, 8)), line("AAA", date(2024, 1, 15), date(2024, 1, 16))
    made = seen(*told)
    assert last(made) == (1, [True, False, False])
    assert made.index_size.max() == 1


def test_one_index_is_taken() -> None:
    assert seen(line("AAA", START, index="J"), line("BBB", START, index="I")).index == "I"
    assert seen(sources=()) is None
