from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.workflows.scripted import ABOUT, BARS, FILINGS, NOW, START, Scripted

from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.archive_lock import file_lock
from vfr.adapters.store.datasets import DirectoryDatasets
from vfr.adapters.store.objects import open_objects
from vfr.adapters.store.staging import DirectoryStaging
from vfr.errors import BadAnswer, ProviderDenied, ProviderUnavailable, SyncBusy, Throttled, UnknownAtSource
from vfr.workflows.sync import plan_sync, sync
from vfr.workflows.sync_publish import view_as_of
from vfr.workflows.sync_report import SyncReport
from vfr.workflows.sync_request import SyncRequest

SYMBOLS = ("ACME", "BOLT", "CORE", "DELT")
LAST_CLOSE = NOW - timedelta(hours=2)


class Desk:
    """One data home and what a sync needs of it."""

    def __init__(self, home: Path) -> None:
        root = home / "archives"
        self.archive = ParquetArchive(open_objects(str(root)), "live", file_lock(root))
        self.staging = DirectoryStaging(home, "live")
        self.datasets = DirectoryDatasets(home)

    def request(self, *providers: Scripted, now: datetime = NOW, **change) -> SyncRequest:
        subjects = {"symbol": SYMBOLS}
        made = SyncRequest(providers, subjects, START, now, now - timedelta(hours=2))
        return replace(made, **change)

    def sync(self, *providers: Scripted, **change) -> SyncReport:
        return sync(self.request(*providers, **change), self.archive, self.staging, self.datasets, lambda *_: None)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def failing(error: Exception, *symbols: str, offer=BARS) -> Callable:
    def behave(order, batches):
        if order.subject in symbols and order.offer == offer:
            raise error
        return batches

    return behave


def test_brings_everything_in_and_makes_the_data_set(desk: Desk) -> None:
    report = desk.sync(Scripted())
    assert report.complete
    assert report.asked == report.answered == 9  # bars of four shares and the benchmark, names of four
    assert report.new["one profile"] == 4
    assert report.changed
    assert report.current
    snapshot = desk.datasets.snapshot()
    assert snapshot.name == "live"
    assert snapshot.version == report.data_version
    assert snapshot.symbols == SYMBOLS
    assert str(snapshot.as_of) == "2024-03-28"
    assert snapshot.benchmark is not None
    assert desk.datasets.board().inputs["prices"].source == "one"
    assert desk.datasets.quality().facts["archiveVersion"] == report.archive_version


def test_asks_nothing_twice_and_later_only_for_what_is_new(desk: Desk) -> None:
    desk.sync(Scripted())
    again = Scripted()
    report = desk.sync(again)
    assert (report.asked, report.changed) == (0, False)
    tomorrow = Scripted()
    report = desk.sync(tomorrow, now=NOW + timedelta(days=4))  # Good Friday and a weekend between
    assert {order.offer for order in tomorrow.asked} == {BARS}
    assert min(order.since for order in tomorrow.asked) == date(2024, 3, 14)
    assert report.new["one bars"] == 5
    assert report.corrected["one bars"] == 0
    assert str(desk.datasets.snapshot().as_of) == "2024-04-01"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Throttled("one asks for fewer questions", 5.0), "THROTTLED"),
        (ProviderUnavailable("one cannot be reached"), "PROVIDER_UNAVAILABLE"),
        (BadAnswer("one answered about ACME"), "BAD_ANSWER"),
        (KeyError("close"), "BAD_ANSWER"),
    ],
)
def test_a_failure_is_named_and_harms_nobody_else(desk: Desk, error: Exception, code: str) -> None:
    report = desk.sync(Scripted(behave=failing(error, "BOLT")))
    assert [(p.subject, p.code) for p in report.problems] == [("BOLT", code)]
    assert report.problems[0].message.startswith("one ")
    assert desk.datasets.snapshot().symbols == ("ACME", "CORE", "DELT")
    healed = desk.sync(Scripted())
    assert healed.complete
    assert healed.asked == 1
    assert desk.datasets.snapshot().symbols == SYMBOLS


