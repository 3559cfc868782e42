"""Settling a journal as data sets grow: once, by what is installed, and the figures that follow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import delete
from tests.journal.made import forecast

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.migrate import migrate
from vfr.adapters.database.tables import TALLIES
from vfr.data import synthetic
from vfr.data.snapshot import Snapshot
from vfr.features.labels import make
from vfr.journal.records import Exposure
from vfr.journal.settlement import GRACE
from vfr.typing import HORIZONS
from vfr.workflows.datasets import DatasetInfo
from vfr.workflows.journal_report import report
from vfr.workflows.journal_tallies import tallied
from vfr.workflows.journalled import record_of
from vfr.workflows.settle import forget, settle
from vfr.workflows.train_data import counting

NOW = datetime(2016, 9, 1, tzinfo=UTC)
WHOLE = replace(synthetic.snapshot(np.random.default_rng(9), n_sessions=130, n_symbols=24), name="live")
START = 60


@dataclass
class Datasets:
    """One installed data set; `read` counts how often it was read."""

    held: Snapshot
    read: int = field(default=0)

    def names(self) -> list[DatasetInfo]:
        size, version = self.held.panel.shape, self.held.version
        return [DatasetInfo("live", version, True, *size, "", "", "split", ())]

    def current(self) -> str:
        return "live"

    def snapshot(self, name: str | None = None) -> Snapshot:
        assert name is None
        self.read += 1
        return self.held


def at(row: int) -> Snapshot:
    return replace(WHOLE.upto(WHOLE.sessions[row]), version=f"v{row}")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[SqlJournal]:
    engine = open_engine(f"sqlite:///{tmp_path / 'test.db'}")
    migrate(engine)
    yield SqlJournal(engine)
    engine.dispose()


def made(row: int, horizon: str = "1d", **changes):
    facts = {"horizon": horizon, "data_version": f"v{row}"} | changes
    return forecast(str(WHOLE.sessions[row]), WHOLE.symbols, seed=row, **facts)


def filled(journal: SqlJournal, rows: range, horizon: str = "1d") -> Datasets:
    """Forecast each evening, and settle with the data of the last one."""
    for row in rows:
        journal.record(made(row, horizon))
    datasets = Datasets(at(rows[-1]))
    settle(journal, datasets, NOW)
    return datasets


@pytest.mark.parametrize("horizon", HORIZONS)
def test_an_outcome_comes_with_the_session_that_ends_its_label(journal: SqlJournal, horizon: str) -> None:
    span = HORIZONS[horizon] + 1
    journal.record(made(START, horizon))
    assert settle(journal, Datasets(at(START + span - 1)), NOW)["live"].new == 0
    assert journal.outcomes("live", horizon) == []
    assert settle(journal, Datasets(at(START + span)), NOW)["live"].new > 0
    (found,) = journal.outcomes("live", horizon)
    counts, _ = counting(WHOLE)
    labels = make(WHOLE.panel, horizon, universe=counts)
    columns = [WHOLE.panel.column(symbol) for symbol in found.symbols]
    np.testing.assert_allclose(found.returns, labels.returns[START, columns], rtol=1e-12)
    np.testing.assert_allclose(found.excess, labels.excess[START, columns], rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(found.counted, counts[START, columns])


def test_settling_again_changes_nothing_and_reads_nothing(journal: SqlJournal) -> None:
    datasets = filled(journal, range(START, START + 10))
    before = [one.returns.tolist() for one in journal.outcomes("live", "1d")]
    assert settle(journal, datasets, NOW) == {}
    assert datasets.read == 1
    again = settle(journal, datasets, NOW, again=True)["live"]
    assert (again.new, again.restated) == (0, 0)
    assert [one.returns.tolist() for one in journal.outcomes("live", "1d")] == before


def test_an_empty_journal_reads_no_data(journal: SqlJournal) -> None:
    datasets = Datasets(at(START))
    assert settle(journal, datasets, NOW) == {}
    assert datasets.read == 0


def test_a_data_set_that_is_not_installed_waits(journal: SqlJournal) -> None:
    journal.record(made(START, data_name="elsewhere"))
    assert settle(journal, Datasets(at(START + 9)), NOW, again=True) == {}
    assert len(journal.open_sessions("elsewhere")) == 1


def test_what_the_data_say_later_is_counted_and_changes_nothing(journal: SqlJournal) -> None:
    datasets = filled(journal, range(START, START + 10))
    before = journal.outcomes("live", "1d")
    opened = datasets.held.panel.open.copy()
    opened[START + 4] *= np.where(np.arange(24) == 0, 1.02, 1.0)
    corrected = replace(datasets.held, version="v2", panel=replace(datasets.held.panel, open=opened))
    done = settle(journal, Datasets(corrected), NOW)["live"]
    assert (done.new, done.restated) == (0, 2), "the return that ends there and the one that begins there"
    after = journal.outcomes("live", "1d")
    assert [one.returns.tolist() for one in after] == [one.returns.tolist() for one in before]
    assert settle(journal, Datasets(corrected), NOW, again=True)["live"].restated == 0
    assert journal.state()[0].restated == 2


def test_a_name_that_left_is_settled_as_unknown(journal: SqlJournal) -> None:
    """Symbol 4 of the synthetic market ends early."""
    gone = WHOLE.symbols[4]
    last = int(np.flatnonzero(np.isfinite(WHOLE.panel.adj_close[:, 4]))[-1])
    journal.record(made(last))
    settle(journal, Datasets(at(last + 2)), NOW)
    assert journal.open_sessions("live")[0].symbols == (gone,)
    settle(journal, Datasets(at(last + 2 + GRACE)), NOW)
    assert journal.open_sessions("live") == []
    (found,) = journal.outcomes("live", "1d")
    assert found.reason[found.symbols.index(gone)] == f"no price on {WHOLE.sessions[last + 1]}, where the return begins"
    record = record_of(journal, "live", "1d")
    assert not record.counted[0, record.symbols.index(gone)]


def test_the_record_holds_what_was_forecast_beside_what_came(journal: SqlJournal) -> None:
    filled(journal, range(START, START + 10))
    record = record_of(journal, "live", "1d")
    assert record.sessions.tolist() == WHOLE.sessions[START : START + 8].tolist()
    assert record.members == ("lightgbm", "linear")
    one = made(START + 3)
    columns = [record.symbols.index(symbol) for symbol in one.symbols]
    np.testing.assert_array_equal(record.p_up[3, columns], one.p_up)
    np.testing.assert_array_equal(record.classic[3, columns], one.classic)
    np.testing.assert_allclose(record.member_p_up[:, 3][:, columns], one.member_p_up, rtol=1e-6)
    order = np.argsort(one.member_expected[1])
    assert np.all(np.diff(record.member_rank[1, 3][columns][order]) > 0)
    assert np.all(record.base == one.base_rate)
    assert record_of(journal, "live", "1d", str(WHOLE.sessions[START + 7])).sessions.size == 1
    assert record_of(journal, "live", "7d").p_up.shape == (0, 0)


def test_a_member_that_came_later_is_unknown_before(journal: SqlJournal) -> None:
    for row in (START, START + 1):
        one = made(row)
        alone = replace(
            one, members=("linear",), model_ids=("linear-1d-b",), weights=np.ones(1),
            member_p_up=one.member_p_up[1:], member_expected=one.member_expected[1:],
        )  # fmt: skip
        journal.record(one if row > START else alone)
    settle(journal, Datasets(at(START + 5)), NOW)
    record = record_of(journal, "live", "1d")
    assert np.isnan(record.member_p_up[0, 0]).all()
    assert np.isfinite(record.member_p_up[0, 1]).all()


def test_popularity_does_not_move_a_figure(journal: SqlJournal) -> None:
    filled(journal, range(START, START + 30))
    before = report(tallied(journal, "live", "1d"), "1d")
    shown = Exposure("r", WHOLE.symbols[0], "live", str(WHOLE.sessions[START]), "1d", 60.0, True, 0.07, 1.0)
    journal.expose([shown._replace(request=f"r{k}") for k in range(500)])
    asked = replace(made(START), method="voting", standard=False, p_up=np.full(24, 0.99))
    journal.record(asked)
    assert report(tallied(journal, "live", "1d"), "1d") == before


def test_figures_are_those_of_the_counted_cells(journal: SqlJournal) -> None:
    filled(journal, range(START, START + 30))
    record, kept = record_of(journal, "live", "1d"), tallied(journal, "live", "1d", stocks=True)
    found = report(kept, "1d", group_by="daily")
    cells = record.counted
    assert found["rows"] == int(cells.sum())
    assert found["dates"] == found["timelyDates"] == 28
    hits = (record.p_up > 0.5) == (record.direction > 0.5)
    assert found["direction"]["accuracy"] == pytest.approx(hits[cells].mean(), abs=1e-6)
    assert found["direction"]["baseRateAccuracy"] == pytest.approx(record.direction[cells].mean(), abs=1e-6)
    assert found["direction"]["brier"] == pytest.approx(((record.p_up - record.direction)[cells] ** 2).mean(), abs=1e-6)
    assert sum(one["count"] for one in found["calibration"]) == found["rows"]
    assert sum(one["rows"] for one in found["composite"]["blended"]["tiers"].values()) == found["rows"]
    assert [one["date"] for one in found["groups"]] == record.sessions.astype(str).tolist()
    assert sum(one["count"] for one in report(kept, "1d", group_by="stock")["groups"]) == found["rows"]


def test_a_member_and_a_version_have_figures_of_their_own(journal: SqlJournal) -> None:
    filled(journal, range(START, START + 10))
    record = record_of(journal, "live", "1d")
    kept = tallied(journal, "live", "1d")
    member, version = report(kept, "1d", "linear"), report(kept, "1d", "linear-1d-b")
    hits = (record.member_p_up[1] > 0.5) == (record.direction > 0.5)
    assert member["direction"]["accuracy"] == pytest.approx(hits[record.counted].mean(), abs=1e-6)
    assert version["direction"] == member["direction"]
    nobody = report(kept, "1d", "linear-1d-z")
    assert (nobody["rows"], nobody["direction"]["accuracy"]) == (0, None)
    assert nobody["note"] == "no matured forecast counts here for linear-1d-z"


def test_a_planted_skill_is_seen(journal: SqlJournal) -> None:
    counts, _ = counting(WHOLE)
    labels = make(WHOLE.panel, "1d", universe=counts)
    for row in range(START, START + 30):
        knows = np.nan_to_num(labels.excess[row])
        journal.record(made(row, expected=knows, blended=50.0 + 50.0 * np.tanh(20 * knows)))
    settle(journal, Datasets(at(START + 29)), NOW)
    found = report(tallied(journal, "live", "1d"), "1d")
    assert found["excess"]["rankIc"] > 0.99
    assert found["excess"]["signAccuracy"] > 0.95
    assert found["composite"]["blended"]["rankIc"] > 0.99
    assert abs(found["composite"]["classic"]["rankIc"]) < 0.3


def test_data_that_were_old_already_are_told(journal: SqlJournal) -> None:
    for row in (START, START + 1):
        journal.record(made(row, timely=row > START))
    settle(journal, Datasets(at(START + 9)), NOW)
    found = report(tallied(journal, "live", "1d"), "1d")
    assert (found["dates"], found["timelyDates"]) == (2, 1)
    assert found["note"] == "1 of 2 dates were forecast from data that were old already"
    assert found["excess"]["signAccuracyLow"] is None, "two dates tell nothing of how dates differ"


def test_a_settlement_tallies_what_it_settled_and_what_was_left(journal: SqlJournal) -> None:
    datasets = filled(journal, range(START, START + 10))
    kept, wanting = journal.tallies("live", "1d")
    assert (len(kept), wanting) == (8, [])
    with journal.engine.begin() as connection:
        connection.execute(delete(TALLIES))
    assert report(tallied(journal, "live", "1d"), "1d") == report(kept, "1d")
    assert settle(journal, datasets, NOW) == {}
    assert journal.tallies("live", "1d")[1] == []
    assert datasets.read == 1


def test_what_was_shown_long_ago_is_forgotten_and_no_forecast(journal: SqlJournal) -> None:
    filled(journal, range(START, START + 10))
    shown = Exposure("r", WHOLE.symbols[0], "live", str(WHOLE.sessions[START]), "1d", 60.0, True, 0.07, 1.0)
    journal.expose([shown._replace(request=f"r{k}", shown_at=NOW.timestamp() - k) for k in range(9)])
    assert forget(journal, NOW - timedelta(seconds=1), at_most=2) == 7
    assert forget(journal, NOW - timedelta(seconds=1), at_most=2) == 0
    assert journal.exposures() == 2
    assert journal.state()[0].forecasts == 10
