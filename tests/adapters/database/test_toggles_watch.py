"""The switches as processes follow them: soon, everywhere, through restarts and outages, and never on by mistake."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.adapters.database.conftest import finish, launch
from tests.models.stored_versions import card, files_of
from tests.redis_server import RedisServer, redis_server

from vfr import bootstrap
from vfr.adapters.database.toggles_watch import WatchedToggles
from vfr.bootstrap.toggles import ToggleDesk
from vfr.errors import DataError, InvalidField
from vfr.settings import Settings
from vfr.workflows.toggles import UNKNOWN, ToggleState

WATCH = """
import sys, time
from pathlib import Path
from vfr import bootstrap
from vfr.settings import Settings
home, url, redis = sys.argv[1:]
toggles = bootstrap.build(Settings(data_home=Path(home), database_url=url, redis_url=redis or None)).toggles
seen = None
for _ in range(20_000):
    state = toggles.read()
    now = state.enabled, dict(state.off)
    if now != seen:
        print(time.time(), *now, flush=True)
        seen = now
    time.sleep(0.002)
"""


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def desk_at(home: Path, url: str | None = None, **more: object) -> ToggleDesk:
    return bootstrap.build(Settings(data_home=home, database_url=url, **more)).toggles


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    """A Redis server of its own."""
    with redis_server() as server:
        yield server


def heard(process: subprocess.Popen[str]) -> tuple[float, str]:
    assert process.stdout is not None
    at, _, state = process.stdout.readline().partition(" ")
    return float(at), state.strip()


def turned_is_seen_by_two_processes(home: Path, url: str, redis: str) -> None:
    desk = desk_at(home, url, redis_url=redis or None)
    desk.turn("linear", False, reason="odd", who="ana")
    watching = [launch(WATCH, home, url, redis) for _ in range(2)]
    try:
        assert {heard(one)[1] for one in watching} == {"True {'linear': 'odd'}"}
        time.sleep(0.5)
        for enabled, said in ((False, "False {'linear': 'odd'}"), (True, "True {'linear': 'odd'}")):
            start = time.time()
            desk.turn("ml", enabled, reason="drift", who="ana")
            found = [heard(one) for one in watching]
            assert {state for _, state in found} == {said}
            took = max(at for at, _ in found) - start
            print(f"seen by both after {1e3 * took:.0f} ms")  # noqa: T201 - shown with -s
            assert took < 5.0
    finally:
        desk.close()
        for one in watching:
            one.kill()
            one.communicate()


def test_two_processes_see_a_change_soon(tmp_path: Path, database_url: str) -> None:
    turned_is_seen_by_two_processes(tmp_path, database_url, "")


def test_two_processes_are_told_through_redis(tmp_path: Path, redis: RedisServer) -> None:
    turned_is_seen_by_two_processes(tmp_path, f"sqlite:///{tmp_path / 'test.db'}", redis.url)


def test_a_restart_keeps_it(tmp_path: Path, database_url: str) -> None:
    first, second = (desk_at(tmp_path, database_url) for _ in range(2))
    first.turn("ml", False, reason="drift", who="ana")
    first.close()
    state = second.read()
    assert (state.enabled, state.reason) == (False, "drift")
    second.close()


def test_nothing_is_opened_and_no_thread_runs_before_the_first_question(tmp_path: Path) -> None:
    before = threading.active_count()
    desk = desk_at(tmp_path)
    assert desk.state() == ToggleState()
    assert (threading.active_count(), list(tmp_path.iterdir())) == (before, [])


def test_whichever_thread_asks_first_or_next_waits_for_the_first_look() -> None:
    def opened() -> None:
        time.sleep(0.3)

    toggles = WatchedToggles(opened, lambda: None)
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: toggles.read(), range(4)))
    toggles.close()
    assert found == [ToggleState()] * 4


def test_a_home_without_a_database_is_on_until_another_process_makes_one(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    assert desk.read().enabled
    assert not (tmp_path / "vfr.sqlite3").exists()
    desk_at(tmp_path).turn("ml", False, reason="drift", who="ana")
    assert until(lambda: not desk.read().enabled)
    desk.close()


def test_a_database_that_is_away_at_the_start_is_off_and_says_so(tmp_path: Path) -> None:
    desk = desk_at(tmp_path, "postgresql://postgres@127.0.0.1:9/none")
    assert desk.read() == UNKNOWN == desk.state()
    assert "cannot be read" in desk.read().reason
    for refused in (desk.all, desk.problems, lambda: desk.turn("ml", True, reason="r", who="w")):
        with pytest.raises(DataError, match="VFR_DATABASE_URL"):
            refused()
    desk.close()


def test_a_database_file_that_is_none_is_off(tmp_path: Path) -> None:
    (tmp_path / "vfr.sqlite3").write_bytes(b"this is no database" * 100)
    desk = desk_at(tmp_path)
    assert not desk.read().enabled
    assert not desk.state().enabled
    desk.close()


def test_what_was_known_holds_while_the_database_is_away_and_is_followed_afterwards(tmp_path: Path) -> None:
    desk, other = (desk_at(tmp_path, chaos=chaos) for chaos in (True, False))
    other.turn("ml", False, reason="drift", who="ana")
    assert not desk.read().enabled
    bootstrap.build(Settings(data_home=tmp_path, chaos=True)).chaos.write(away())
    time.sleep(0.6)
    other.turn("ml", True, reason="mended", who="ana")
    time.sleep(0.6)
    assert not desk.read().enabled
    with pytest.raises(DataError, match="rehearsal"):
        desk.turn("ml", True, reason="mended", who="ana")
    bootstrap.build(Settings(data_home=tmp_path, chaos=True)).chaos.clear()
    assert until(lambda: desk.read().enabled)
    desk.close()


def away() -> object:
    from vfr.workflows.chaos import ChaosState

    return ChaosState(db="down", until=time.time() + 60)


def test_a_process_sees_its_own_change_at_once(tmp_path: Path) -> None:
    desk = desk_at(tmp_path)
    assert desk.read().enabled
    desk.turn("ml", False, reason="drift", who="ana")
    assert not desk.read().enabled
    desk.close()


@pytest.mark.parametrize("bad", ["", "ML", "lin", "../x", "linear-7d-none", "x" * 5_000, "a\x00b"])
def test_a_switch_that_does_not_exist_is_refused_naming_those_that_do(tmp_path: Path, bad: str) -> None:
    app = bootstrap.build(Settings(data_home=tmp_path))
    made = app.models.save(card("one", data_name="x"), files_of())
    with pytest.raises(InvalidField, match=rf"^id: .*ml, lightgbm.*{made.model_id}") as refused:
        app.toggles.turn(bad, False, reason="r", who="w")
    assert len(str(refused.value)) < 2_000
    assert app.toggles.audit(9) == ()
    app.toggles.turn(made.model_id, False, reason="r", who="w")
    assert app.toggles.one(made.model_id).enabled is False
    assert [one.id for one in app.toggles.all() if not one.enabled] == [made.model_id]


@pytest.mark.parametrize("reason", ["", "   ", "a\x00b", "x" * 501, "a\nb"])
def test_a_reason_is_required(tmp_path: Path, reason: str) -> None:
    desk = desk_at(tmp_path)
    with pytest.raises(InvalidField, match="reason"):
        desk.turn("ml", False, reason=reason, who="ana")
    assert desk.state().enabled


FORMER = {"enabled": False, "reason": "drift", "who": "ana", "at": "2026-01-02T03:04:05+00:00"}


def former(home: Path, body: bytes) -> Path:
    path = home / "ml" / "switch.json"
    path.parent.mkdir()
    path.write_bytes(body)
    return path


def test_the_switch_of_an_earlier_version_is_taken_over_once(tmp_path: Path) -> None:
    path = former(tmp_path, json.dumps(FORMER).encode())
    desk = desk_at(tmp_path)
    assert not desk.read().enabled
    assert not path.exists()
    [row] = desk.audit(9)
    assert (row.toggle.id, row.toggle.reason, row.toggle.who, row.toggle.at) == ("ml", "drift", "ana", FORMER["at"])
    desk.turn("ml", True, reason="mended", who="ana")
    path.write_bytes(json.dumps(FORMER).encode())
    assert desk_at(tmp_path).state().enabled
    desk.close()


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"enabled": true}', b"\xff"])
def test_a_damaged_switch_of_an_earlier_version_is_off(tmp_path: Path, damage: bytes) -> None:
    former(tmp_path, damage)
    assert not desk_at(tmp_path).state().enabled


FORK = """
import os, sys, time
from pathlib import Path
from vfr import bootstrap
from vfr.settings import Settings
home, url = sys.argv[1:]
build = lambda: bootstrap.build(Settings(data_home=Path(home), database_url=url)).toggles
desk = build()
desk.turn("trees", False, reason="r", who="w")
assert desk.read().enabled
child = os.fork()
if child == 0:
    end = time.monotonic() + 10
    while desk.read().enabled and time.monotonic() < end:
        time.sleep(0.005)
    print("seen by the child" if not desk.read().enabled else "not seen", flush=True)
    os._exit(0)
