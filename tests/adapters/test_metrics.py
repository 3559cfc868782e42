"""Figures of one process, and of several that answer as one."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from vfr.adapters.metrics import FAMILIES, Metrics
from vfr.errors import DataError

CHILD = """
import sys, time
from pathlib import Path
from vfr.adapters.metrics import Metrics
metrics = Metrics(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    metrics.request("/a", "GET", 200, 0.002)
metrics.take([("vfr_cache_bytes", {}, 100.0), ("vfr_ml_enabled", {}, 1.0)])
told = metrics.render().decode()
print(told if sys.argv[3] == "tell" else "ready", flush=True)
sys.stdin.read()
"""


def values(text: str) -> dict[str, float]:
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_requests_and_predictions_are_counted() -> None:
    metrics = Metrics()
    metrics.request("/api/health", "GET", 200, 0.003)
    metrics.request("/api/health", "GET", 200, 0.3)
    metrics.request("/api/health", "GET", 503, 0.1)
    metrics.predictions("7d", "OK", 25)
    found = values(metrics.render().decode())
    assert found['vfr_requests_total{method="GET",route="/api/health",status="200"}'] == 2
    assert found['vfr_requests_total{method="GET",route="/api/health",status="503"}'] == 1
    assert found['vfr_request_seconds_bucket{le="0.005",route="/api/health"}'] == 1
    assert found['vfr_request_seconds_count{route="/api/health"}'] == 3
    assert found['vfr_predictions_total{code="OK",horizon="7d"}'] == 25


def test_methods_that_clients_invent_are_one_figure() -> None:
    metrics = Metrics()
    for number in range(100):
        metrics.request("other", f"X{number}", 405, 0.001)
    found = values(metrics.render().decode())
    assert {name: count for name, count in found.items() if name.startswith("vfr_requests_total")} == {
        'vfr_requests_total{method="other",route="other",status="405"}': 100
    }


def test_running_totals_of_others_become_counters_and_states_gauges() -> None:
    metrics = Metrics()
    for written, waiting in ((5.0, 9.0), (8.0, 2.0), (8.0, 0.0)):
        metrics.take([("vfr_journal_rows", {"what": "written"}, written), ("vfr_journal_waiting", {}, waiting)])
    found = values(metrics.render().decode())
    assert found['vfr_journal_rows_total{what="written"}'] == 8
    assert found["vfr_journal_waiting"] == 0


def test_a_figure_that_cannot_be_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.metrics.SAMPLE_S", 0.01)
    metrics, errors = Metrics(), [DataError("away"), RuntimeError("wrong")]

    def read() -> list[tuple[str, dict[str, str], float]]:
        if errors:
            raise errors.pop()
        return [("vfr_journal_waiting", {}, 7.0)]

    metrics.follow(read)
    for _ in range(500):
        if values(metrics.render().decode()).get("vfr_journal_waiting") == 7.0:
            break
        time.sleep(0.01)
    metrics.close()
    assert values(metrics.render().decode())["vfr_journal_waiting"] == 7.0


def test_what_is_counted_here_reaches_others_whatever_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.adapters.metrics.SAMPLE_S", 0.01)
    metrics = Metrics()

    def read() -> list[tuple[str, dict[str, str], float]]:
        raise DataError("away")

    metrics.request("/a", "GET", 200, 0.002)
    metrics.follow(read)
    for _ in range(500):
        told = values(generate_latest(metrics._registry).decode())
        if told.get('vfr_requests_total{method="GET",route="/a",status="200"}') == 1.0:
            break
        time.sleep(0.01)
    else:
        pytest.fail("it stays in memory")
    metrics.close()


def test_a_label_that_a_family_does_not_have_is_an_error() -> None:
    with pytest.raises(KeyError):
        Metrics().take([("vfr_journal_rows", {}, 1.0)])


def test_processes_answer_as_one_and_the_dead_leave_their_counts(tmp_path: Path) -> None:
    def start(count: int, then: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 (the program is this one)
            [sys.executable, "-c", CHILD, str(tmp_path), str(count), then],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        )

    first = start(3, "wait")
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    second = start(4, "tell")
    told, _ = second.communicate("")
    found = values(told)
    first.communicate("")
    third = start(0, "tell")
    later = values(third.communicate("")[0])
    assert later['vfr_requests_total{method="GET",route="/a",status="200"}'] == 7
    assert later["vfr_cache_bytes"] == 100  # Of the one that lives.
    assert found['vfr_requests_total{method="GET",route="/a",status="200"}'] == 7
    assert found["vfr_cache_bytes"] == 200
    assert found["vfr_ml_enabled"] == 1


def test_every_family_says_what_it_is() -> None:
    assert all(family.help.endswith(".") and family.kind for family in FAMILIES.values())


def test_the_table_of_figures_in_the_documentation_is_that_of_the_code() -> None:
    text = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `vfr_")]
    documented = [name for row in rows for name in re.findall(r"`(vfr_\w+)`", row)]
    shown = [f"{name}_total" if family.kind == "counter" else name for name, family in FAMILIES.items()]
    assert sorted(documented) == sorted(shown)
