"""Answers that are cut, corrected or late, and runs that go wrong: the past stays, and nobody else pays."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.workflows.scripted import BARS, NOW, Scripted, frame
from tests.workflows.test_sync import Desk

from vfr.data.provider import Batch, Offer
from vfr.errors import DataError, InvalidField, ProviderDenied, UnknownAtSource
from vfr.workflows.sync_publish import view_as_of
from vfr.workflows.sync_report import SyncReport

DAY = timedelta(days=1)
MEMBERS = Offer(("membership",), "index")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def action(day: date, kind: str, value: float, known: datetime | None = None) -> tuple:
    at = datetime(day.year, day.month, day.day, tzinfo=NOW.tzinfo)
    return ("ACME", day, kind, value, "one", known or at)


def telling(*actions: tuple, split: date | None = None, ratio: float = 4.0, until: date | None = None) -> Callable:
    """Tell these actions about ACME; bars from a split's day on are divided by its ratio, none after `until`."""

    def behave(order, batches):
        if order.subject != "ACME" or order.offer != BARS:
            return batches
        bars = batches[0].frame
        if split is not None:
            after = pl.col("date") >= split
            prices = [
                pl.when(after).then(pl.col(n) / ratio).otherwise(n).alias(n) for n in ("open", "high", "low", "close")
            ]
            bars = bars.with_columns(
                *prices, pl.when(after).then(pl.col("volume") * ratio).otherwise("volume").alias("volume")
            )
        if until is not None:
            bars = bars.filter(pl.col("date") <= until)
        told = frame("actions", [one for one in actions if order.since <= one[1]])
        return (replace(batches[0], frame=bars), replace(batches[1], frame=told))

    return behave


def acme(desk: Desk, moment: datetime) -> np.ndarray:
    panel = view_as_of(desk.archive, moment).panel
    return panel.close[-6:, panel.column("ACME")]


def sync(desk: Desk, behave: Callable, *, now: datetime = NOW, **change) -> SyncReport:
    return desk.sync(Scripted(behave=behave, offers=(BARS,)), now=now, **change)


def test_a_dividend_told_late_changes_no_day_before(desk: Desk) -> None:
    sync(desk, telling())
    later = NOW + 5 * DAY
    past = view_as_of(desk.archive, NOW).panel.adj_close
    sync(desk, telling(action(date(2024, 3, 20), "dividend", 1.0)), now=later)
    np.testing.assert_array_equal(view_as_of(desk.archive, NOW).panel.adj_close, past)
    assert not np.array_equal(view_as_of(desk.archive, later).panel.adj_close[: past.shape[0]], past)


def test_a_bar_that_was_missing_counts_from_when_it_was_told(desk: Desk) -> None:
    def without(order, batches):
        if order.subject != "ACME" or order.offer != BARS:
            return batches
        return (replace(batches[0], frame=batches[0].frame.filter(pl.col("date") != date(2024, 3, 26))), batches[1])

    sync(desk, without)
    assert np.isnan(acme(desk, NOW)).sum() == 1
    sync(desk, telling(), now=NOW + 5 * DAY)
    assert np.isnan(acme(desk, NOW)).sum() == 1
    assert not np.isnan(acme(desk, NOW + 5 * DAY)).any()


def test_an_ex_date_that_moves_is_never_in_force_twice(desk: Desk) -> None:
    first, second = date(2024, 3, 26), date(2024, 3, 27)
    sync(desk, telling(action(first, "dividend", 5.0)))
    past = view_as_of(desk.archive, NOW).panel.adj_close
    later = NOW + 5 * DAY
    report = sync(desk, telling(action(second, "dividend", 5.0)), now=later)
    assert report.corrected["one actions"] == 1
    np.testing.assert_array_equal(view_as_of(desk.archive, NOW).panel.adj_close, past)
    panel = view_as_of(desk.archive, later).panel
    column, row = panel.column("ACME"), panel.row(np.datetime64("2024-03-26"))
    ratio = panel.adj_close[:, column] / panel.close[:, column]
    assert ratio[row] == pytest.approx(1 - 5.0 / panel.close[row, column])
    assert ratio[row - 1] == pytest.approx(ratio[row])


