from __future__ import annotations

from datetime import timedelta

import polars as pl
from tests.data.batch_builders import bars, change, scale

from vfr.data.bitemporal.tables import empty
from vfr.data.compare import compare_sources


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
