"""`vfr bench` measures a real server, and shows every figure beside its limit."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from vfr.cli import bench_past
from vfr.cli.bench import _print
from vfr.cli.bench_past import days_before, past_days, until_idle
from vfr.cli.bench_rows import Row, machine
from vfr.cli.bench_server import copied


def test_every_figure_stands_beside_its_limit(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        Row("1 symbol: p50", 0.5, "ms", 0.8),
        Row("1 symbol: answers", 2_999.0, "req/s", 3_000.0),
        Row("floor: p50", 0.1234, "ms"),
    ]
    _print(rows, machine(), ml=False)
    head, _, one, floor, *rest = (line.split() for line in capsys.readouterr().out.splitlines() if line.strip())
    assert head == ["figure", "/", "limit", "p50", "ms", "answers", "req/s"]
    assert one == ["1", "symbol", "0.5", "/", "0.8", "2,999", "/", "3,000"]
    assert floor == ["floor", "0.123"]
    assert "cores," in rest[0]
    assert "`vfr train`" in " ".join(rest[-1])


def test_a_copy_has_what_answers_are_made_of_and_nobody_s_accounts(bundled_home: Path, tmp_path: Path) -> None:
    (bundled_home / "vfr.sqlite3").touch()
    copy = copied(bundled_home, tmp_path)
    assert (copy / "datasets").is_dir()
    assert not list(copy.glob("*.sqlite3*"))


class Scripted:
    """A server that is idle from the start, and whose first past day is without machine learning."""

    def __init__(self) -> None:
        self.asked: list[dict[str, object]] = []

    def used_s(self) -> float:
        return 0.0

    def ask(self, method, path, body):
        if "as_of" in body:
            self.asked.append(body)
        enhanced = {"mlEnhancement": {"mlAvailable": body.get("as_of") != self.asked[0]["as_of"]}} if self.asked else {}
        return 200, {"data": {"metadata": {"asOf": "2024-06-28", **enhanced}}}


def test_past_days_are_asked_at_once_and_after_what_is_computed_ahead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_past, "_LOOK_S", 0.01)
    server, told = Scripted(), []
    rows = {row.name: row for row in past_days(server, [f"S{n}" for n in range(30)], 3, 5, 60.0, told.append, ml=True)}
    assert [len(one["symbols"]) for one in server.asked] == [1] * 8 + [25] * 5
    assert len({one["as_of"] for one in server.asked}) == 13
    assert all(one["include_ml"] for one in server.asked)
    first, later = "past days, the first of a new server, 1 symbol", "past days later, 25 symbols"
    assert rows[f"{first}: without ML"].value == 1
    assert rows[f"{later}: without ML"].value == rows[f"{later}: errors"].value == 0
    assert rows[f"{later}: p50"].value <= rows[f"{later}: p99"].value <= rows[f"{later}: max"].value
    assert (rows[f"{later}: p99"].limit, rows[f"{later}: p99"].repeats) == (150.0, 5)
    assert rows["past days, what is computed ahead: waited"].value < 60.0
    assert told[0] == "Waiting for what is computed ahead"


def test_a_busy_server_is_waited_for_and_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_past, "_LOOK_S", 0.02)
    used = iter([*map(float, range(6)), *[6.0] * 99])
    assert 0.1 <= until_idle(lambda: next(used), 60.0) < 30.0
    assert next(used) == 6.0
    busy = iter(map(float, range(10_000)))
    assert 0.1 <= until_idle(lambda: next(busy), 0.1) < 30.0


def test_no_day_is_asked_for_twice_or_next_to_another() -> None:
    days = [date.fromisoformat(day) for day in days_before(date(2024, 6, 28), 212)]
    assert len(set(days)) == 212
    assert all(day.weekday() < 5 for day in days)
    assert min(abs((one - other).days) for one, other in pairwise(days)) >= 35


@pytest.mark.load
def test_a_quick_run_measures_every_case_and_nothing_fails(cli, bundled_home: Path) -> None:
    told = cli("bench", "--quick", "--json", home=bundled_home)
    assert told.code == 0, told.err
    rows = {row["name"]: row for row in told.json["rows"]}
    assert rows["1 symbol, classic, token and limits, 64 connections: answers"]["value"] > 0
    assert rows["floor, 64 connections: errors"]["value"] == 0
    assert rows["past days later, 25 symbols: errors"]["value"] == 0
    assert "cpu" in told.json["machine"]
    assert not told.json["ml"]