def test_a_refused_row_takes_nothing_back(desk: Desk) -> None:
    good = action(date(2024, 3, 20), "dividend", 1.0)
    sync(desk, telling(good))
    report = sync(desk, telling(action(date(2024, 3, 20), "dividend", -3.0)), now=NOW + 5 * DAY)
    assert report.quarantined["one actions"] == 1
    actions = desk.archive.read("actions")
    assert actions["value"].to_list() == [1.0]


def test_an_answer_that_stops_early_takes_nothing_back(desk: Desk) -> None:
    split = date(2024, 2, 15)
    told = (action(date(2023, 6, 1), "dividend", 1.0), action(split, "split", 4.0))
    sync(desk, telling(*told, split=split))
    before = desk.archive.read("actions")
    sync(desk, telling(told[0], until=date(2024, 1, 31)), now=NOW + 5 * DAY, refetch=True)
    assert desk.archive.read("actions").equals(before)


def test_a_clock_that_was_ahead_stops_nothing(desk: Desk) -> None:
    sync(desk, telling(), now=NOW + 3000 * DAY)
    report = sync(desk, telling(), now=NOW + 5 * DAY)
    assert report.asked == 5
    assert "clock_ahead" in {finding.check for finding in report.findings}


@pytest.mark.parametrize(
    "error", [OverflowError(), AssertionError("x"), pl.exceptions.ComputeError("x"), RecursionError()]
)
def test_an_unforeseen_error_costs_one_subject(desk: Desk, error: Exception) -> None:
    def breaks(order, batches):
        if order.subject == "BOLT":
            raise error
        return batches

    report = sync(desk, breaks)
    assert [(p.subject, p.code) for p in report.problems] == [("BOLT", "BAD_ANSWER")]
    assert report.answered == 4


