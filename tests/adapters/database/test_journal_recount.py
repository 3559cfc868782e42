"""Tallies and reports are those of a recount from the rows, whatever was written in which order and broke off where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import fields, replace

import numpy as np
import pytest
from sqlalchemy import Engine, event
from tests.adapters.database.test_journal import outcomes
from tests.journal.made import SYMBOLS, forecast

from vfr.adapters.database.journal import SqlJournal
from vfr.errors import DataError
from vfr.journal.records import Outcomes, Restatement
from vfr.journal.settlement import restatements
from vfr.journal.tallies import Tally
from vfr.workflows.journal_report import report
from vfr.workflows.journal_reports import KEPT, Reports
from vfr.workflows.journal_tallies import keep_tallies, tallied, tallies

DAYS = ("2016-03-01", "2016-03-02", "2016-03-03", "2016-03-04")


@pytest.fixture
def journal(engine: Engine) -> SqlJournal:
    made = SqlJournal(engine)
    for day in DAYS[:3]:
        made.record(forecast(day))
    return made


@contextmanager
def outage(engine: Engine, after: int) -> Iterator[None]:
    """Let so many statements through, then none."""
    left = [after]

    def stop(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise OSError("gone")

    event.listen(engine, "before_cursor_execute", stop)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", stop)


def recounted(journal: SqlJournal) -> list[Tally]:
    return tallies("1d", journal.forecasts("live", "1d"), journal.outcomes("live", "1d"))


def assert_recounted(journal: SqlJournal) -> None:
    found, wanted = tallied(journal, "live", "1d", stocks=True), recounted(journal)
    assert [one.as_of for one in found] == [one.as_of for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        for field in fields(Tally):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def counted(journal: SqlJournal) -> tuple[int, int]:
    last = journal.last_returns("live", "1d", "")
    return sum(len(one.symbols) for one in last), sum(int(one.times.sum()) for one in last)


def moved(journal: SqlJournal, returns: float) -> list[Restatement]:
    """Return what data say that put every outcome at another return."""
    pairs = zip(journal.last_returns("live", "1d", ""), journal.outcomes("live", "1d"), strict=True)
    return [one for last, now in pairs for one in restatements(last, at(now, returns))]


def at(now: Outcomes, returns: float) -> Outcomes:
    return replace(now, returns=np.full(len(now.symbols), returns))


def test_an_outage_at_any_statement_of_a_settlement_loses_and_counts_nothing(journal: SqlJournal) -> None:
    journal.settle("live", "v1", [outcomes(DAYS[0]), outcomes(DAYS[1], SYMBOLS[:2])], [], 1.0)
    keep_tallies(journal, "live", "1d")
    before = counted(journal)
    fresh, restated = [outcomes(DAYS[1]), outcomes(DAYS[2])], moved(journal, 0.5)
    broke = 0
    while True:
        with suppress(DataError), outage(journal.engine, broke):
            done = journal.settle("live", "v2", fresh, restated, 2.0)
            break
        assert (counted(journal), journal.checked("live")) == (before, "v1")
        assert_recounted(journal)
        broke += 1
    assert broke >= 5
    assert (done, counted(journal)) == ((6, 6), (12, 6))
    assert journal.settle("live", "v2", fresh, restated, 3.0) == (0, 0)
    assert_recounted(journal)


def test_an_outage_at_any_statement_of_tallying_is_made_good_by_the_next(journal: SqlJournal) -> None:
    journal.settle("live", "v1", [outcomes(day) for day in DAYS[:3]], [], 1.0)
    broke = 0
    while True:
        with suppress(DataError), outage(journal.engine, broke):
            keep_tallies(journal, "live", "1d")
            break
        assert journal.tallies("live", "1d") == ([], list(DAYS[:3]))
        broke += 1
    assert broke >= 5
    assert journal.tallies("live", "1d")[1] == []
    assert_recounted(journal)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_written_and_breaks_off_a_recount_says_the_same(journal: SqlJournal, seed: int) -> None:
    rng = np.random.default_rng(seed)
    reports = Reports()
    for step in range(30):
        day = str(rng.choice(DAYS))
        part = tuple(rng.permutation(SYMBOLS)[: int(rng.integers(1, 5))].tolist())
        act = int(rng.integers(5))
        with suppress(DataError), outage(journal.engine, int(rng.integers(0, 20))):
            if act == 0:
                journal.record(replace(forecast(day), model_ids=(f"lightgbm-1d-{step}", "linear-1d-b")))
            elif act == 1:
                journal.settle("live", f"v{step}", [], moved(journal, float(step)), float(step))
            elif act == 2:
                keep_tallies(journal, "live", "1d")
            else:
                journal.settle("live", f"v{step}", [outcomes(day, part, 0.01 * step)], [], float(step))
        assert_recounted(journal)
        assert reports.of(journal, "live", "1d", "") == report(recounted(journal), "1d")


def test_a_report_is_made_once_for_each_revision(journal: SqlJournal) -> None:
    journal.settle("live", "v1", [outcomes(DAYS[0])], [], 1.0)
    reports = Reports()
    first = reports.of(journal, "live", "1d", "")
    keep_tallies(journal, "live", "1d")
    assert reports.of(journal, "live", "1d", "") is first
    assert reports.of(journal, "live", "1d", DAYS[1]) != first
    journal.settle("live", "v1", [outcomes(DAYS[1])], [], 2.0)
    second = reports.of(journal, "live", "1d", "")
    assert (first["dates"], second["dates"]) == (1, 2)
    for k in range(KEPT):
        reports.of(journal, "live", "1d", "", f"linear-{k}")
    again = reports.of(journal, "live", "1d", "")
    assert again is not second
    assert again == second
