"""The engine as a process: started again when it dies or hangs, replaced on demand, ended at the end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.asgi.running import until

from vfr.asgi import engine_process
from vfr.asgi.companion import ended, launch
from vfr.asgi.engine_process import EngineProcess

LIVES = "from vfr.bootstrap import end_with_parent; end_with_parent(); import signal; signal.pause()"
DIES = "raise SystemExit(3)"


@contextmanager
def watched(code: str, answers: bool = True) -> Iterator[EngineProcess]:
    def state(timeout_ms: int) -> dict[str, Any] | None:
        return {} if answers else None

    engine = EngineProcess(code, state)
    try:
        yield engine
    finally:
        engine.close()


def test_one_that_dies_is_started_again_ever_more_slowly(capfd: pytest.CaptureFixture[str]) -> None:
    with watched(DIES) as engine:
        first = engine.pid
        until(lambda: engine.pid != first, 20)
        said = ""

        def twice() -> bool:
            nonlocal said
            said += capfd.readouterr().err
            return "started again in 1.0 s" in said

        until(twice, 20)
    assert "ended (3); it is started again in 0.5 s" in said


def test_one_that_cannot_be_started_again_at_once_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(LIVES) as engine:
        first, short = engine.pid, iter([OSError(12, "Cannot allocate memory")])

        def launched(code: str) -> subprocess.Popen[bytes]:
            for error in short:
                raise error
            return launch(code)

        monkeypatch.setattr(engine_process, "launch", launched)
        engine.restart()
        assert engine.pid == first
        short = iter([OSError(12, "Cannot allocate memory")])
        os.kill(first, signal.SIGKILL)
        until(lambda: engine.pid != first, 20)


def test_one_that_is_killed_is_started_again() -> None:
    with watched(LIVES) as engine:
        first = engine.pid
        os.kill(first, signal.SIGKILL)
        until(lambda: engine.pid != first, 20)
        last = engine.pid
    assert not psutil.pid_exists(last)


def test_one_that_says_nothing_for_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_process, "_PING_S", 0.1)
    monkeypatch.setattr(engine_process, "_HUNG_S", 0.5)
    with watched(LIVES, answers=False) as engine:
        first = engine.pid
        until(lambda: engine.pid != first, 20)


def test_another_takes_its_place_on_demand() -> None:
    with watched(LIVES) as engine:
        first = engine.pid
        engine.restart()
        assert engine.pid != first
        until(lambda: not psutil.pid_exists(first), 20)
    engine.restart()
    assert not psutil.pid_exists(engine.pid)


def test_one_that_does_not_end_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("vfr.asgi.companion.STOP_S", 0.2)
    deaf = "import signal, sys; signal.signal(15, signal.SIG_IGN); print('up', flush=True); signal.pause()"
    with (tmp_path / "log").open("wb") as log:
        process = launch(deaf, log)
    until((tmp_path / "log").read_text, 20)
    assert ended(process) == -signal.SIGKILL
