"""End with the process that started this one: killed, it can tell nobody."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing import parent_process
from threading import Thread

__all__ = ["end_with_parent"]


def end_with_parent() -> None:
    """Send this process SIGTERM once its parent is gone.

    A process of `multiprocessing` watches its parent; any other reads its standard input, which the parent holds open
    and never writes to.
    """
    parent = parent_process()
    wait: Callable[[], object] = _end_of_input if parent is None else parent.join

    def watch() -> None:
        wait()
        os.kill(os.getpid(), signal.SIGTERM)

    Thread(target=watch, name="parent", daemon=True).start()


def _end_of_input() -> None:
    # Not through `sys.stdin`: a thread that waits there holds its lock, and an interpreter that ends aborts on that.
    while os.read(0, 4096):
        pass
