"""The same question asked by wrk, a load generator written in C: what ours measures is not ours."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}


def wrk(
    port: int, path: str, body: dict[str, Any], headers: dict[str, str], connections: int, seconds: float
) -> dict[str, float] | None:
    """Return answers per second and the 99th percentile; None where wrk is not installed."""
    program = shutil.which("wrk")
    if program is None:
        return None
    more = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script = f"""
{more}
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [[{json.dumps(body)}]]
"""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "post.lua"
        file.write_text(script)
        sized = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "-s", str(file)]
        told = subprocess.run(  # noqa: S603
            [program, *sized, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
        ).stdout
    return read(told)


def read(told: str) -> dict[str, float]:
    """Return the two figures out of what wrk prints; answers other than 2xx make it an error.

    >>> read("    99%    12.50ms\\nRequests/sec:   4321.00\\n")
    {'per_s': 4321.0, 'p99_ms': 12.5}
    """
    if "Non-2xx" in told:
        raise RuntimeError("wrk met answers other than 200")
    tail = re.search(r"99%\s+([\d.]+)(us|ms|s)", told)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
    if tail is None or rate is None:
        raise RuntimeError("wrk said nothing that can be read")
    return {"per_s": float(rate[1]), "p99_ms": float(tail[1]) * _UNITS[tail[2]]}
