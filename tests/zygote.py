"""A process that imports once and forks a child for each line it is told: children that are killed are cheap."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def zygote(code: str) -> Iterator[Callable[[str], int]]:
    """Run code that prints ``ready``, then a number for each line of its input; yields what tells it a line."""
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None
        assert stdout.readline() == "ready\n"

        def tell(line: str) -> int:
            stdin.write(f"{line}\n")
            stdin.flush()
            return int(stdout.readline())

        yield tell
        stdin.close()
