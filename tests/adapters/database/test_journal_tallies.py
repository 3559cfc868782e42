"""Tallies on both databases: read back as they were made, gone with what they rested on; and what is forgotten."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from sqlalchemy import Engine, select
from tests.adapters.database.test_journal import outcomes, shown
from tests.journal.made import SYMBOLS, forecast

from vfr.adapters.database.engine import transaction
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.tables import EXPOSURES
from vfr.journal.tallies import Tally
from vfr.workflows.journal_tallies import tallied, tallies


@pytest.fixture
def journal(engine: Engine) -> SqlJournal:
    made = SqlJournal(engine)
    for day in ("2016-03-01", "2016-03-02", "2016-03-03"):
        made.record(forecast(day))
    made.settle("live", "v1", [outcomes("2016-03-01"), outcomes("2016-03-02")], [], 1.0)
    return made


def computed(journal: SqlJournal) -> list[Tally]:
    return tallies("1d", journal.forecasts("live", "1d"), journal.outcomes("live", "1d"))


def same(one: Tally, other: Tally) -> None:
    for field in fields(Tally):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name), err_msg=field.name)


def test_a_tally_is_read_back_as_it_was_made(journal: SqlJournal) -> None:
    assert journal.tallies("live", "1d") == ([], ["2016-03-01", "2016-03-02"])
    made = computed(journal)
    assert journal.keep_tallies("live", "1d", made) == 2
    kept, wanting = journal.tallies("live", "1d", stocks=True)
    assert wanting == []
    for one, other in zip(kept, made, strict=True):
        same(one, other)
    without, _ = journal.tallies("live", "1d", "2016-03-02")
    same(without[0], replace(made[1], symbols=(), p_up=np.empty((3, 0)), direction=np.empty(0)))
    assert journal.tallies("live", "7d") == journal.tallies("other", "1d") == ([], [])


def test_what_is_not_kept_is_computed(journal: SqlJournal) -> None:
    made = computed(journal)
    journal.keep_tallies("live", "1d", made[1:])
    for one, other in zip(tallied(journal, "live", "1d", stocks=True), made, strict=True):
        same(one, other)


def test_further_outcomes_make_it_anew(journal: SqlJournal) -> None:
    journal.settle("live", "v2", [outcomes("2016-03-03", SYMBOLS[:3])], [], 2.0)
    early = computed(journal)
    assert journal.keep_tallies("live", "1d", early) == 3
    journal.settle("live", "v3", [outcomes("2016-03-03")], [], 3.0)
    assert journal.tallies("live", "1d")[1] == ["2016-03-03"]
    assert journal.keep_tallies("live", "1d", early[2:]) == 0, "outcomes came while it was made"
    assert journal.keep_tallies("live", "1d", computed(journal)[2:]) == 1
    assert journal.tallies("live", "1d")[0][2].outcomes == 4


def test_a_fuller_forecast_takes_its_place(journal: SqlJournal) -> None:
    journal.keep_tallies("live", "1d", computed(journal))
    full = replace(
        forecast("2016-03-02"),
        members=("lightgbm", "linear", "trees"),
        model_ids=("lightgbm-1d-a", "linear-1d-b", "trees-1d-c"),
        weights=np.full(3, 1 / 3),
        member_p_up=np.full((3, 4), 0.6),
        member_expected=np.full((3, 4), 0.01),
    )
    assert journal.record(full)
    kept, wanting = journal.tallies("live", "1d")
    assert ([str(one.as_of) for one in kept], wanting) == (["2016-03-01"], ["2016-03-02"])
    assert journal.keep_tallies("live", "1d", computed(journal)) == 2
    assert journal.tallies("live", "1d")[0][1].members == full.members


def test_what_was_shown_is_forgotten_oldest_first_and_in_parts(journal: SqlJournal) -> None:
    journal.expose([shown(f"r{k}", shown_at=float(k)) for k in range(10)])
    journal.expose([shown("x", shown_at=0.0, experiment="one", arm="ml")])
    assert [journal.prune(8.0, 3) for _ in range(4)] == [3, 3, 2, 0]
    with transaction(journal.engine) as connection:
        left = connection.execute(select(EXPOSURES.c.request).order_by("request")).scalars().all()
    assert left == ["r8", "r9", "x"]
    assert journal.state()[0].entries == 12
