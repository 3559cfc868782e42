from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest
from tests.adapters.test_archive import bars, unlocked
from tests.adapters.test_archive_damage import refused

from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import migrate
from vfr.adapters.store.archive import ParquetArchive
from vfr.adapters.store.archive_lock import file_lock, lease_lock
from vfr.adapters.store.objects import Objects, open_objects
from vfr.errors import DataError, SyncBusy

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


class Lapsing:
    """A lease that is lost at once: nobody renewed it in time."""

    ttl = 0.03

    def __init__(self) -> None:
        self.asked = 0

    def acquire(self, now: float) -> bool:
        return True

    def renew(self, now: float) -> bool:
        self.asked += 1
        return False

    def release(self) -> bool:
        raise DataError("the database is away")


def test_a_lost_lease_is_told_to_its_holder_and_never_asked_for_again() -> None:
    lease = Lapsing()
    with lease_lock(lambda name: cast("Lease", lease), lambda: NOW)("live") as held:
        assert not held()
        assert not held()
        asked = lease.asked
        Event().wait(5 * lease.ttl)
        assert not held()
    assert lease.asked == asked == 1


def test_a_writer_that_lost_its_lease_changes_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    migrate(engine)
    now = [NOW]
    owners = iter("abcd")
    lock = lease_lock(lambda name: Lease(engine, name, next(owners), ttl=60.0), lambda: now[0])
    objects = open_objects(f"memory://{tmp_path.name}/lock")
    slept, other = ParquetArchive(objects, "live", lock), ParquetArchive(objects, "live", lock)
    with slept.lock() as held:
        slept.publish({"bars": bars(2020, 2.0)}, sources=["one"], now=NOW)
        before = slept.publish({"bars": bars(2020, 2.0, 3.0)}, sources=["one"], now=NOW)
        assert held()
        now[0] += timedelta(seconds=90)
        with pytest.raises(SyncBusy, match="nothing was changed"):
            slept.publish({"bars": bars(2021, 2.0)}, sources=["one"], now=NOW)
        with pytest.raises(SyncBusy, match="nothing was changed"):
            slept.quarantine(refused("jump"))
    assert slept.quarantined().is_empty()
    assert other.versions()[0].version == before
    assert len(other.versions()) == 2


@pytest.mark.parametrize("moment", ["files/bars/2021", "versions/"])
@pytest.mark.parametrize("kept", [1, 5])
def test_two_writers_lose_nothing(tmp_path: Path, moment: str, kept: int) -> None:
    """The other publishes while this one writes its files, or its description."""
    objects = Meddled(open_objects(f"memory://{tmp_path.name}/{moment}{kept}"))
    mine = ParquetArchive(objects, "live", unlocked, kept)
    other = ParquetArchive(objects, "live", unlocked, kept)
    mine.publish({"bars": bars(2020, 2.0)}, sources=["one"], now=NOW)
    objects.meddle = lambda name: (
        other.publish({"bars": bars(2019, 7.0)}, sources=["one"], now=NOW + timedelta(days=2))
        if moment in name
        else None
    )
    with pytest.raises(SyncBusy, match="another process published"):
        mine.publish({"bars": bars(2021, 4.0)}, sources=["one"], now=NOW + timedelta(days=1))
    assert mine.read("bars")["close"].to_list() == [7.0, 2.0]
    assert len(mine.versions()) == min(2, kept)
    # What it wrote is still there for the writer that says it again.
    assert any(name.startswith("2021-") for name in objects.names("live/files/bars"))
    mine.publish({"bars": bars(2021, 4.0)}, sources=["one"], now=NOW + timedelta(days=3))
    assert mine.read("bars")["close"].to_list() == [7.0, 2.0, 4.0]


def test_what_was_published_before_its_turn_began_counts_and_after_does_not(tmp_path: Path) -> None:
    objects = open_objects(str(tmp_path))
    mine, other = (ParquetArchive(objects, "live", unlocked) for _ in range(2))
    with mine.lock():
        assert mine.versions() == []
        other.publish({"bars": bars(2019, 7.0)}, sources=["one"], now=NOW)
        with pytest.raises(SyncBusy):
            mine.publish({"bars": bars(2021, 4.0)}, sources=["one"], now=NOW)
    with mine.lock():
        mine.publish({"bars": bars(2021, 4.0)}, sources=["one"], now=NOW)
    assert mine.read("bars").height == 2


def test_a_folder_that_cannot_be_made_is_no_other_writer(tmp_path: Path) -> None:
    (tmp_path / "archives").touch()
    with pytest.raises(DataError, match="archive live cannot be written") as refusal:
        file_lock(tmp_path / "archives")("live").__enter__()
    assert not isinstance(refusal.value, SyncBusy)


class Meddled:
    """Files with somebody who does something just before one of them is written, once."""

    def __init__(self, real: Objects) -> None:
        self._real = real
        self.meddle: Callable[[str], object] = lambda name: None

    def put(self, name: str, data: bytes) -> None:
        meddle, self.meddle = self.meddle, lambda name: None
        if meddle(name) is None:
            self.meddle = meddle
        self._real.put(name, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)
