"""A process that imports once and forks a child for each order: children that are killed are cheap."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TypeAlias

import pytest

ROOT = Path(__file__).resolve().parents[1]

FORKS = """
import json, os, sys, traceback

def lived(words):
    try:
        child(*words)
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)

print("ready", flush=True)
for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        lived(json.loads(line))
    print(pid, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


@dataclass(frozen=True)
class Child:
    """A forked process; the next one is forked once `ended` was asked."""

    pid: int
    answers: IO[str]
    complaints: IO[str]

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> int:
        """Wait for its end; return 0, or -9 where it was killed. Fails the test with the traceback of any other end."""
        status = int(self.answers.readline())
        if status not in (0, -signal.SIGKILL):
            pytest.fail(f"a forked child ended with {status}:\n{said(self.complaints)}")
        return status


Fork: TypeAlias = Callable[..., Child]


@contextmanager
def zygote(code: str) -> Iterator[Fork]:
    """Run code that imports and defines ``child``; yields what forks a process that calls it with the words given."""
    with (
        TemporaryFile("w+") as complaints,
        subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", code + FORKS],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        ) as process,
    ):
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        if stdout.readline() != "ready\n":
            process.wait()
            pytest.fail(f"what forks children did not start:\n{said(complaints)}")

        def fork(*words: object) -> Child:
            stdin.write(json.dumps([str(word) for word in words]) + "\n")
            stdin.flush()
            return Child(int(stdout.readline()), stdout, complaints)

        yield fork
        stdin.close()


def said(complaints: IO[str]) -> str:
    complaints.seek(0)
    return complaints.read()