def test_a_bug_in_a_check_costs_one_subject(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    from vfr.workflows import sync_ask

    real = sync_ask.check_batch

    def buggy(batch, *rest, **named):
        if batch.subject == "BOLT":
            raise ZeroDivisionError
        return real(batch, *rest, **named)

    monkeypatch.setattr(sync_ask, "check_batch", buggy)
    report = sync(desk, telling())
    assert [(p.subject, p.code) for p in report.problems] == [("BOLT", "INTERNAL")]
    assert "bug in VFR" in report.problems[0].message


def test_what_is_no_fault_of_an_answer_ends_the_sync(desk: Desk) -> None:
    def breaks(order, batches):
        if order.subject == "BOLT":
            raise DataError("VFR_DATABASE_URL: cannot be used")
        return batches

    with pytest.raises(DataError, match="VFR_DATABASE_URL"):
        sync(desk, breaks)
    assert desk.archive.versions() == []


def test_a_refused_plan_ends_one_kind_of_question(desk: Desk) -> None:
    def denied(order, batches):
        if order.offer != BARS:
            raise ProviderDenied("one: the plan of the key does not include this")
        return batches

    provider = Scripted(behave=denied)
    report = desk.sync(provider)
    assert {p.code for p in report.problems} == {"PROVIDER_DENIED"}
    assert len(report.problems) == 4
    assert report.answered == 5
    assert len(provider.asked) == 8  # three refusals say enough


def test_a_name_nobody_knows_is_asked_again_after_a_week(desk: Desk) -> None:
    def unknown(order, batches):
        if order.subject == "BOLT":
            raise UnknownAtSource("one does not know BOLT")
        return batches

    sync(desk, unknown)
    assert desk.staging.diary().providers["one"].code == ""
    provider = Scripted(behave=unknown, offers=(BARS,))
    desk.sync(provider, now=NOW + 5 * DAY)
    assert "BOLT" not in {order.subject for order in provider.asked}
    desk.sync(provider, now=NOW + 8 * DAY)
    assert "BOLT" in {order.subject for order in provider.asked}


def test_a_last_session_of_few_is_named(desk: Desk) -> None:
    def late(order, batches):
        if order.subject not in {"BOLT", "CORE"} or order.offer != BARS:
            return batches
        return (replace(batches[0], frame=batches[0].frame.filter(pl.col("date") < NOW.date())), batches[1])

    report = sync(desk, late)
    [finding] = [one for one in report.findings if one.check == "last_session_unfinished"]
    assert (finding.count, finding.severity) == (2, "warning")
    assert finding.examples == ("BOLT", "CORE")


def test_corrections_count_from_when_they_are_published(desk: Desk) -> None:
    sync(desk, telling())
    hours = iter(range(1, 100))
    begun = NOW + 5 * DAY

    def slowly() -> datetime:
        return begun + timedelta(hours=next(hours))

    def corrected(order, batches):
        if order.subject != "ACME":
            return batches
        wrong = pl.when(pl.col("date") == date(2024, 3, 20)).then(pl.col("close") * 1.004).otherwise("close")
        return (replace(batches[0], frame=batches[0].frame.with_columns(close=wrong)), batches[1])

    sync(desk, corrected, now=begun, clock=slowly)
    bars = desk.archive.read("bars", subjects=["ACME"])
    [known] = bars.filter(pl.col("date") == date(2024, 3, 20)).sort("known_at")["known_at"].to_list()[1:]
    assert known > begun + timedelta(hours=5)


def index(members: dict[str, tuple[date, date | None]]) -> Callable:
    """A provider's answer about the index."""

    def fetch(order):
        rows = [
            ("S&P 500", s, a, b, "list", datetime(a.year, a.month, a.day, tzinfo=NOW.tzinfo))
            for s, (a, b) in members.items()
        ]
        return (Batch("membership", "S&P 500", frame("membership", rows), order.since),)

    return fetch


class Lister(Scripted):
    """Knows who belongs to the index, and nothing else."""

    def __init__(self, members: dict[str, tuple[date, date | None]]) -> None:
        super().__init__(name="list", offers=(MEMBERS,))
        self.tell = index(members)

    def fetch(self, order):
        self.asked.append(order)
        return self.tell(order)


JOINED = date(2010, 1, 4)


def test_members_are_asked_first_and_a_stopped_sync_goes_on(desk: Desk) -> None:
    members = {"ACME": (JOINED, None), "BOLT": (JOINED, None), "GONE": (JOINED, date(2015, 1, 5))}

    def stops(order, batches):
        if order.subject == "BOLT":
            raise KeyboardInterrupt
        return batches

    subjects = {"symbol": (), "index": ("S&P 500",)}
    with pytest.raises(KeyboardInterrupt):
        desk.sync(
            Lister(members), Scripted(behave=stops, offers=(BARS,)), subjects=subjects, members=True, universe="sp500"
        )
    assert desk.staging.diary().universe == "sp500"
    provider = Scripted(offers=(BARS,))
    report = desk.sync(Lister(members), provider, subjects=subjects, members=True, universe="sp500")
    assert [order.subject for order in provider.asked] == ["BOLT", "SPY"]
    assert report.resumed == 2
    assert report.new["one bars"] > 0
    assert report.answered == report.asked == 4
    assert desk.datasets.snapshot().symbols == ("ACME", "BOLT")


def test_members_that_nobody_knows_are_asked_of_the_user(desk: Desk) -> None:
    with pytest.raises(InvalidField, match="start_date"):
        desk.sync(Scripted(offers=(BARS,)), subjects={"symbol": ()}, members=True)


def test_a_member_that_a_list_tells_no_more_is_taken_back(desk: Desk) -> None:
    subjects = {"symbol": ("ACME", "BOLT"), "index": ("S&P 500",)}
    bars = Scripted(offers=(BARS,))
    desk.sync(Lister({"ACME": (JOINED, None), "BOLT": (JOINED, None)}), bars, subjects=subjects)
    past = view_as_of(desk.archive, NOW)
    later = NOW + 5 * DAY
    desk.sync(Lister({"ACME": (JOINED + DAY, None)}), bars, subjects=subjects, now=later)
    assert view_as_of(desk.archive, NOW).version == past.version
    membership = view_as_of(desk.archive, later).membership
    assert membership is not None
    assert membership.index_size[-1] == 1
    assert membership.member[-1].tolist() == [True, False]


def test_bars_staged_before_a_close_are_asked_again_after_it(desk: Desk) -> None:
    def stops(order, batches):
        if order.subject == "CORE":
            raise KeyboardInterrupt
        return batches

    noon = NOW - timedelta(hours=5)
    with pytest.raises(KeyboardInterrupt):
        sync(desk, stops, now=noon, last_close=noon - DAY)
    report = sync(desk, telling(), last_close=NOW - timedelta(hours=1))
    assert report.resumed == 0
    assert not np.isnan(desk.datasets.snapshot().panel.close[-1]).any()


def test_ctrl_c_is_heard_between_two_questions(desk: Desk) -> None:
    threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT)).start()
    provider = Scripted(pause=0.25, offers=(BARS,))
    with pytest.raises(KeyboardInterrupt):
        desk.sync(provider, subjects={"symbol": tuple(f"SYM{chr(65 + n)}" for n in range(20))})
    assert len(provider.asked) < 8
    assert len(list(desk.staging._answers.iterdir())) >= 1


