"""Opening a database: settings of each kind, and errors that name the setting and nothing secret."""

from __future__ import annotations

import logging
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tests.adapters.database.conftest import administer

from vfr.adapters.database.engine import open_engine, transaction
from vfr.adapters.database.migrate import migrate
from vfr.adapters.database.pace import Pace
from vfr.adapters.database.pulse import FilePulse
from vfr.errors import DataError

PASSWORD = "hunter2-never-shown"
OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_a_file_may_be_named_as_an_address(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///file:{tmp_path / 'a.db'}?uri=true")
    for _ in range(2):
        with transaction(engine) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()
    assert (tmp_path / "a.db").exists()


def test_sqlite_is_safe_for_several_processes(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with transaction(engine) as connection:
        pragmas = ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
        other = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
        with other.connect() as second:
            second.connection.driver_connection.execute("PRAGMA busy_timeout=0")
            with pytest.raises(Exception, match="locked"):
                second.execute(text("SELECT 1"))
        other.dispose()
    engine.dispose()
    assert found == ["wal", 30_000, 1, 1]


def test_the_write_ahead_log_is_cut_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.database.engine._LOG_BYTES", 100_000)
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE t AS SELECT randomblob(5000000) AS b"))
    assert (tmp_path / "a.db-wal").stat().st_size > 5_000_000
    for _ in range(2):
        with transaction(engine) as connection:
            connection.execute(text("INSERT INTO t VALUES (NULL)"))
    assert (tmp_path / "a.db-wal").stat().st_size <= 100_000
    engine.dispose()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+pg8000"])
def test_postgresql_gets_its_driver(scheme: str) -> None:
    engine = open_engine(f"{scheme}://user@host/name")
    assert engine.dialect.driver == "pg8000"
    assert engine.url.query == {}


def test_a_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(DataError, match="extra `postgres`"):
        open_engine("postgresql://user@host/name")


def test_encrypted_postgresql_checks_the_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    import pg8000.core

    seen = []

    def connect(*_: object, ssl_context: object = None, **__: object) -> None:
        seen.append(ssl_context)
        raise OSError

    monkeypatch.setattr(pg8000.core.CoreConnection, "__init__", connect)
    for mode in ("disable", "require", "verify-full"):
        with pytest.raises(DataError), transaction(open_engine(f"postgresql://u@h/d?sslmode={mode}")):
            pass
    assert seen == [None, True, True]
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PASSWORD}@h/d?sslmode=prefer",
        f"postgresql://u:{PASSWORD}@h/d?options=x",
        f"mysql://u:{PASSWORD}@h/d",
        f"postgresql+psycopg2://u:{PASSWORD}@h/d",
        f"postgresql://u:{PASSWORD}@h:port/d",
        PASSWORD,
        "",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_wrong_address_names_the_setting(url: str) -> None:
    with pytest.raises(DataError, match=r"^VFR_DATABASE_URL: ") as caught:
        open_engine(url)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql://u:{}@127.0.0.1:1/d", "sqlite:////nowhere-{}/a.db"])
def test_database_that_is_away(url: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = open_engine(url.format(PASSWORD))
    with pytest.raises(DataError, match=r"^VFR_DATABASE_URL: .* cannot be used .*check that it runs") as caught:
        migrate(engine)
    engine.dispose()
    assert PASSWORD not in str(caught.value) + caplog.text
    assert "127.0.0.1" not in str(caught.value)  # Whoever calls a server may read it.
    assert caught.value.__suppress_context__


def test_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("something else, long enough to be looked at as a page header" * 50)
    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    with pytest.raises(DataError, match=r"the database file cannot be used \(SQLITE_NOTADB\)") as caught:
        migrate(engine)
    engine.dispose()
    assert str(tmp_path) not in str(caught.value)


def test_missing_table_is_a_plain_error(bare: Engine) -> None:
    with pytest.raises(DataError, match="VFR_DATABASE_URL"), transaction(bare) as connection:
        connection.execute(text("SELECT * FROM leases"))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_restarted_server_is_found_again(engine: Engine) -> None:
    Pace(engine).reserve("acme", 1.0, 1, 0.0)
    administer(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{engine.url.database}'"  # noqa: S608
    )
    assert Pace(engine).reserve("acme", 1.0, 1, 0.0) == 1.0


def test_who_reads_waits_for_nobody_who_writes(engine: Engine) -> None:
    with transaction(engine) as writer:
        writer.execute(text("INSERT INTO leases VALUES ('a', 'b', 1.0)"))
        with transaction(engine, reads=True) as reader:
            assert reader.execute(text("SELECT count(*) FROM leases")).scalar() == 0
    with transaction(engine, reads=True) as reader:
        assert reader.execute(text("SELECT count(*) FROM leases")).scalar() == 1


def test_error_inside_changes_nothing(engine: Engine) -> None:
    def insert_and_fail() -> None:
        with transaction(engine) as connection:
            connection.execute(text("INSERT INTO leases VALUES ('a', 'b', 1.0)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    with transaction(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM leases")).scalar() == 0


def counted(engine: Engine) -> object:
    with transaction(engine, reads=True) as connection:
        return connection.execute(text("SELECT count(*) FROM t")).scalar()


def with_rows(file: Path, rows: int) -> Engine:
    engine = open_engine(f"sqlite:///{file}")
    with transaction(engine) as connection:
        connection.execute(text("CREATE TABLE t (x)"))
        connection.execute(text("INSERT INTO t VALUES (:x)"), [{"x": n} for n in range(rows)])
    return engine


@pytest.mark.parametrize("how", ["replaced", "removed"])
def test_a_file_in_the_place_of_the_one_in_use_is_refused_until_a_new_start(tmp_path: Path, how: str) -> None:
    file, other = tmp_path / "vfr.sqlite3", tmp_path / "backup.sqlite3"
    with_rows(other, 2).dispose()
    engine = with_rows(file, 1)
    assert counted(engine) == 1
    if how == "replaced":
        other.replace(file)
    else:
        file.unlink()
    for _ in range(2):
        with pytest.raises(DataError, match="replaced or removed while it was in use"):
            counted(engine)
    engine.dispose()
    assert file.exists() == (how == "replaced")
    if how == "replaced":
        for left in ("-wal", "-shm"):  # Else what was written last to the one before is read as part of this one.
            file.with_name(file.name + left).unlink(missing_ok=True)
        again = open_engine(f"sqlite:///{file}")
        assert counted(again) == 2
        again.dispose()


def test_a_backup_is_made_and_restored_while_it_is_in_use(tmp_path: Path) -> None:
    """With the two lines of docs/operations.md."""
    file, backup = tmp_path / "vfr.sqlite3", tmp_path / "backup.sqlite3"
    engine, pulse = with_rows(file, 1), FilePulse(file)
    keep, restore = re.findall(r'python -c "(.+)" \\\n', OPERATIONS.read_text())
    run_line(keep, file, backup)
    with transaction(engine) as connection:
        connection.execute(text("INSERT INTO t VALUES (2)"))
    before = pulse.beat()
    assert counted(engine) == 2
    run_line(restore, backup, file)
    assert counted(engine) == 1
    assert pulse.beat() not in (None, before)
    pulse.close()
    engine.dispose()


def run_line(line: str, *arguments: Path) -> None:
    subprocess.run([sys.executable, "-c", line, *map(str, arguments)], check=True)  # noqa: S603 - this interpreter
