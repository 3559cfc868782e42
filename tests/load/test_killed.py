"""A server process that is killed under load takes with it what it was asked at that moment, and nothing else."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event

from tests.asgi.running import gone, kinds, until
from tests.load.asking import group, under_load
from tests.load.conftest import Tell

from vfr.cli.bench_server import served

CONNECTIONS = 32


def test_a_killed_server_process_is_replaced_and_the_other_answers(folder: Path, home: Path, tell: Tell) -> None:
    with served(home, folder, {"VFR_WORKERS": "2", "VFR_LOG_LEVEL": "error"}) as server:
        symbols = server.symbols()[:40]
        with under_load(server, 10.0, [group(server, CONNECTIONS, symbols)]) as load:
            Event().wait(1.0)
            killed, *_ = kinds(server.process)["worker"]
            killed.send_signal(signal.SIGKILL)
            until(lambda: gone(killed), 10)
            until(lambda: len([one for one in kinds(server.process)["worker"] if not gone(one)]) == 2, 20)
            [classic] = load.result()
        after = server.drive(1.0, [group(server, CONNECTIONS, symbols)])[0]
    tell(f"{classic['answered']} answers, {classic['errors']} connections broken, slowest {classic['max_ms']:.0f} ms")
    assert set(classic["statuses"]) <= {"200", "broken"}
    assert classic["errors"] <= CONNECTIONS
    assert after["errors"] == 0
