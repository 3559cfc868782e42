"""Work in another process: results and errors come back, the line is bounded, and a lost process is replaced."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Event

import psutil
import pytest

from vfr.adapters.compute.pool import PIPE_BYTES, ProcessPool
from vfr.errors import InvalidField, Overloaded

PARENT = """
import os, sys
from vfr.adapters.compute.pool import ProcessPool
if __name__ == "__main__":
    pool = ProcessPool()
    print(pool.run(os.getpid), flush=True)
    sys.stdin.read()
"""


def refuse() -> None:
    raise InvalidField("day", "is too early")


def wait_for_file(path: Path) -> int:
    while not path.exists():
        Event().wait(0.02)
    return os.getpid()


def die_once(path: Path) -> str:
    if not path.exists():
        path.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "lived"


def hang() -> None:
    Event().wait(600)


def announce_and_hang(folder: Path) -> None:
    (folder / str(os.getpid())).touch()
    hang()


def gone(pid: int) -> bool:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        Event().wait(0.05)
    return False


@pytest.fixture
def pool() -> Iterator[ProcessPool]:
    with closing(ProcessPool(waiting=2)) as made:
        yield made


def test_results_and_errors_come_back_from_one_process(pool: ProcessPool) -> None:
    first = pool.run(os.getpid)
    assert first != os.getpid()
    with pytest.raises(InvalidField, match="day"):
        pool.run(refuse)
    assert pool.run(os.getpid) == first


def test_one_more_than_may_wait_is_refused(pool: ProcessPool, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as many:
        asked = [many.submit(pool.run, wait_for_file, tmp_path / "go") for _ in range(3)]
        while sum(one.running() for one in asked) < 3:
            Event().wait(0.01)
        Event().wait(0.1)
        with pytest.raises(Overloaded):
            pool.run(os.getpid)
        (tmp_path / "go").touch()
        assert len({one.result(30) for one in asked}) == 1
    assert pool.run(os.getpid)


def test_a_process_that_dies_is_replaced(pool: ProcessPool, tmp_path: Path) -> None:
    assert pool.run(die_once, tmp_path / "died") == "lived"
    os.kill(pool.run(os.getpid), signal.SIGKILL)
    assert pool.run(os.getpid)


def test_a_process_that_hangs_is_ended() -> None:
    with closing(ProcessPool(limit_s=1.0)) as pool, pytest.raises(Overloaded):
        pool.run(hang)
    with closing(ProcessPool(limit_s=60.0)) as pool:
        assert pool.run(os.getpid)


def test_without_work_the_process_ends_and_comes_back() -> None:
    with closing(ProcessPool(idle_s=0.05)) as pool:
        first = pool.run(os.getpid)
        assert gone(first)
        assert pool.run(os.getpid) != first


def test_what_runs_when_it_is_closed_is_not_begun_again(tmp_path: Path) -> None:
    pool = ProcessPool()
    first = pool.run(os.getpid)
    with ThreadPoolExecutor(1) as other:
        running = other.submit(pool.run, announce_and_hang, tmp_path)
        while not list(tmp_path.iterdir()):
            Event().wait(0.01)
        pool.close()
        with pytest.raises(Overloaded):
            running.result(30)
    assert [path.name for path in tmp_path.iterdir()] == [str(first)]
    assert gone(first)


def test_a_large_result_is_whole_and_has_room_on_its_way() -> None:
    with closing(ProcessPool()) as pool:
        assert pool.run(bytes, 3_000_000) == bytes(3_000_000)
        assert pool._executor is not None
        room = fcntl.fcntl(pool._executor._result_queue._reader.fileno(), fcntl.F_GETPIPE_SZ)
        assert room == PIPE_BYTES


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    pipe = subprocess.PIPE
    parent = subprocess.Popen([sys.executable, str(script)], stdin=pipe, stdout=pipe, text=True)  # noqa: S603
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.communicate()
    assert gone(child)
