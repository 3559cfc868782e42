"""`vfr bench` measures a real server, and shows every figure beside its limit."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfr.cli.bench import _print
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


@pytest.mark.load
def test_a_quick_run_measures_every_case_and_nothing_fails(cli, bundled_home: Path) -> None:
    told = cli("bench", "--quick", "--json", home=bundled_home)
    assert told.code == 0, told.err
    rows = {row["name"]: row for row in told.json["rows"]}
    assert rows["1 symbol, classic, token and limits, 64 connections: answers"]["value"] > 0
    assert rows["floor, 64 connections: errors"]["value"] == 0
    assert "cpu" in told.json["machine"]
    assert not told.json["ml"]
