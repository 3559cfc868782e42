"""A process beside the servers: this program, with another beginning."""

from __future__ import annotations

import subprocess
import sys
from typing import IO, Final

__all__ = ["ended", "launch"]

STOP_S: Final = 10.0
"""Seconds a process may take to finish when it is told to end."""


def launch(code: str, log: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """Start a process that runs `code`, which must call `end_with_parent` first.

    Parameters
    ----------
    code : str
    log : file, optional
        Where it writes; by default where this process does.
    """
    # Its standard input is the thread of its life: it ends when this process is gone, however that came. In a session
    # of its own, Ctrl-C reaches the servers first, and it is ended when they have gone.
    return subprocess.Popen(  # noqa: S603 (the program is this one)
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def ended(process: subprocess.Popen[bytes]) -> int:
    """Tell a process to end, wait for it as long as it may take, and return how it ended."""
    process.terminate()
    try:
        status = process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        status = process.wait()
    if process.stdin is not None:
        process.stdin.close()
    return status
