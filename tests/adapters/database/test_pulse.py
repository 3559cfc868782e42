"""The pulse of a database file: it beats for every commit of others, and for nothing else."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vfr.adapters.database.follower import ANYWAY_S, Follower
from vfr.adapters.database.pulse import FilePulse

WRITE = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (1)'); c.commit()"


def made(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE t (x)")
    connection.commit()
    return connection


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vfr.sqlite3"


@pytest.fixture
def pulse(file: Path) -> Iterator[FilePulse]:
    pulse = FilePulse(file)
    yield pulse
    pulse.close()


def by_this_process(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


def by_another_process(file: Path) -> None:
    subprocess.run([sys.executable, "-c", WRITE, str(file)], check=True)  # noqa: S603 - this interpreter


def by_cutting_the_log_back_first(file: Path) -> None:
    """The log is written from its beginning again: its length and perhaps its time stay what they were."""
    with sqlite3.connect(file) as connection:
        connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        connection.execute("INSERT INTO t VALUES (1)")
    connection.close()


@pytest.mark.parametrize("write", [by_this_process, by_another_process, by_cutting_the_log_back_first])
def test_a_commit_is_felt_and_nothing_else_is(file: Path, pulse: FilePulse, write: Callable[[Path], None]) -> None:
    open_all_along = made(file)
    before = pulse.beat()
    assert before is not None
    assert pulse.beat() == before
    write(file)
    after = pulse.beat()
    assert after not in (None, before)
    open_all_along.execute("SELECT count(*) FROM t").fetchall()
    open_all_along.execute("INSERT INTO t VALUES (2)")  # Not committed: nobody else sees it.
    assert pulse.beat() == after
    open_all_along.close()


def test_no_file_and_no_database_have_none(file: Path, pulse: FilePulse) -> None:
    assert pulse.beat() is None
    assert not file.exists()
    file.write_bytes(b"no database at all" * 100)
    assert pulse.beat() is None


def test_a_file_in_its_place_is_another(file: Path, pulse: FilePulse) -> None:
    made(file).close()
    before = pulse.beat()
    made(file.with_suffix(".new")).close()
    file.with_suffix(".new").replace(file)
    assert pulse.beat() not in (None, before)


class Beats:
    """A pulse of choice."""

    def __init__(self) -> None:
        self.now: object = 1
        self.closed = 0

    def beat(self) -> object:
        return self.now

    def close(self) -> None:
        self.closed += 1


class Reads:
    """Counts how often it is read, and fails if told to."""

    def __init__(self) -> None:
        self.count, self.fails = 0, False

    def __call__(self, _known: int | None) -> int:
        self.count += 1
        if self.fails:
            raise OSError
        return self.count


def test_what_has_no_new_beat_is_read_after_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("vfr.adapters.database.follower.elapsed_ms", lambda: now[0])
    pulse, reads = Beats(), Reads()
    follower = Follower("test", reads, pulse=pulse)
    counts = []
    for beat, later_ms in ((1, 0.0), (1, 10.0), (2, 10.0), (2, 10.0), (2, 1e3 * ANYWAY_S), (2, 10.0)):
        pulse.now = beat
        now[0] += later_ms
        follower.glance()
        counts.append(reads.count)
    assert counts == [1, 1, 2, 2, 3, 3]


def test_what_cannot_be_told_or_read_is_read_each_time() -> None:
    pulse, reads = Beats(), Reads()
    follower = Follower("test", reads, pulse=pulse)
    pulse.now = None
    follower.glance()
    follower.glance()
    assert reads.count == 2
    pulse.now, reads.fails = 1, True
    follower.glance()
    follower.glance()
    assert reads.count == 4
    reads.fails = False
    follower.glance()
    follower.glance()
    assert reads.count == 5


def test_the_thread_lets_the_pulse_go_when_it_ends() -> None:
    pulse = Beats()
    follower = Follower("vfr-test-pulse", Reads(), pulse=pulse)
    follower.start()
    (thread,) = (one for one in threading.enumerate() if one.name == "vfr-test-pulse")
    follower.close()
    thread.join(10.0)
    assert pulse.closed == 1
