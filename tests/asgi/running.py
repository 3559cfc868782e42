"""A server as processes: started, asked, looked into, stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psutil

from vfr.clock import elapsed_ms

SERVE = "from vfr import asgi, settings; asgi.serve(settings.load())"


def start(code: str, home: Path, port: int, **more: str) -> subprocess.Popen[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VFR_")}
    env = kept | {"VFR_DATA_HOME": str(home), "VFR_PORT": str(port)} | more
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], env=env, cwd=home, stdout=pipe, stderr=pipe, text=True)  # noqa: S603


@contextmanager
def serving(home: Path, port: int, **more: str) -> Iterator[subprocess.Popen[str]]:
    process = start(SERVE, home, port, **more)
    try:
        until(lambda: process.poll() is not None or answers(port), 30)
        assert process.poll() is None, process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(port: int, path: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 (http, to this machine)
        answer: dict[str, Any] = json.loads(response.read())
    return answer


def answers(port: int) -> bool:
    try:
        ask(port, "/api/health/ready")
    except OSError:
        return False
    return True


def until(true: Callable[[], object], seconds: float) -> None:
    """Wait until something holds, and fail if it does not in time."""
    start = elapsed_ms()
    while not true():
        assert elapsed_ms(start) < 1e3 * seconds, "not in time"
        Event().wait(0.05)


def kinds(process: subprocess.Popen[str]) -> dict[str, list[psutil.Process]]:
    """Return the processes of a server by what they are."""
    found: dict[str, list[psutil.Process]] = {"engine": [], "worker": [], "computer": [], "trainer": []}
    for child in psutil.Process(process.pid).children(recursive=True):
        try:
            words = " ".join(child.cmdline())
        except psutil.NoSuchProcess:  # It has ended, and nobody has asked how.
            continue
        if "vfr.asgi.engine" in words:
            found["engine"].append(child)
        elif "train_starter" in words:
            found["trainer"].append(child)
        elif "spawn_main" in words:
            found["worker" if child.ppid() == process.pid else "computer"].append(child)
    return found


def gone(process: psutil.Process) -> bool:
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class Load:
    """Clients that ask the same thing again and again on connections they keep, and what came of it."""

    port: int
    body: dict[str, Any]
    answers: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    slowest_ms: float = 0.0

    @contextmanager
    def running(self, clients: int = 2) -> Iterator[None]:
        stop = Event()
        threads = [Thread(target=self._ask, args=(stop,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            stop.set()
            for thread in threads:
                thread.join()

    def _ask(self, stop: Event) -> None:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not stop.wait(0.002):
            begun = elapsed_ms()
            try:
                link.request("POST", "/api/stocks/analyze", json.dumps(self.body), {"Content-Type": "application/json"})
                response = link.getresponse()
                answer = json.loads(response.read())
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                link.close()
                continue
            if response.status != 200:
                self.failures.append(str(answer))
            else:
                self.answers.append(answer)
            self.slowest_ms = max(self.slowest_ms, elapsed_ms(begun))
        link.close()


def freeze(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGSTOP)


def thaw(process: psutil.Process) -> None:
    os.kill(process.pid, signal.SIGCONT)
