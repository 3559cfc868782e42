"""One suite for the journal on both databases: what is written once stays, and a kill harms nothing."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from sqlalchemy import Engine, event, func, select, text
from tests.adapters.database.conftest import finish, launch
from tests.journal.made import SYMBOLS, forecast

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import downgrade, migrate
from vfr.adapters.database.tables import ENTRIES, EXPOSURES, FORECASTS
from vfr.errors import DataError
from vfr.journal.records import Exposure, ForecastRecord, Outcomes, Restatement, Votes

WRITE = """
import sys, time
sys.path.insert(0, sys.argv[2])
from tests.journal.made import forecast
from vfr.adapters.database import journal
from vfr.adapters.database.engine import open_engine
rows = journal.entry_rows
def slow(made):
    print("head written", flush=True)
    time.sleep(60)
    return rows(made)
if sys.argv[3] == "hang":
    journal.entry_rows = slow
print(journal.SqlJournal(open_engine(sys.argv[1])).record(forecast()))
"""


@pytest.fixture
def journal(engine: Engine) -> SqlJournal:
    return SqlJournal(engine)


def outcomes(as_of: str = "2016-03-01", symbols: tuple[str, ...] = SYMBOLS, returns: float = 0.01) -> Outcomes:
    n = len(symbols)
    values = np.full(n, returns)
    return Outcomes(
        "1d", np.datetime64(as_of, "D"), "open", symbols, values, (values > 0) * 1.0, values * 0, np.arange(n) > 0,
        (None,) * n,
    )  # fmt: skip


def shown(request: str = "r1", symbol: str = "AAA", **changes: object) -> Exposure:
    return Exposure(request, symbol, "live", "2016-03-01", "7d", 61.5, True, 0.078, 1_456_866_000.0)._replace(**changes)


def same(one: ForecastRecord, other: ForecastRecord) -> None:
    for field in fields(ForecastRecord):
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, np.ndarray):
            np.testing.assert_allclose(a, b, rtol=1e-6 if field.name.startswith("member_") else 0, err_msg=field.name)
        else:
            assert a == b, field.name


def test_a_forecast_is_read_back_as_it_was_made(journal: SqlJournal) -> None:
    made = forecast(
        p_up=np.array([0.6, np.nan, 0.5, 0.4]),
        classic_tier=("BUY", None, "SELL", "HOLD"),
        member_p_up=np.array([[0.1, np.nan, 0.2, 0.3], [0.5, 0.6, 0.7, 0.8]]),
        timely=False,
    )
    assert journal.record(made)
    (found,) = journal.forecasts("live", "1d")
    same(made, found)
    assert journal.forecasts("live", "7d") == journal.forecasts("other", "1d") == []


def test_recording_again_changes_nothing(journal: SqlJournal) -> None:
    made = forecast()
    assert journal.record(made)
    assert not journal.record(replace(made, p_up=made.p_up + 0.1, data_version="v2", symbols=("X", "Y", "Z", "W")))
    (found,) = journal.forecasts("live", "1d")
    same(made, found)


def test_forecasts_are_told_apart_by_set_horizon_session_versions_and_method(journal: SqlJournal) -> None:
    made = forecast()
    others = [
        replace(made, data_name="bundled"),
        replace(made, horizon="7d"),
        replace(made, as_of=np.datetime64("2016-03-02")),
        replace(made, model_ids=("lightgbm-1d-a", "linear-1d-c")),
        replace(made, method="voting", standard=False),
    ]
    assert all(journal.record(one) for one in (made, *others))
    assert {row.horizon: row.forecasts for row in journal.state() if row.data_name == "live"} == {"1d": 4, "7d": 1}


def test_a_forecast_that_left_members_behind_does_not_count_beside_a_full_one(journal: SqlJournal) -> None:
    full = replace(forecast(), created_at=9.0)
    partial = replace(
        full,
        members=("linear",),
        model_ids=("linear-1d-b",),
        weights=np.ones(1),
        member_p_up=full.member_p_up[1:],
        member_expected=full.member_expected[1:],
        created_at=1.0,
    )
    journal.record(partial)
    same(journal.forecasts("live", "1d")[0], partial)
    journal.record(full)
    same(journal.forecasts("live", "1d")[0], full)


def test_the_first_standard_forecast_of_a_session_is_the_one_that_counts(journal: SqlJournal) -> None:
    chosen = replace(forecast(), standard=False, created_at=1.0)
    first = replace(forecast(seed=1), created_at=2.0)
    later = replace(forecast(seed=2), model_ids=("lightgbm-1d-z",) * 2, created_at=3.0)
    next_day = forecast("2016-03-02")
    for one in (chosen, later, next_day, first):
        journal.record(one)
    found = journal.forecasts("live", "1d")
    assert [str(one.as_of) for one in found] == ["2016-03-01", "2016-03-02"]
    same(found[0], first)
    assert [str(one.as_of) for one in journal.forecasts("live", "1d", "2016-03-02")] == ["2016-03-02"]


def test_a_universe_may_be_empty_of_symbols(journal: SqlJournal) -> None:
    nobody = forecast(symbols=())
    assert journal.record(replace(nobody, blended_tier=()))
    assert journal.open_sessions("live") == []


def test_outcomes_are_kept_once(journal: SqlJournal) -> None:
    journal.record(forecast())
    assert [(one.horizon, one.as_of, one.symbols) for one in journal.open_sessions("live")] == [
        ("1d", "2016-03-01", SYMBOLS)
    ]
    assert journal.checked("live") is None
    assert journal.settle("live", "v2", [outcomes(symbols=SYMBOLS[:3])], [], 5.0) == (3, 0)
    assert journal.open_sessions("live")[0].symbols == ("DDD",)
    assert journal.settle("live", "v3", [outcomes(returns=0.5)], [], 6.0) == (1, 0)
    assert journal.open_sessions("live") == []
    (found,) = journal.outcomes("live", "1d")
    assert found.returns.tolist() == [0.01, 0.01, 0.01, 0.5]
    assert found.counted.tolist() == [False, True, True, True]
    assert journal.checked("live") == "v3"
    assert journal.settle("live", "v3", [outcomes(returns=0.7)], [], 7.0) == (0, 0)


def test_an_unknown_outcome_keeps_its_reason(journal: SqlJournal) -> None:
    journal.record(forecast(symbols=("AAA",)))
    nothing = np.array([np.nan])
    journal.settle(
        "live", "v", [replace(outcomes(symbols=("AAA",)), returns=nothing, excess=nothing, reason=("left",))], [], 1.0
    )
    (found,) = journal.outcomes("live", "1d")
    assert (found.reason, np.isnan(found.returns).all()) == (("left",), True)
    (state,) = journal.state()
    assert (state.outcomes, state.unknown, state.waiting) == (1, 1, 0)


def test_the_first_outcome_stays_and_restatements_are_counted_once(journal: SqlJournal) -> None:
    journal.record(forecast())
    journal.settle("live", "v1", [outcomes()], [], 1.0)
    moved = Restatement("1d", np.datetime64("2016-03-01"), "BBB", 0.02, 0)
    assert journal.settle("live", "v2", [], [moved], 2.0) == (0, 1)
    assert journal.settle("live", "v2", [], [moved], 2.0) == (0, 0)
    (found,) = journal.outcomes("live", "1d")
    assert found.returns.tolist() == [0.01] * 4
    (last,) = journal.last_returns("live", "1d", "2016-03-01")
    assert (last.times.tolist(), last.returns.tolist()) == ([0, 1, 0, 0], [0.01, 0.02, 0.01, 0.01])
    assert journal.last_returns("live", "1d", "2016-03-02") == []
    assert journal.state()[0].restated == 1


def test_however_much_is_restated_is_one_statement(journal: SqlJournal) -> None:
    """A year of a universe is a third of a million rows; one by one they would shut others out for minutes."""
    journal.settle("live", "v1", [outcomes()], [], 1.0)
    moved = [Restatement("1d", np.datetime64("2016-03-01"), symbol, 0.02, 0) for symbol in SYMBOLS]
    asked: list[str] = []

    def ask(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(journal.engine, "before_cursor_execute", ask)
    assert journal.settle("live", "v2", [], moved, 2.0) == (0, 4)
    assert sum(statement.startswith("UPDATE journal_outcomes") for statement in asked) == 1


def test_exposures_are_rows_of_their_own(journal: SqlJournal) -> None:
    journal.record(forecast())
    journal.expose([shown(), shown(symbol="BBB"), shown("r2", include_ml=False, horizon=None, ml_weight=None)])
    journal.expose([shown(score=99.0), shown("r3")])
    journal.expose([])
    assert journal.exposures() == 4
    assert journal.state()[0].entries == 4


def test_however_many_rows_are_written_the_driver_has_few_statements_to_keep(journal: SqlJournal) -> None:
    said: set[str] = set()
    event.listen(journal.engine, "before_cursor_execute", lambda *about: said.add(about[2]))
    for count in range(1, 700, 7):
        journal.expose([shown(f"{count:032d}", f"S{n}") for n in range(count)])
    assert len(said) <= 12


def test_many_exposures_at_once_are_kept_each_to_the_last_bit(journal: SqlJournal) -> None:
    made = [shown(f"{n // 25:032d}", f"S{n % 25}", score=100.0 / (n + 1), shown_at=1.7e9 + n / 3) for n in range(1_203)]
    journal.expose(made)
    journal.expose([*made, shown("another")])
    with transaction(journal.engine, reads=True) as connection:
        found = connection.execute(select(EXPOSURES).order_by("shown_at")).all()
    assert [Exposure(*row) for row in found] == [shown("another"), *made]


def test_state_counts_sessions(journal: SqlJournal) -> None:
    journal.record(forecast())
    journal.record(forecast(method="voting", standard=False))
    journal.record(forecast("2016-03-02", timely=False))
    journal.settle("live", "v", [outcomes()], [], 1.0)
    (state,) = journal.state()
    assert (state.first, state.last) == ("2016-03-01", "2016-03-02")
    assert (state.forecasts, state.sessions, state.waiting, state.timely, state.entries) == (3, 2, 1, 1, 12)


def test_a_kill_in_the_middle_leaves_nothing_and_harms_nothing(
    database_url: str, journal: SqlJournal, pytestconfig: pytest.Config
) -> None:
    writer = launch(WRITE, database_url, pytestconfig.rootpath, "hang")
    assert writer.stdout is not None
    assert writer.stdout.readline() == "head written\n"
    writer.kill()
    writer.communicate()
    assert writer.returncode == -9
    assert journal.forecasts("live", "1d") == []
    assert journal.record(forecast())
    assert len(journal.forecasts("live", "1d")[0].symbols) == 4


def test_of_many_processes_one_records(database_url: str, journal: SqlJournal, pytestconfig: pytest.Config) -> None:
    racing = [launch(WRITE, database_url, pytestconfig.rootpath, "go") for _ in range(4)]
    assert sorted(finish(process) for process in racing) == ["False\n"] * 3 + ["True\n"]
    with transaction(journal.engine) as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (FORECASTS, ENTRIES)
        ]
    assert counts == [1, 4]


def test_a_failure_in_the_middle_leaves_nothing(journal: SqlJournal) -> None:
    twice = forecast(symbols=("AAA", "AAA", "BBB", "CCC"))
    with pytest.raises(DataError, match="VFR_DATABASE_URL"):
        journal.record(twice)
    assert journal.state() == []


def test_a_database_that_is_away_is_a_plain_error() -> None:
    engine = open_engine("sqlite:////nowhere/at/all.db")
    away = SqlJournal(engine)
    for call in (away.data_names, away.state, away.exposures, lambda: away.record(forecast())):
        with pytest.raises(DataError, match="VFR_DATABASE_URL"):
            call()
    engine.dispose()


def test_rows_of_the_first_revision_survive_up_and_down(engine: Engine) -> None:
    downgrade(engine, "0001")
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO provider_pace VALUES ('acme', 1.0, 2.0, 'why')"))
    Lease(engine, "sync", "a", 10.0).acquire(0.0)
    migrate(engine)
    assert SqlJournal(engine).record(forecast())
    downgrade(engine, "0001")
    migrate(engine)
    assert SqlJournal(engine).state() == []
    assert Lease(engine, "sync", "b", 10.0).holder(5.0) == "a"
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT reason FROM provider_pace")).scalar_one() == "why"


def test_votes_are_those_of_the_forecasts_that_count(journal: SqlJournal) -> None:
    one = forecast("2016-03-01", seed=1)
    alone = {"members": ("linear",), "model_ids": ("linear-1d-b",), "weights": np.ones(1)}
    journal.record(
        replace(one, **alone, member_p_up=one.member_p_up[1:] / 2, member_expected=one.member_expected[1:] / 2)
    )
    journal.record(one)
    journal.record(forecast("2016-03-02", seed=2, base_rate=np.nan))
    journal.record(forecast("2016-03-03", method="chosen", standard=False))
    journal.record(forecast("2016-03-04", seed=3))
    found = journal.votes("live", "1d", "2016-03-01", "2016-03-03")
    kept = journal.forecasts("live", "1d", "2016-03-01", "2016-03-03")
    assert [str(votes.as_of) for votes in found] == ["2016-03-01", "2016-03-02"]
    for votes, whole in zip(found, kept, strict=True):
        for field in fields(Votes):
            np.testing.assert_array_equal(getattr(votes, field.name), getattr(whole, field.name), err_msg=field.name)
