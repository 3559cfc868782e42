"""A process ends with the one that started it, and by itself when it is done."""

from __future__ import annotations

import signal
import subprocess
import sys

WATCHES = "from vfr.adapters.compute.parent import end_with_parent; end_with_parent();"


def started(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WATCHES + code], stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603


def test_one_that_is_done_ends_well_while_its_parent_holds_its_input_open() -> None:
    with started("import time; time.sleep(0.2)") as process:
        assert process.wait(60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_one_whose_parent_is_gone_is_ended() -> None:
    with started("signal = __import__('signal'); signal.pause()") as process:
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(60) == -signal.SIGTERM
