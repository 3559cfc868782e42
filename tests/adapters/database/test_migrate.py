"""Migrations: up, down and up again on both databases, by many processes at once, and back after a refusal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, column, inspect, select, table, text
from tests.adapters.database.conftest import finish, launch
from tests.empty_database import Recorded

from vfr.adapters.database import migrate as migrations
from vfr.adapters.database.accounts import SqlAccounts
from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.journal import SqlJournal
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import HEAD, downgrade, migrate
from vfr.adapters.database.tables import METADATA
from vfr.errors import DataError
from vfr.journal.records import versions_key
from vfr.workflows.journal_tallies import keep_tallies

MIGRATE = """
import sys
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.migrate import migrate
migrate(open_engine(sys.argv[1]))
print("alembic" in sys.modules)
"""


@pytest.fixture(autouse=True)
def every_upgrade_is_worked_out(tables_are_worked_out_once: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here the migration tool itself is what is tested."""
    monkeypatch.setattr(migrations, "_upgrade", tables_are_worked_out_once.upgrade)


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def test_up_down_up(bare: Engine) -> None:
    migrate(bare)
    assert tables(bare) == set(METADATA.tables)
    downgrade(bare)
    assert tables(bare) == set()
    migrate(bare)
    assert tables(bare) == set(METADATA.tables)


