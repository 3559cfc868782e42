"""Migrations: up, down and up again on both databases, by many processes at once, and back after a refusal."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text
from tests.adapters.database.conftest import finish, launch

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import HEAD, downgrade, migrate
from vfr.adapters.database.tables import METADATA
from vfr.errors import DataError

MIGRATE = """
import sys
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.migrate import migrate
migrate(open_engine(sys.argv[1]))
print("alembic" in sys.modules)
"""


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
