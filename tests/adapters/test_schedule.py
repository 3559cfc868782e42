"""The worker: one leader among processes, take-over after a kill, a clean end, and failures that end nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from vfr.adapters import schedule
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
from vfr.adapters.database.migrate import migrate
from vfr.adapters.schedule import Job, run_worker
from vfr.clock import utc_now
from vfr.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Engine

PATIENCE = 60.0
"""Seconds after which something that should have happened is given up."""

WORKER = """
import sys, time
from pathlib import Path
from vfr.adapters.database.engine import open_engine
from vfr.adapters.database.leases import Lease
from vfr.adapters.schedule import Job, run_worker
from vfr.clock import utc_now
url, owner, diary, lasting = sys.argv[1:]
def note(word):
    with Path(diary).open("a") as handle:
        handle.write(f"{owner} {word}\\n")
def work():
    note("began")
    time.sleep(float(lasting))
    note("ended")
run_worker([Job("work", 0.1, work)], lease=Lease(open_engine(url), "leader", owner, 1.5), clock=utc_now)
note("left")
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path / 'worker.db'}"
    engine = open_engine(made)
    migrate(engine)
    engine.dispose()
    return made


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    made = open_engine(url)
    yield made
    made.dispose()


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as entries:
        yield entries


def until(happened: Callable[[], object]) -> None:
    for _ in range(int(PATIENCE / 0.02)):
        if happened():
            return
        time.sleep(0.02)
    pytest.fail("it did not happen")


@contextmanager
def working(jobs: Sequence[Job], lease: Lease) -> Iterator[None]:
    """Run a worker in a thread for the length of the block."""
    stop: SimpleQueue[str] = SimpleQueue()
    worker = threading.Thread(target=run_worker, args=(jobs,), kwargs={"lease": lease, "clock": utc_now, "stop": stop})
    worker.start()
    try:
        yield
    finally:
        stop.put("enough")
        worker.join(PATIENCE)
        assert not worker.is_alive()


@contextmanager
def started(url: str, owner: str, diary: Path, lasting: float) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WORKER, url, owner, str(diary), str(lasting)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # noqa: S603
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