def test_a_source_keeps_its_place_whoever_is_asked(desk: Desk) -> None:
    one, two = Scripted(offers=(BARS,)), Scripted(name="two", level=1.001, offers=(BARS,))
    desk.sync(one, two)
    desk.staging.write_diary(type(desk.staging.diary())())
    desk.sync(two, now=NOW + 5 * DAY)
    assert desk.archive.versions()[0].sources == ("one", "two")
    desk.sync(two, one, now=NOW + 6 * DAY)
    assert desk.archive.versions()[0].sources == ("two", "one")


def test_a_new_history_is_believed_where_the_user_says_so(desk: Desk) -> None:
    def half(order, batches):
        if order.subject != "ACME" or order.offer != BARS:
            return batches
        prices = [(pl.col(name) / 2).alias(name) for name in ("open", "high", "low", "close")]
        return (replace(batches[0], frame=batches[0].frame.with_columns(prices)), batches[1])

    sync(desk, telling())
    refused = sync(desk, half, now=NOW + 5 * DAY, refetch=True)
    assert [(p.subject, p.code) for p in refused.problems] == [("ACME", "QUARANTINED")]
    taken = sync(desk, half, now=NOW + 6 * DAY, replace=frozenset({"ACME"}))
    assert taken.complete
    old, new = acme(desk, NOW), acme(desk, NOW + 6 * DAY)
    assert new[0] == pytest.approx(old[0] / 2, rel=0.2)


def test_a_split_that_a_vendor_takes_back_corrects_the_whole_history(desk: Desk) -> None:
    """The wrong split had put every bar before it on another basis: more than a usual sync asks about."""
    day = date(2024, 3, 20)

    def wrong(order, batches):
        if order.subject != "ACME" or order.offer != BARS:
            return batches
        early = pl.col("date") < day
        names = ("open", "high", "low", "close")
        bars = batches[0].frame.with_columns(
            *(pl.when(early).then(pl.col(name) * 4).otherwise(name).alias(name) for name in names),
            pl.when(early).then(pl.col("volume") / 4).otherwise("volume").alias("volume"),
        )
        told = frame("actions", [action(day, "split", 4.0)] if order.since <= day else [])
        return (replace(batches[0], frame=bars), replace(batches[1], frame=told))

    sync(desk, wrong)
    before = acme(desk, NOW)
    later = NOW + 5 * DAY
    report = sync(desk, telling(), now=later)
    assert report.complete
    assert "split_corrected" in {finding.check for finding in report.findings}
    right = Desk(desk.staging._folder.parent.parent / "right")
    sync(right, telling(), now=later)
    np.testing.assert_array_equal(
        view_as_of(desk.archive, later).panel.close, view_as_of(right.archive, later).panel.close
    )
    np.testing.assert_array_equal(acme(desk, NOW), before)
    # And the next sync is an ordinary one.
    assert sync(desk, telling(), now=later + DAY).complete
