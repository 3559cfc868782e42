from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import migrate
from vfr.adapters.store.archive_lock import file_lock, lease_lock
from vfr.errors import SyncBusy

NOW = datetime(2024, 3, 1, tzinfo=UTC)

HOLDER = """
import sys, time
from pathlib import Path
from vfr.adapters.store.archive_lock import file_lock
with file_lock(Path(sys.argv[1]))("live"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_folder_is_locked_until_its_holder_dies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:  # noqa: S603 - our own code
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(SyncBusy, match="live"), file_lock(tmp_path)("live"):
            pass
        with file_lock(tmp_path)("another"):
            pass
        other.kill()
    with file_lock(tmp_path)("live"):
        pass


def test_a_lease_is_renewed_while_held_and_given_back(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    migrate(engine)
    now = [NOW]
    owners = iter("abcd")

    def lease(name: str) -> Lease:
        return Lease(engine, f"archive {name}", next(owners), ttl=0.3)

    lock = lease_lock(lease, lambda: now[0])
    with lock("live"):
        with pytest.raises(SyncBusy), lock("live"):
            pass
        # The clock moves on by less than the lease's length at a time: the beat keeps it alive.
        for _ in range(4):
            now[0] += timedelta(seconds=0.2)
            _until_renewed(engine, now[0])
        with pytest.raises(SyncBusy), lock("live"):
            pass
    with lock("live"):
        pass


def _until_renewed(engine: object, now: datetime) -> None:
    """Wait for the heartbeat's thread to have seen the new time."""
    import time

    from sqlalchemy import Engine, select

    from vfr.adapters.database.engine import transaction
    from vfr.adapters.database.tables import LEASES

    assert isinstance(engine, Engine)
    for _ in range(200):
        with transaction(engine) as connection:
            if connection.execute(select(LEASES.c.expires_at)).scalar_one() >= now.timestamp() + 0.29:
                return
        time.sleep(0.02)
    pytest.fail("the lease was not renewed")
