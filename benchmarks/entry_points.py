"""What a person waits for: new processes from start to end, on a data home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measure import Row, medians


def measure(quick: bool) -> list[Row]:
    repeats = 3 if quick else 9
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "VFR_DATA_HOME": home}
        program = Path(sys.executable).with_name("vfr")

        def vfr(*arguments: str) -> None:
            subprocess.run([program, *arguments], env=environment, check=True, capture_output=True)  # noqa: S603

        vfr("data", "status", "--json")  # prepares the bundled data; compiled files of a checkout may be cold, too
        helped, analyzed, imported = medians(
            repeats,
            lambda: vfr("--help"),
            lambda: vfr("analyze", "AAPL", "--json"),
            lambda: subprocess.run([sys.executable, "-c", "import vfr"], check=True, capture_output=True),
        )
    return [
        Row("vfr --help, new process", helped, "ms", 400.0, repeats),
        Row("vfr analyze AAPL, new process, bundled data", analyzed, "ms", 2000.0, repeats),
        Row("import vfr, new process", imported, "ms", None, repeats),
    ]
