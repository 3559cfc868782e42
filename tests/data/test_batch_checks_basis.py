"""An answer beside what is stored: corrected splits pass, unannounced changes of basis and cut answers do not."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from tests.data.batch_builders import FIRST, actions, bars, change, found, judge, reasons, scale

from vfr.data.bitemporal.tables import empty

ROW = 40
DAY: date = bars()["date"][ROW]
NO_SPLIT = actions()


def before_day(factor: float) -> pl.DataFrame:
    """Bars whose prices before the split's day were multiplied by a factor, as a source that knows that split tells."""
    return scale(bars(), factor, slice(0, ROW))


@pytest.mark.parametrize("ratio", [10.0, 0.1, 4.0, 1.5, 1.05])
def test_a_split_that_is_taken_back_corrects_the_bars_before_it(ratio: float) -> None:
    wrong = actions((DAY, "split", ratio))
    checked = judge("bars", bars(), known=before_day(ratio), told=NO_SPLIT, actions_before=wrong)
    assert checked.accepted.equals(bars())
    (said,) = checked.findings
    assert (said.check, said.severity, said.count) == ("split_corrected", "warning", 1)
    assert said.examples == (f"ZZZ {DAY} x{1 / ratio:.6g}",)


@pytest.mark.parametrize("ratio", [10.0, 0.1, 1.5])
def test_a_split_that_is_only_new_corrects_nothing(ratio: float) -> None:
    """A true one leaves closes as traded alone, and an invented one looks just like one that was forgotten."""
    answer = before_day(ratio)
    told = actions((DAY, "split", ratio))
    checked = judge("bars", answer, known=bars(), told=told, actions_before=NO_SPLIT)
    assert reasons(checked) == {"basis_shift": answer.height}


@pytest.mark.parametrize("stored_first", [0, 30])
def test_a_ratio_that_is_corrected_counts_by_the_quotient(stored_first: int) -> None:
    was, now = actions((DAY, "split", 4.0)), actions((DAY, "split", 2.0))
    shares = scale(bars(), 0.5, slice(ROW, None))
    stored = scale(shares, 2.0, slice(0, ROW)).slice(stored_first)
    since = stored["date"][0]
    answer = shares.slice(stored_first)
    checked = judge("bars", answer, known=stored, told=now, actions_before=was, since=since)
    assert checked.accepted.equals(answer)
    assert [f.examples for f in checked.findings] == [(f"ZZZ {DAY} x0.5",)]


def test_a_split_moved_to_another_day_changes_the_bars_in_between_alone() -> None:
    """The whole correction lies inside the answer: bars stored from before it were right all the time."""
    later = bars()["date"][ROW + 10]
    right = scale(bars(), 0.25, slice(ROW + 10, None))
    wrong = scale(right, 0.25, slice(ROW, ROW + 10))
    answer = right.slice(20)
    checked = judge(
        "bars",
        answer,
        known=wrong,
        told=actions((later, "split", 4.0)),
        actions_before=actions((DAY, "split", 4.0)),
        since=answer["date"][0],
    )
    assert checked.accepted.equals(answer)
    assert [f.examples for f in checked.findings] == [(f"ZZZ {later} x4",)]


def test_a_correction_that_reaches_back_beyond_the_answer_asks_for_the_whole_history() -> None:
    """Half a correction would leave a jump between stored and new bars that no split explains."""
    wrong = actions((DAY, "split", 10.0))
    answer = bars().slice(30)
    known = before_day(10.0)
    checked = judge("bars", answer, known=known, told=NO_SPLIT, actions_before=wrong, since=answer["date"][0])
    assert reasons(checked) == {"partial_correction": answer.height}
    assert "--refetch" in checked.findings[0].message
    assert "split_corrected" not in found(checked)
    whole = judge("bars", bars(), known=known, told=NO_SPLIT, actions_before=wrong)
    assert whole.accepted.equals(bars())


@pytest.mark.parametrize("off", [1.015, 0.985])
def test_the_factor_may_be_rounded_by_two_percent(off: float) -> None:
    wrong = actions((DAY, "split", 10.0))
    answer = before_day(off)
    assert judge("bars", answer, known=before_day(10.0), actions_before=wrong).accepted.equals(answer)
    beyond = before_day(off**2)
    refused = judge("bars", beyond, known=before_day(10.0), actions_before=wrong)
    assert reasons(refused) == {"basis_shift": beyond.height}


@pytest.mark.parametrize("factor", [10.0, 0.1, 2.0])
def test_a_factor_without_a_changed_split_stays_refused(factor: float) -> None:
    for told, before in ((NO_SPLIT, NO_SPLIT), (actions((DAY, "split", 3.0)),) * 2, (NO_SPLIT, None)):
        stored = scale(bars(), 1 / 3, slice(ROW, None)) if told.height else bars()
        new = scale(stored, factor, slice(None))
        checked = judge("bars", new, known=stored, told=told, actions_before=before)
        assert reasons(checked) == {"basis_shift": new.height}


def test_a_changed_split_explains_no_other_factor_and_no_other_direction() -> None:
    wrong = actions((DAY, "split", 4.0))
    for factor in (2.0, 0.5, 4.0, 16.0):
        answer = before_day(4.0 * factor)
        checked = judge("bars", answer, known=before_day(4.0), told=NO_SPLIT, actions_before=wrong)
        assert reasons(checked) == {"basis_shift": answer.height}, factor


def test_a_changed_split_explains_no_days_after_it() -> None:
    wrong = actions((DAY, "split", 2.0))
    checked = judge("bars", scale(bars(), 0.5, slice(ROW, None)), known=bars(), told=NO_SPLIT, actions_before=wrong)
    assert reasons(checked) == {"basis_shift": bars().height}


