from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import polars as pl
from tests.data.batch_builders import bars, change, scale

from vfr.data.bitemporal.tables import TABLES, empty
from vfr.data.compare import compare_actions, compare_sources


def other(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame.with_columns(source=pl.lit(name))


def test_sources_that_agree_have_nothing_to_say() -> None:
    assert compare_sources(empty("bars")) == []
    assert compare_sources(bars()) == []
    assert compare_sources(pl.concat([bars(), other(scale(bars(), 1.0049, slice(None)), "tiingo")])) == []


def test_a_disagreement_is_counted_and_shown() -> None:
    first = change(change(bars(), 0, close=180.75), 10, close=20.0)
    second = other(change(change(bars().head(50), 0, close=179.66), 10, close=21.0), "tiingo")
    (said,) = compare_sources(pl.concat([first, second]))
    assert (said.check, said.severity, said.count) == ("sources_disagree", "warning", 2)
    assert said.examples == ("ZZZ 2024-03-01 tiingo 179.66 yahoo 180.75", "ZZZ 2024-03-15 tiingo 21 yahoo 20")
    assert said.message == (
        "tiingo and yahoo disagree by over 0.5% on 2 of 50 common closes (4.0%); each keeps its own."
    )


def test_the_tolerance_is_taken_of_the_smaller_close_whoever_tells_it() -> None:
    one, two = change(bars().head(1), 0, close=100.0), change(bars().head(1), 0, close=101.0)
    for pair in ([one, other(two, "x")], [two, other(one, "x")]):
        assert compare_sources(pl.concat(pair), tolerance=0.0101) == []
        assert len(compare_sources(pl.concat(pair), tolerance=0.0099)) == 1


def test_each_pair_of_three_sources_is_compared() -> None:
    three = [bars(), other(scale(bars(), 1.01, slice(0, 4)), "b"), other(scale(bars(), 1.02, slice(0, 2)), "a")]
    said = compare_sources(pl.concat(three))
    assert [(f.message.split(" disagree")[0], f.count) for f in said] == [
        ("a and b", 4),
        ("a and yahoo", 2),
        ("b and yahoo", 4),
    ]


def test_the_latest_version_counts_and_a_bar_without_a_close_does_not() -> None:
    wrong = scale(bars(), 2.0, slice(None))
    right = bars().with_columns(known_at=pl.col("known_at") + timedelta(days=1))
    second = other(bars(), "tiingo")
    assert compare_sources(pl.concat([right, wrong, second])) == []
    unknown = change(second, 3, close=None)
    assert compare_sources(pl.concat([bars(), unknown])) == []
    assert compare_sources(pl.concat([bars(), second.with_columns(date=pl.col("date") + timedelta(days=3650))])) == []


def test_symbols_are_compared_with_themselves_only() -> None:
    elsewhere = other(scale(bars(), 3.0, slice(None)), "tiingo").with_columns(symbol=pl.lit("YYY"))
    assert compare_sources(pl.concat([bars(), elsewhere])) == []


def events(source: str, *told: tuple[str, date, str, float | None], day: int = 0) -> pl.DataFrame:
    lines = [(*event, source, datetime.combine(event[1], time(), UTC) + timedelta(days=day)) for event in told]
    return pl.DataFrame(lines, schema=dict(TABLES["actions"].columns), orient="row")


SPLIT = ("ZZZ", date(2023, 12, 1), "split", 10.0)
PAID = ("ZZZ", date(2023, 11, 1), "dividend", 0.85)


def test_actions_that_agree_have_nothing_to_say() -> None:
    assert compare_actions(empty("actions")) == []
    assert compare_actions(events("one", SPLIT, PAID)) == []
    rounded = events("two", SPLIT, (*PAID[:3], 0.8549))
    assert compare_actions(pl.concat([events("one", SPLIT, PAID), rounded])) == []
    assert compare_actions(pl.concat([events("one", SPLIT, PAID), events("two", PAID)])) == []


def test_a_split_with_two_dates_or_two_ratios_is_shown() -> None:
    later = ("ZZZ", date(2023, 12, 4), "split", 10.0)
    (said,) = compare_actions(pl.concat([events("one", SPLIT, PAID), events("two", later, PAID)]))
    assert (said.check, said.severity, said.count) == ("actions_disagree", "warning", 1)
    assert said.examples == ("ZZZ split one 2023-12-01 10 two 2023-12-04 10",)
    (said,) = compare_actions(pl.concat([events("one", SPLIT), events("two", (*SPLIT[:3], 7.0))]))
    assert said.examples == ("ZZZ split one 2023-12-01 10 two 2023-12-01 7",)


def test_five_sessions_apart_is_one_event_and_six_are_two() -> None:
    five, six = (events("two", ("ZZZ", date(2023, 12, day), "split", 10.0)) for day in (8, 11))
    assert len(compare_actions(pl.concat([events("one", SPLIT), five]))) == 1
    assert compare_actions(pl.concat([events("one", SPLIT), six])) == []


def test_an_event_with_a_partner_of_its_day_is_no_other_event() -> None:
    weekly = [("ZZZ", date(2023, 11, day), "dividend", 0.1) for day in (1, 8, 15)]
    assert compare_actions(pl.concat([events("one", *weekly), events("two", weekly[0], weekly[2])])) == []


def test_kinds_and_symbols_of_actions_are_compared_with_themselves_only() -> None:
    near = ("ZZZ", date(2023, 12, 4), "dividend", 10.0), ("YYY", date(2023, 12, 4), "split", 10.0)
    assert compare_actions(pl.concat([events("one", SPLIT), events("two", *near)])) == []


def test_a_withdrawn_action_disagrees_with_nothing() -> None:
    moved = ("ZZZ", date(2023, 12, 4), "split", 10.0)
    told = [events("one", SPLIT), events("one", (*SPLIT[:3], None), day=9), events("two", moved)]
    assert len(compare_actions(pl.concat([told[0], told[2]]))) == 1
    assert compare_actions(pl.concat(told)) == []
