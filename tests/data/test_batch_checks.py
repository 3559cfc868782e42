"""Bars as traded: what is stored, what is refused, and what is only named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tests.data.batch_builders import actions, bars, change, found, judge, reasons, scale

from vfr.data.bitemporal.tables import empty
from vfr.errors import ImportRejected


def test_a_clean_answer_is_accepted_whole() -> None:
    checked = judge("bars", bars())
    assert checked.accepted.equals(bars())
    assert checked.quarantined.is_empty()
    assert checked.findings == ()


@pytest.mark.parametrize("currency", ["EUR", "GBp", None])
def test_another_currency_refuses_the_answer_whole(currency: str | None) -> None:
    checked = judge("bars", change(bars(), 5, currency=currency))
    assert reasons(checked) == {"currency": bars().height}
    assert checked.accepted.is_empty()


@pytest.mark.parametrize(
    "day", [date(2024, 7, 4), date(2024, 6, 29), date(2024, 7, 9), date(2031, 1, 2), date(1899, 5, 1), date(2024, 7, 7)]
)
def test_a_day_without_a_session_or_ahead_is_refused(day: date) -> None:
    extra = change(bars().tail(1), 0, date=day)
    checked = judge("bars", pl.concat([bars(), extra]))
    assert reasons(checked) == {"closed_day": 1}
    assert checked.accepted.equals(bars())


def test_a_session_counts_from_a_quarter_of_an_hour_after_its_close() -> None:
    today = bars(last=date(2024, 7, 8))
    during = judge("bars", today, now=datetime(2024, 7, 8, 20, 14, 59, tzinfo=UTC))
    assert found(during) == {"unfinished_session": 1}
    assert during.accepted.equals(today.head(-1))
    assert during.quarantined.is_empty()
    after = judge("bars", today, now=datetime(2024, 7, 8, 20, 15, tzinfo=UTC))
    assert after.accepted.equals(today)


@pytest.mark.parametrize(
    "spoiled",
    [
        {"close": None},
        {"close": 0.0},
        {"close": -1.0},
        {"close": float("nan")},
        {"close": float("inf")},
        {"open": float("nan")},
        {"low": 0.0},
        {"high": float("inf")},
        {"volume": -1.0},
        {"volume": float("nan")},
    ],
)
def test_an_impossible_figure_is_refused(spoiled: dict[str, Any]) -> None:
    checked = judge("bars", change(bars(), 20, **spoiled))
    assert reasons(checked) == {"bad_figure": 1}
    assert checked.accepted.height == bars().height - 1
    assert "missing_sessions" not in found(checked)  # the answer had the session, if not in a usable form


def test_figures_that_a_source_does_not_have_may_be_unknown() -> None:
    bare = bars().with_columns(pl.lit(None, dtype=pl.Float64).alias(c) for c in ("open", "high", "low", "volume"))
    checked = judge("bars", bare)
    assert checked.accepted.equals(bare)
    assert checked.findings == ()


@pytest.mark.parametrize(
    ("beyond", "refused", "named"), [(1.0051, 1, "warning"), (1.0049, 0, "info"), (1.0000001, 0, None)]
)
def test_a_price_outside_the_range_is_kept_up_to_half_a_percent(beyond: float, refused: int, named: str | None) -> None:
    high = bars()["high"][30]
    checked = judge("bars", change(bars(), 30, open=high * beyond))
    assert checked.quarantined.height == refused
    assert [f.severity for f in checked.findings if f.check == "outside_high_low"] == ([named] if named else [])
    below = judge("bars", change(bars(), 30, open=bars()["low"][30] / beyond))
    assert below.quarantined.height == refused


def test_a_low_above_the_high_is_refused_though_open_and_close_are_unknown_beside() -> None:
    row = bars().row(30, named=True)
    checked = judge("bars", change(bars(), 30, open=None, high=row["close"], low=row["close"] * 1.02))
    assert reasons(checked) == {"outside_high_low": 1}


def test_missing_sessions_are_named_and_stay_unknown() -> None:
    holes = bars().filter(~pl.col("date").is_in([date(2024, 4, 1), date(2024, 5, 2)]))
    checked = judge("bars", holes)
    assert checked.accepted.equals(holes)
    (missing,) = checked.findings
    assert (missing.check, missing.severity, missing.count) == ("missing_sessions", "warning", 2)
    assert missing.examples == ("ZZZ 2024-04-01", "ZZZ 2024-05-02")


def test_an_answer_that_begins_later_is_a_young_company_unless_older_bars_are_stored() -> None:
    late = bars(first=date(2024, 6, 24))
    assert judge("bars", late).findings == ()
    checked = judge("bars", late, known=bars(last=date(2024, 3, 15)))
    assert reasons(checked) == {"cut_short": late.height}
    young = judge("bars", late, known=bars(first=date(2024, 6, 25)))
    assert young.quarantined.is_empty()


def test_impossible_days_do_not_stretch_what_is_expected() -> None:
    young = bars(first=date(2024, 6, 3))
    odd = pl.concat([change(young.tail(1), 0, date=day) for day in (date(1899, 5, 1), date(2031, 1, 2))])
    checked = judge("bars", pl.concat([young, odd]))
    assert checked.accepted.equals(young)
    assert found(checked) == {"closed_day": 2}


def test_an_answer_with_most_of_its_sessions_missing_is_refused_whole() -> None:
    thin = bars().gather_every(3)
    assert reasons(judge("bars", thin)) == {"mostly_missing": thin.height}
    assert judge("bars", bars().gather_every(2)).quarantined.is_empty()  # half is not over half


def test_a_company_that_left_the_market_keeps_its_history() -> None:
    checked = judge("bars", bars(last=date(2024, 3, 28)))
    assert checked.quarantined.is_empty()
    (missing,) = checked.findings
    assert (missing.check, missing.severity, missing.count) == ("missing_sessions", "warning", 67)
    assert "67 of them after the last bar" in missing.message


def test_only_last_session_not_there_yet_is_no_alarm() -> None:
    (missing,) = judge("bars", bars().head(-1)).findings
    assert (missing.severity, missing.examples) == ("info", ("ZZZ 2024-07-05",))


def split_bars(ratio: float, row: int = 40) -> tuple[pl.DataFrame, date]:
    """Bars as traded around a split before the open of a row."""
    frame = scale(bars(), 1 / ratio, slice(row, None))
    return frame, frame["date"][row]


@pytest.mark.parametrize("ratio", [2.0, 3.0, 20.0, 1.5, 0.1, 1.05])
def test_a_split_with_its_jump_is_accepted(ratio: float) -> None:
    frame, day = split_bars(ratio)
    checked = judge("bars", frame, told=actions((day, "split", ratio)))
    assert checked.accepted.equals(frame)
    assert checked.findings == ()


@pytest.mark.parametrize("ratio", [2.0, 3.0, 20.0, 1.5, 0.1])
def test_a_split_without_its_jump_refuses_the_answer_whole(ratio: float) -> None:
    day = bars()["date"][40]
    assert reasons(judge("bars", bars(), told=actions((day, "split", ratio)))) == {"split_inconsistent": bars().height}


@pytest.mark.parametrize("factor", [10.0, 0.1, 3.1, 0.32])
def test_a_jump_that_nothing_explains_refuses_the_answer_whole(factor: float) -> None:
    spoiled = scale(bars(), factor, slice(40, 45))
    assert reasons(judge("bars", spoiled)) == {"split_inconsistent": bars().height}


def test_a_split_on_the_day_after_its_jump_is_inconsistent() -> None:
    frame, _ = split_bars(4.0)
    told = actions((frame["date"][41], "split", 4.0))
    assert reasons(judge("bars", frame, told=told)) == {"split_inconsistent": frame.height}


def test_a_split_between_the_stored_bars_and_the_answer_is_judged_too() -> None:
    frame, day = split_bars(4.0)
    stored, new = frame.head(40), frame.slice(40)
    told = actions((day, "split", 4.0))
    assert judge("bars", new, known=stored, told=told, since=day).accepted.equals(new)
    assert reasons(judge("bars", new, known=stored, since=day)) == {"split_inconsistent": new.height}


def test_what_the_bars_own_source_says_of_splits_counts_first() -> None:
    frame, day = split_bars(4.0)
    wrong = actions((frame["date"][20], "split", 2.0), source="another")
    right = actions((day, "split", 4.0))
    assert judge("bars", frame, told=pl.concat([wrong, right])).quarantined.is_empty()
    assert reasons(judge("bars", frame, told=wrong)) == {"split_inconsistent": frame.height}


def test_a_withdrawn_split_no_longer_counts() -> None:
    day = bars()["date"][40]
    split = actions((day, "split", 4.0))
    withdrawn = split.with_columns(
        value=pl.lit(None, dtype=pl.Float64), known_at=pl.col("known_at") + timedelta(days=1)
    )
    assert judge("bars", bars(), told=pl.concat([withdrawn, split])).quarantined.is_empty()


def test_a_large_dividend_explains_a_fall() -> None:
    frame = scale(bars(), 0.3, slice(40, None))
    paid = frame["close"][39] * 0.7
    checked = judge("bars", frame, told=actions((frame["date"][40], "dividend", paid)))
    assert checked.accepted.equals(frame)
    assert checked.findings == ()


def test_a_move_beyond_half_is_kept_and_named() -> None:
    frame = scale(bars(), 1.8, slice(40, None))
    checked = judge("bars", frame)
    assert checked.accepted.equals(frame)
    (large,) = checked.findings
    assert (large.check, large.severity, large.count) == ("large_returns", "warning", 1)
    assert large.examples[0].startswith(f"ZZZ {frame['date'][40]} +")


def test_a_move_across_a_long_gap_is_not_judged() -> None:
    frame = scale(bars(), 8.0, slice(40, None))
    gap = pl.concat([frame.head(36), frame.slice(44)])
    checked = judge("bars", gap)
    assert checked.quarantined.is_empty()
    assert set(found(checked)) == {"missing_sessions"}


def test_a_bar_that_repeats_the_session_before_is_refused() -> None:
    row = {c: bars()[c][29] for c in ("open", "high", "low", "close", "volume")}
    checked = judge("bars", change(bars(), 30, **row))
    assert reasons(checked) == {"stale_repeat": 1}
    assert checked.quarantined["date"].to_list() == [bars()["date"][30]]
    other_volume = judge("bars", change(bars(), 30, **(row | {"volume": 777_000.0})))
    assert reasons(other_volume) == {"stale_repeat": 1}


def test_a_repeat_of_the_last_stored_bar_is_refused() -> None:
    stored, new = bars().head(60), bars().slice(60)
    row = {c: stored[c][-1] for c in ("open", "high", "low", "close", "volume")}
    checked = judge("bars", change(new, 0, **row), known=stored, since=new["date"][0])
    assert reasons(checked) == {"stale_repeat": 1}


def test_a_repeat_across_a_missing_session_is_no_repeat() -> None:
    row = {c: bars()[c][28] for c in ("open", "high", "low", "close", "volume")}
    frame = change(bars(), 30, **row)
    checked = judge("bars", pl.concat([frame.head(29), frame.slice(30)]))
    assert checked.quarantined.is_empty()


def flat(row: int, volume: float) -> pl.DataFrame:
    close = bars()["close"][row - 1]
    return change(bars(), row, open=close, high=close, low=close, close=close, volume=volume)


def test_a_bar_without_a_range_is_refused_where_shares_were_traded_as_usual() -> None:
    assert reasons(judge("bars", flat(30, 900_000))) == {"stale_repeat": 1}
    quiet = judge("bars", flat(30, 0.0))
    assert quiet.quarantined.is_empty()
    assert found(quiet) == {"zero_volume": 1}
    assert judge("bars", flat(30, 2_000)).quarantined.is_empty()  # hardly anything was traded
    assert judge("bars", flat(5, 900_000)).quarantined.is_empty()  # too few bars to know what is usual


def test_a_fund_priced_once_a_day_is_not_stale() -> None:
    once = bars().with_columns(
        open="close", high="close", low="close", volume=pl.lit(50_000.0) + pl.int_range(pl.len())
    )
    close = once["close"][29]
    once = change(once, 30, open=close, high=close, low=close, close=close)
    assert judge("bars", once).quarantined.is_empty()


def test_another_basis_than_the_stored_bars_is_refused_whole() -> None:
    known = bars()
    for factor in (0.5, 0.25, 0.9, 1.03, 0.995):
        new = scale(bars(), factor, slice(None))
        assert reasons(judge("bars", new, known=known)) == {"basis_shift": new.height}, factor


def test_a_basis_that_shifts_inside_the_overlap_is_refused_whole() -> None:
    """A source that adjusts for a split: what lies before it halves, what lies after does not."""
    stored, day = split_bars(2.0)
    adjusted = scale(stored, 0.5, slice(0, 40))
    told = actions((day, "split", 2.0))
    assert reasons(judge("bars", adjusted, known=stored, told=told)) == {"basis_shift": adjusted.height}


def test_another_share_than_the_stored_one_is_refused_whole() -> None:
    new = bars(seed=9)
    assert reasons(judge("bars", new, known=bars())) == {"other_series": new.height}
    # Four days are too few to tell: these may be corrections.
    few = bars().slice(60, 4)
    for place, factor in enumerate((1.1, 0.9, 1.05, 0.96)):
        few = scale(few, factor, slice(place, place + 1))
    assert judge("bars", few, known=bars().head(64), since=few["date"][0]).quarantined.is_empty()


def test_corrections_of_single_days_pass() -> None:
    new = scale(scale(bars(), 1.03, slice(20, 21)), 0.97, slice(50, 52))
    assert judge("bars", new, known=bars()).accepted.equals(new)
    noise = bars().with_columns(pl.col("close") + 0.004)
    assert judge("bars", noise, known=bars()).quarantined.is_empty()


def test_the_latest_version_of_a_stored_bar_is_compared() -> None:
    corrected = scale(bars(), 0.5, slice(None)).with_columns(known_at=pl.col("known_at") + timedelta(days=400))
    versions = pl.concat([corrected, bars()])
    new = scale(bars(), 0.5, slice(None))
    assert judge("bars", new, known=versions).accepted.equals(new)


def test_an_empty_answer_is_an_error_where_something_was_expected() -> None:
    silent = judge("bars", empty("bars"))
    (said,) = silent.findings
    assert (said.check, said.severity) == ("empty_answer", "error")
    assert silent.quarantined.columns == [*empty("bars").columns, "reason"]
    assert said.count == bars().height
    again = judge("bars", empty("bars"), known=bars(), since=date(2024, 7, 5))
    assert found(again) == {"empty_answer": 1}
    # No session since then: there was nothing to say.
    for known in (None, bars()):
        assert judge("bars", empty("bars"), known=known, since=date(2024, 7, 6)).findings == ()


def test_an_answer_of_todays_bar_alone_lacks_the_sessions_before() -> None:
    today = bars(last=date(2024, 7, 8)).tail(1)
    checked = judge("bars", today, known=bars().head(-3), since=date(2024, 7, 1))
    assert checked.accepted.is_empty()
    assert found(checked) == {"unfinished_session": 1, "missing_sessions": 4}
    assert found(judge("bars", today)) == {"unfinished_session": 1}  # listed today, as far as anybody knows


def test_repeats_count_once_and_contradictions_not_at_all() -> None:
    twice = pl.concat([bars(), bars().slice(10, 3)])
    checked = judge("bars", twice)
    assert checked.accepted.equals(bars())
    assert found(checked) == {"duplicate_rows": 3}
    other = change(bars().slice(10, 1), 0, close=lambda c: c * 1.001)
    against = judge("bars", pl.concat([bars(), other]))
    assert reasons(against) == {"contradiction": 2}
    later = other.with_columns(known_at=pl.col("known_at") + timedelta(days=1))
    assert reasons(judge("bars", pl.concat([bars(), later]))) == {"contradiction": 2}


def test_rows_about_another_symbol_are_refused() -> None:
    checked = judge("bars", change(bars(), 30, symbol="YYY"))
    assert reasons(checked) == {"other_subject": 1}


def test_a_frame_of_another_shape_is_an_error_of_its_own() -> None:
    with pytest.raises(ImportRejected, match="column close is missing"):
        judge("bars", bars().drop("close"))


def test_findings_name_kind_and_day_and_say_what_was_done() -> None:
    checked = judge("bars", change(bars(), 20, close=-1.0))
    (said,) = checked.findings
    assert said.message == "bars: rows with a figure that cannot be; refused."
    assert said.examples == (f"ZZZ {bars()['date'][20]}",)


def test_a_misplaced_point_in_high_or_low_is_refused() -> None:
    for field, factor in (("high", 10.0), ("low", 0.1)):
        odd = change(bars(), 30, **{field: bars()[field][30] * factor})
        assert reasons(judge("bars", odd)) == {"bad_figure": 1}


def test_a_split_too_large_to_be_stored_explains_no_move() -> None:
    shares, day = split_bars(1000.0)
    assert reasons(judge("bars", shares, told=actions((day, "split", 1000.0)))) == {"split_inconsistent": shares.height}