def test_a_failure_later_keeps_the_bars_that_are_stored(desk: Desk) -> None:
    desk.sync(Scripted())
    report = desk.sync(Scripted(behave=failing(Throttled("one is busy"), "BOLT")), now=NOW + timedelta(days=4))
    assert not report.complete
    panel = desk.datasets.snapshot().panel
    assert np.isfinite(panel.close[-2, panel.column("BOLT")])
    assert np.isnan(panel.close[-1, panel.column("BOLT")])
    assert np.isfinite(panel.close[-1, panel.column("ACME")])


def test_a_provider_that_fails_again_and_again_is_left_alone(desk: Desk) -> None:
    provider = Scripted(behave=failing(ProviderUnavailable("one is down"), *SYMBOLS, "SPY"), offers=(BARS,))
    report = desk.sync(provider)
    assert len(provider.asked) == 3
    assert len(report.problems) == 5
    assert report.data_version == ""
    assert desk.datasets.current() is None


def test_a_refused_key_is_not_tried_on_everybody(desk: Desk) -> None:
    provider = Scripted(behave=failing(ProviderDenied("one refuses the key"), *SYMBOLS, "SPY"), offers=(BARS,))
    report = desk.sync(provider)
    assert len(provider.asked) == 3
    assert {p.code for p in report.problems} == {"PROVIDER_DENIED"}
    assert len(report.problems) == 5


def test_wrong_rows_are_kept_apart_and_never_seen(desk: Desk) -> None:
    def tenfold(order, batches):
        if order.subject != "BOLT" or order.offer != BARS:
            return batches
        late = pl.col("date") >= date(2024, 1, 10)
        prices = ("open", "high", "low", "close")
        wrong = batches[0].frame.with_columns(
            pl.when(late).then(pl.col(name) * 10).otherwise(pl.col(name)).alias(name) for name in prices
        )
        return (replace(batches[0], frame=wrong), batches[1])

    report = desk.sync(Scripted(behave=tenfold))
    [problem] = report.problems
    assert problem.code == "QUARANTINED"
    assert "split_inconsistent" in problem.message
    assert "BOLT" not in desk.datasets.snapshot().symbols
    kept = desk.archive.quarantined()
    assert set(kept["subject"]) == {"BOLT"}
    assert kept.height == report.quarantined["one bars"] > 200


def test_a_second_source_fills_and_is_compared(desk: Desk) -> None:
    one = Scripted(behave=failing(UnknownAtSource("one does not know BOLT"), "BOLT"))
    two = Scripted(name="two", level=1.02, offers=(BARS,))
    report = desk.sync(one, two)
    snapshot = desk.datasets.snapshot()
    assert snapshot.symbols == SYMBOLS
    assert desk.datasets.board().inputs["prices"].source == "one, two"
    [finding] = [f for f in report.findings if f.check == "sources_disagree"]
    assert finding.count > 1000
    panel = snapshot.panel
    only_two = view_as_of(desk.archive, NOW).panel
    np.testing.assert_array_equal(panel.close, only_two.close)


def test_a_correction_is_told_and_the_past_stays(desk: Desk) -> None:
    desk.sync(Scripted())
    before = view_as_of(desk.archive, NOW).version

    def corrected(order, batches):
        if order.offer != BARS or order.subject != "ACME":
            return batches
        day = pl.col("date") == date(2024, 3, 20)
        wrong = batches[0].frame.with_columns(close=pl.when(day).then(pl.col("close") * 1.004).otherwise("close"))
        return (replace(batches[0], frame=wrong), batches[1])

    later = NOW + timedelta(days=4)
    report = desk.sync(Scripted(behave=corrected), now=later)
    assert report.corrected["one bars"] == 1
    assert view_as_of(desk.archive, NOW).version == before
    then, now = view_as_of(desk.archive, NOW).panel, view_as_of(desk.archive, later).panel
    row = then.row(np.datetime64("2024-03-20"))
    assert now.close[row, 0] == pytest.approx(then.close[row, 0] * 1.004)


def test_a_stopped_sync_goes_on_where_it_was(desk: Desk) -> None:
    def stops(order, batches):
        if order.subject == "CORE":
            raise KeyboardInterrupt
        return batches

    with pytest.raises(KeyboardInterrupt):
        desk.sync(Scripted(behave=stops, offers=(BARS,)))
    assert desk.archive.versions() == []
    second = Scripted(offers=(BARS,))
    report = desk.sync(second)
    assert report.resumed == 2
    assert [order.subject for order in second.asked] == ["CORE", "DELT", "SPY"]
    fresh = Desk(desk.staging._folder.parent.parent / "other")
    assert fresh.sync(Scripted(offers=(BARS,))).archive_version == report.archive_version