def test_a_stretch_of_which_only_part_was_corrected_is_refused() -> None:
    wrong = actions((DAY, "split", 2.0))
    half = scale(before_day(2.0), 0.5, slice(0, 25))
    checked = judge("bars", half, known=before_day(2.0), told=NO_SPLIT, actions_before=wrong)
    assert reasons(checked) == {"basis_shift": half.height}


def test_a_split_announced_for_a_day_to_come_explains_nothing() -> None:
    """No bar shows its jump yet, so that bars multiplied by it would be taken for right."""
    ahead = actions((date(2024, 7, 15), "split", 10.0))
    assert judge("bars", bars(), known=bars(), told=ahead, actions_before=NO_SPLIT).findings == ()
    answer = scale(bars(), 10.0, slice(None))
    checked = judge("bars", answer, known=bars(), told=ahead, actions_before=NO_SPLIT)
    assert reasons(checked) == {"basis_shift": answer.height}


def test_a_source_that_tells_prices_as_traded_may_correct_a_split_without_touching_them() -> None:
    shares = scale(bars(), 1 / 4, slice(ROW, None))
    right, wrong = actions((DAY, "split", 4.0)), actions((DAY, "split", 5.0))
    assert judge("bars", shares, known=shares, told=right, actions_before=wrong).findings == ()


def test_a_new_split_told_before_prices_follow_it_is_refused() -> None:
    shares = scale(bars(), 1 / 4, slice(ROW, None))
    twice = scale(shares, 4.0, slice(0, ROW))
    checked = judge("bars", twice, known=shares, told=actions((DAY, "split", 4.0)), actions_before=NO_SPLIT)
    assert set(reasons(checked)) <= {"split_inconsistent", "basis_shift"}
    assert checked.accepted.is_empty()


def test_a_trusted_answer_may_contradict_the_stored_closes_and_nothing_else() -> None:
    shifted, other = scale(bars(), 0.5, slice(None)), bars(seed=9)
    for answer in (shifted, other):
        assert judge("bars", answer, known=bars()).accepted.is_empty()
        assert judge("bars", answer, known=bars(), trust_new_basis=True).accepted.equals(answer)
    jump = scale(bars(), 10.0, slice(ROW, None))
    assert set(reasons(judge("bars", jump, known=bars(), trust_new_basis=True))) == {"split_inconsistent"}
    spoiled = change(shifted, 5, close=-1.0)
    assert reasons(judge("bars", spoiled, known=bars(), trust_new_basis=True)) == {"bad_figure": 1}
    short = shifted.head(50)
    assert set(reasons(judge("bars", short, known=bars(), trust_new_basis=True))) == {"cut_short"}


@pytest.mark.parametrize(("lost", "refused"), [(5, False), (6, True), (60, True)])
def test_an_answer_that_ends_well_before_the_stored_bars_is_cut_short(lost: int, refused: bool) -> None:
    answer = bars().head(-lost)
    checked = judge("bars", answer, known=bars())
    assert checked.quarantined.height == (answer.height if refused else 0)
    if refused:
        assert set(reasons(checked)) == {"cut_short"}
        said = next(f for f in checked.findings if f.check == "cut_short")
        assert said.severity == "error"
        last, newest = answer["date"][-1], bars()["date"][-1]
        assert f"ends on {last}, though bars up to {newest} are stored" in said.message


@pytest.mark.parametrize(("lost", "refused"), [(5, False), (6, True), (60, True)])
def test_an_answer_that_begins_well_after_the_stored_bars_is_cut_short(lost: int, refused: bool) -> None:
    answer = bars().slice(lost)
    checked = judge("bars", answer, known=bars())
    assert checked.quarantined.height == (answer.height if refused else 0)
    if refused:
        assert set(reasons(checked)) == {"cut_short"}
        said = next(f for f in checked.findings if f.check == "cut_short")
        assert f"begins on {answer['date'][0]}, though bars from {FIRST} are stored" in said.message


def test_only_the_span_that_was_asked_for_can_be_cut_short() -> None:
    answer = bars().slice(60)
    assert judge("bars", answer, known=bars(), since=answer["date"][0]).accepted.equals(answer)


def test_a_name_that_left_the_market_is_not_cut_short() -> None:
    gone = bars(last=date(2024, 3, 28))
    assert judge("bars", gone, known=gone).accepted.equals(gone)


def test_a_day_with_an_unusable_bar_was_told() -> None:
    spoiled = bars()
    for row in range(-8, 0):
        spoiled = change(spoiled, row, close=-1.0)
    assert reasons(judge("bars", spoiled, known=bars())) == {"bad_figure": 8}


def test_an_answer_with_bars_and_no_action_takes_the_stored_ones_back() -> None:
    stored = actions((DAY, "dividend", 0.5))
    silent = judge("actions", empty("actions"), known=stored)
    assert found(silent) == {"empty_answer": 1}
    assert judge("actions", empty("actions"), known=stored, bars=bars()).findings == ()
    assert found(judge("actions", empty("actions"), known=stored, bars=empty("bars"))) == {"empty_answer": 1}


def test_a_source_that_no_longer_tells_any_of_many_actions_is_broken() -> None:
    days = bars()["date"][10:50:8].to_list()
    many = actions(*((day, "dividend", 0.5) for day in days))
    assert found(judge("actions", empty("actions"), known=many, bars=bars())) == {"empty_answer": 5}
    assert judge("actions", empty("actions"), known=many.head(4), bars=bars()).findings == ()