def test_migrated_tables_are_the_declared_ones(engine: Engine) -> None:
    with transaction(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
        for name, table in METADATA.tables.items():
            found = inspect(connection).get_pk_constraint(name)["name"]
            assert found == table.primary_key.name == f"pk_{name}"


def test_recorded_statements_make_the_same_tables(bare: Engine, tables_are_worked_out_once: Recorded) -> None:
    recorded = Recorded(tables_are_worked_out_once.upgrade)
    for _ in range(2):
        with bare.connect() as connection, connection.begin() as undone:
            recorded(connection)
            assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
            assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one() == HEAD
            undone.rollback()
        recorded.upgrade = never
        assert tables(bare) == set()


def never(_connection: Connection) -> None:
    raise AssertionError("worked out again")


def test_head_is_the_newest_revision() -> None:
    config = Config()
    config.set_main_option("script_location", "vfr.adapters.database:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_rows_survive_a_second_migration(engine: Engine) -> None:
    Lease(engine, "sync", "a", 10.0).acquire(0.0)
    migrate(engine)
    assert Lease(engine, "sync", "b", 10.0).holder(5.0) == "a"


def test_many_processes_at_once_and_later_ones_load_no_tool(database_url: str, bare: Engine) -> None:
    started = [launch(MIGRATE, database_url) for _ in range(6)]
    assert {finish(process).strip() for process in started} <= {"True", "False"}
    assert tables(bare) == set(METADATA.tables)
    assert finish(launch(MIGRATE, database_url)).strip() == "False"


def test_threads_of_one_process_migrate_databases_of_their_own(tmp_path: Path) -> None:
    engines = [open_engine(f"sqlite:///{tmp_path / f'{k}.db'}") for k in range(8)]
    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(migrate, engines))
    for one in engines:
        assert tables(one) == set(METADATA.tables)
        one.dispose()


def test_a_failed_migration_leaves_nothing_behind(bare: Engine) -> None:
    with transaction(bare) as connection:
        connection.execute(text("CREATE TABLE provider_pace (other integer)"))
    with pytest.raises(DataError, match="VFR_DATABASE_URL"):
        migrate(bare)
    assert tables(bare) == {"provider_pace"}


def test_database_of_a_newer_version_is_refused(engine: Engine) -> None:
    with transaction(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DataError, match=r"newer version of VFR .* upgrade VFR"):
        migrate(engine)
    assert tables(engine) == set(METADATA.tables)


JOURNAL = {
    "journal_forecasts": {
        "id": 1, "data_name": "live", "horizon": "1d", "as_of": "2016-03-01", "data_version": "d",
        "versions": versions_key(["linear-1d-a"], "equal"),
        "members": '[["linear", "linear-1d-a", 1.0]]', "method": "equal", "standard": True, "feature_spec": "s",
        "inputs": "i", "base_rate": 0.53, "level": 0.9, "timely": True, "created_at": 1.0, "settled_at": None,
    },
    "journal_entries": {
        "forecast_id": 1, "symbol": "AAA", "p_up": 0.6, "expected": 0.01, "low": -0.01, "high": 0.03,
        "confidence": 0.51, "ml_score": 70.0, "classic": 61.5, "classic_tier": "MODERATE_BUY", "blended": 62.0,
        "blended_tier": "MODERATE_BUY", "members": np.array([0.6, 0.01], dtype="<f4").tobytes(),
    },
    "journal_outcomes": {
        "data_name": "live", "horizon": "1d", "as_of": "2016-03-01", "symbol": "AAA", "basis": "open",
        "returns": 0.02, "direction": 1.0, "excess": 0.01, "counted": True, "reason": None, "data_version": "d",
        "settled_at": 2.0, "restated": 0, "latest": 0.02, "latest_version": "d",
    },
    "journal_exposures": {
        "request": "r1", "symbol": "AAA", "data_name": "live", "as_of": "2016-03-01", "horizon": None, "score": 61.5,
        "include_ml": False, "ml_weight": None, "shown_at": 3.0,
    },
    "journal_checks": {"data_name": "live", "data_version": "d", "checked_at": 2.0},
}  # fmt: skip
"""A row of each table, as the second revision has them."""


def rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """What the tables hold in the columns of the second revision; None is left as it is."""
    with transaction(engine, reads=True) as connection:
        found = {}
        for name, one in JOURNAL.items():
            columns = [METADATA.tables[name].c[key] for key in one]
            found[name] = [dict(row) for row in connection.execute(select(*columns)).mappings()]
    return found


def test_rows_of_an_older_snapshot_survive_up_down_and_up(bare: Engine) -> None:
    migrate(bare)
    downgrade(bare, "0002")
    with transaction(bare) as connection:
        for name, row in JOURNAL.items():
            connection.execute(METADATA.tables[name].insert().values(row))
    expected = {name: [row] for name, row in JOURNAL.items()}
    assert rows(bare) == expected
    for turn in range(2):
        migrate(bare)
        assert rows(bare) == expected
        journal = SqlJournal(bare)
        assert journal.forecasts("live", "1d")[0].classic.tolist() == [61.5]
        assert journal.exposures() == 1
        assert keep_tallies(journal, "live", "1d") == 1, f"tallies are made again, turn {turn}"
        downgrade(bare, "0002")
        assert rows(bare) == expected
        assert "journal_tallies" not in tables(bare)


OLD_LOG = [(1, 2.5, "ana", "user added", "jane", "free: classic"), (4, 3.0, "system", "signing key rotated", "k1", "")]
"""Rows of the log of accounts as the sixth revision has them; two that were refused left a gap."""


def test_an_old_log_of_accounts_is_chained_and_goes_on(bare: Engine) -> None:
    migrate(bare)
    downgrade(bare, "0006")
    said = ("sequence", "at", "who", "action", "subject", "detail")
    log = table("account_audit", *map(column, said))
    with transaction(bare) as connection:
        connection.execute(log.insert(), [dict(zip(said, row, strict=True)) for row in OLD_LOG])
        connection.execute(text("UPDATE account_revision SET revision = 2"))
    for turn in range(2):
        migrate(bare)
        store = SqlAccounts(bare)
        assert store.problems() == ()
        assert [(row.sequence, row.at, row.subject) for row in store.changes(9)] == [(2, 3.0, "k1"), (1, 2.5, "jane")]
        downgrade(bare, "0006")
        with transaction(bare, reads=True) as connection:
            kept = connection.execute(select(log).order_by(log.c.sequence)).all()
        assert [tuple(row)[1:] for row in kept] == [row[1:] for row in OLD_LOG], turn
    own = "INSERT INTO account_audit (at, who, action, subject, detail) VALUES (4.0, 'ana', 'user deleted', 'jane', '')"
    with transaction(bare) as connection:
        connection.execute(text(own))
        assert connection.execute(text("SELECT max(sequence) FROM account_audit")).scalar_one() == 3