def test_old_staged_answers_are_asked_again(desk: Desk) -> None:
    with pytest.raises(KeyboardInterrupt):
        desk.sync(Scripted(behave=failing(KeyboardInterrupt(), "BOLT"), offers=(BARS,)))  # type: ignore[arg-type]
    late = Scripted(offers=(BARS,))
    assert desk.sync(late, now=NOW + timedelta(hours=13)).resumed == 0
    assert len(late.asked) == 5


def test_a_dry_run_tells_what_would_be_asked(desk: Desk) -> None:
    provider = Scripted()
    plan = plan_sync(desk.request(provider), desk.archive, desk.staging, lambda _: 2.0)
    assert plan.questions == {"one": 9}
    assert plan.seconds == 4.5
    assert provider.asked == []
    assert plan.to_dict()["tasks"][0] == {
        "provider": "one",
        "kinds": ["bars", "actions"],
        "subject": "ACME",
        "since": "2023-01-03",
    }


def test_one_sync_at_a_time(desk: Desk) -> None:
    with desk.archive.lock(), pytest.raises(SyncBusy, match="live"):
        desk.sync(Scripted())


def test_facts_without_prices_are_kept_until_there_are_some(desk: Desk) -> None:
    report = desk.sync(Scripted(offers=(FILINGS,)))
    assert report.data_version == ""
    assert report.new["one fundamentals"] == 8
    assert desk.sync(Scripted(offers=(FILINGS, BARS))).data_version
    snapshot = desk.datasets.snapshot()
    assert snapshot.fundamentals is not None
    assert snapshot.fundamentals.known_at.tolist() == [date(2024, 2, 21)] * 4


def test_another_current_data_set_stays_current(desk: Desk) -> None:
    desk.sync(Scripted())
    snapshot = replace(desk.datasets.snapshot(), name="mine")
    desk.datasets.publish(snapshot, desk.datasets.quality(), desk.datasets.board())
    report = desk.sync(Scripted(), now=NOW + timedelta(days=4))
    assert not report.current
    assert desk.datasets.current() == "mine"


def test_lanes_ask_side_by_side_and_change_nothing(desk: Desk, tmp_path: Path) -> None:
    wide = desk.sync(Scripted(), lanes={"one": 4})
    narrow = Desk(tmp_path / "other").sync(Scripted())
    assert wide.archive_version == narrow.archive_version
    assert [p.subject for p in wide.problems] == []


def test_refetch_asks_for_the_whole_history(desk: Desk) -> None:
    desk.sync(Scripted())
    again = Scripted()
    report = desk.sync(again, refetch=True)
    assert {order.since for order in again.asked} == {START}
    assert not report.changed


def test_names_are_asked_monthly(desk: Desk) -> None:
    desk.sync(Scripted())
    later = Scripted()
    desk.sync(later, now=NOW + timedelta(days=32))
    assert ABOUT in {order.offer for order in later.asked}


def test_a_name_that_left_the_market_is_asked_about_monthly_and_is_no_failure(desk: Desk) -> None:
    left = date(2024, 3, 15)

    def behave(order, batches):
        if order.offer != BARS or order.subject != "BOLT":
            return batches
        return (replace(batches[0], frame=batches[0].frame.filter(pl.col("date") <= left)), batches[1])

    provider = Scripted(behave=behave, offers=(BARS,))
    desk.sync(provider)
    gone = desk.sync(provider, now=NOW + timedelta(days=100))
    assert gone.complete
    provider.asked.clear()
    desk.sync(provider, now=NOW + timedelta(days=101))
    assert "BOLT" not in {order.subject for order in provider.asked}
    desk.sync(provider, now=NOW + timedelta(days=131))
    assert "BOLT" in {order.subject for order in provider.asked}
    panel = desk.datasets.snapshot().panel
    assert str(panel.sessions[np.isfinite(panel.close[:, panel.column("BOLT")])][-1]) == str(left)