def test_another_takes_over_after_the_leader_was_killed(url: str, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    with started(url, "one", diary, 0.0) as one, started(url, "two", diary, 0.0) as two:
        processes = {"one": one, "two": two}
        until(lambda: len(lines(diary)) >= 20)
        leader = lines(diary)[0].split()[0]
        follower = "two" if leader == "one" else "one"
        processes[leader].kill()
        until(lambda: f"{follower} ended" in lines(diary))
        assert processes[follower].poll() is None
    owners = [line.split()[0] for line in lines(diary)]
    assert owners == sorted(owners, key=[leader, follower].index), "never both"


def test_sigterm_ends_after_the_running_job_and_frees_the_lease(url: str, engine: Engine, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    # The job lasts longer than the lease: the ending worker must keep it.
    with started(url, "first", diary, 2.5) as first:
        until(lambda: lines(diary))
        first.terminate()
        assert first.wait(PATIENCE) == 0
    assert lines(diary) == ["first began", "first ended", "first left"]
    assert Lease(engine, "leader", "second", 30.0).acquire(utc_now().timestamp())


def test_a_job_that_fails_is_logged_and_runs_again(engine: Engine, logged: list[Any]) -> None:
    runs: list[int] = []

    def fail() -> None:
        runs.append(1)
        raise DataError("the vendor is down")

    with working([Job("bad", 0.05, fail)], Lease(engine, "leader", "a", 30.0)):
        until(lambda: len(runs) >= 3)
    failures = [entry for entry in logged if entry["event"] == "job_failed"]
    assert failures[0]["job"] == "bad"
    assert failures[0]["error"] == "DataError"
    assert str(failures[0]["exc_info"]) == "the vendor is down"


def test_one_instance_of_a_job_at_a_time_and_jobs_beside_each_other(engine: Engine, logged: list[Any]) -> None:
    inside, most, other = [0], [0], [0]
    go_on = threading.Event()

    def slow() -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        go_on.wait(PATIENCE)
        inside[0] -= 1

    def quick() -> None:
        other[0] += 1

    with working([Job("slow", 0.05, slow), Job("quick", 0.05, quick)], Lease(engine, "leader", "a", 30.0)):
        until(lambda: other[0] >= 5 and any(entry.get("reason") == "it was still running" for entry in logged))
        go_on.set()
    assert most[0] == 1


def test_nothing_starts_while_another_leads(engine: Engine) -> None:
    Lease(engine, "leader", "other", 3_600.0).acquire(utc_now().timestamp())
    runs: list[int] = []
    lease = Lease(engine, "leader", "a", 0.15)
    with working([Job("work", 0.02, lambda: runs.append(1))], lease):
        time.sleep(0.5)
    assert runs == []
    assert lease.holder(utc_now().timestamp()) == "other"


def test_a_stolen_lease_stops_the_jobs_and_its_return_resumes_them(engine: Engine, logged: list[Any]) -> None:
    runs: list[int] = []
    with working([Job("work", 0.02, lambda: runs.append(1))], Lease(engine, "leader", "a", 0.3)):
        until(lambda: runs)
        with engine.begin() as connection:
            connection.exec_driver_sql("UPDATE leases SET owner = 'thief', expires_at = expires_at + 3600")
        until(lambda: any(entry["event"] == "worker_stands_by" for entry in logged))
        before = len(runs)
        time.sleep(0.3)
        assert len(runs) == before
        Lease(engine, "leader", "thief", 1.0).release()
        until(lambda: len(runs) > before)


@pytest.mark.parametrize("when", ["* * * *", "61 * * * mon", "0 22 * * 1-5", "0 0 31 2 *", ""])
def test_wrong_cron_lines(engine: Engine, when: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        run_worker([Job("work", when, print)], lease=Lease(engine, "leader", "a", 1.0), clock=utc_now)


class Board:
    """Real triggers and a real scheduler that is never started, so that a test decides what time it is."""

    def __init__(self, engine: Engine, when: str, now: datetime) -> None:
        self.now = now
        self.scheduler = schedule._scheduler(1)
        self.scheduler.start(paused=True)
        lease = Lease(engine, "leader", "a", 60.0)
        self.worker = schedule._Worker(self.scheduler, lease, lambda: self.now)
        self.runs = 0
        trigger = schedule._trigger("work", when, now)
        self.job = self.scheduler.add_job(self.worker.guarded("work", self.run), trigger, id="work")
        self.job.modify(next_run_time=trigger.get_next_fire_time(None, now))
        self.resumed = False
        self.scheduler.resume = self.resume

    def resume(self) -> None:
        self.resumed = True

    def run(self) -> None:
        self.runs += 1


@pytest.fixture
def evening(engine: Engine) -> Iterator[Board]:
    """A worker started on a Monday at 20:00 with a job at 22:00."""
    board = Board(engine, "0 22 * * mon-fri", datetime(2026, 3, 2, 20, 0, tzinfo=UTC))
    yield board
    board.scheduler.shutdown()


def test_take_over_does_not_repeat_what_the_leader_did(engine: Engine, evening: Board) -> None:
    other = Lease(engine, "leader", "other", 60.0)
    evening.now = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
    other.acquire(evening.now.timestamp())
    evening.worker.beat()
    assert not evening.resumed
    evening.now += timedelta(seconds=60)
    evening.worker.beat()
    assert evening.resumed
    assert evening.job.next_run_time == datetime(2026, 3, 3, 22, 0, tzinfo=UTC)


def test_take_over_does_what_the_leader_died_before(engine: Engine, evening: Board) -> None:
    other = Lease(engine, "leader", "other", 60.0)
    evening.now = datetime(2026, 3, 2, 21, 59, 50, tzinfo=UTC)
    other.acquire(evening.now.timestamp())
    evening.now += timedelta(seconds=59)
    evening.worker.beat()
    evening.now += timedelta(seconds=1)
    evening.worker.beat()
    assert evening.resumed
    assert evening.job.next_run_time == datetime(2026, 3, 2, 22, 0, tzinfo=UTC)


def test_a_machine_that_slept_makes_up_for_it(evening: Board) -> None:
    evening.worker.beat()
    evening.now = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
    assert evening.job.next_run_time < evening.now
    assert evening.job.misfire_grace_time is None
    evening.worker.guarded("work", evening.run)()
    assert evening.runs == 1


def test_a_job_is_left_out_where_another_leads(engine: Engine, evening: Board, logged: list[Any]) -> None:
    Lease(engine, "leader", "other", 60.0).acquire(evening.now.timestamp())
    evening.worker.guarded("work", evening.run)()
    assert evening.runs == 0
    assert [(entry["event"], entry["job"]) for entry in logged] == [("job_left_out", "work")]


def test_a_job_is_put_off_while_the_database_is_away(evening: Board, logged: list[Any], tmp_path: Path) -> None:
    whole = evening.worker.lease
    evening.worker.lease = replace(whole, engine=open_engine(f"sqlite:///{tmp_path / 'no' / 'where.db'}"))
    evening.worker.guarded("work", evening.run)()
    evening.worker.beat()
    assert evening.runs == 0
    assert not evening.resumed
    assert evening.job.next_run_time == evening.now
    assert [entry["event"] for entry in logged] == ["job_put_off", "lease_unknown"]
    evening.worker.lease = whole
    evening.worker.beat()
    assert evening.resumed