build().turn("ml", False, reason="r", who="w")
os.waitpid(child, 0)
"""


def test_a_forked_process_follows_by_itself(tmp_path: Path, database_url: str) -> None:
    assert finish(launch(FORK, tmp_path, database_url)) == "seen by the child\n"


class Way:
    """A way to PostgreSQL that can swallow everything: neither an answer nor a refusal."""

    def __init__(self, port: int) -> None:
        self.open, self._port = True, port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def close(self) -> None:
        for one in (self._listener, *self._ends):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._ends += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=(source, target), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65_536):
                if self.open:
                    target.sendall(piece)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_was_known_holds_while_the_network_swallows_every_question(tmp_path: Path, database_url: str) -> None:
    way = Way(5432)
    desk = desk_at(tmp_path, database_url.replace(":5432", f":{way.port}"))
    other = desk_at(tmp_path, database_url)
    other.turn("ml", False, reason="drift", who="ana")
    assert not desk.read().enabled
    way.open = False
    other.turn("ml", True, reason="mended", who="ana")
    time.sleep(0.6)
    start = time.monotonic()
    assert not desk.read().enabled
    assert time.monotonic() - start < 5.0, "a question is waited for a minute"
    way.open = True
    assert until(lambda: desk.read().enabled, 15.0)
    desk.close()
    other.close()
    way.close()
