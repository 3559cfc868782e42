"""The database in which processes agree on the pace of a vendor, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.migrate import migrate


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("pace") / "pace.sqlite3"
    engine = open_engine(f"sqlite:///{made}")
    migrate(engine)
    engine.dispose()
    return made


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(migrated, tmp_path / "pace.sqlite3"))
