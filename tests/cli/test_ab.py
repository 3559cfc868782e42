"""`vfr ab`: started, listed, reported and stopped from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vfr.cli.ab import group, shares_of
from vfr.errors import InvalidField


@pytest.fixture
def ab(bundled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run `vfr ab` on the bundled data with a database of its own."""
    monkeypatch.setenv("VFR_DATA_HOME", str(bundled_home))
    monkeypatch.setenv("VFR_DATABASE_URL", f"sqlite:///{tmp_path / 'ab.db'}")

    def call(*argv: str) -> str:
        result = CliRunner().invoke(group, argv, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.stdout

    return call


def test_start_report_stop_list(ab: Any) -> None:
    assert "no experiment yet" in ab("list")
    argv = ("--arms", "classic=0.4,ml=0.4,shadow=0.2", "--horizon", "1w", "--weight", "0.2", "--holdout", "0.1")
    made = json.loads(ab("start", "blend [b]", "--why", "to see", *argv, "--json"))["experiment"]
    assert (made["horizon"], made["weight"], made["startedBy"]) == ("7d", 0.2, "command line")
    assert made["arms"] == {"classic": 0.4, "ml": 0.4, "shadow": 0.2}
    with pytest.raises(InvalidField, match="another one runs"):
        ab("start", "more", "--why", "to see")
    shown = ab("report")
    assert "blend [b]: running" in shown
    assert "nothing yet: 0 values are known" in shown
    found = json.loads(ab("report", made["id"], "--json"))
    assert [one["arm"] for one in found["arms"]] == ["classic", "ml", "shadow", "holdout"]
    assert f"{made['id']} blend [b]: stopped" in ab("stop", made["id"], "--why", "enough")
    listed = json.loads(ab("list", "--json"))["experiments"]
    assert [(one["id"], one["stoppedWhy"]) for one in listed] == [(made["id"], "enough")]
    assert "stopped" in ab("list")


def test_a_report_of_nothing_says_what_to_do(ab: Any) -> None:
    with pytest.raises(InvalidField, match="vfr ab start"):
        ab("report")
    with pytest.raises(InvalidField, match="experiment"):
        ab("stop", "3f2a", "--why", "enough")


@pytest.mark.parametrize("text", ["classic", "classic=half,ml=0.5", "ml=0.5,ml=0.5", "=1"])
def test_arms_are_written_as_shares(text: str, ab: Any) -> None:
    with pytest.raises(InvalidField, match="arms"):
        ab("start", "blend", "--why", "to see", "--arms", text)


def test_shares_are_read() -> None:
    assert shares_of(" classic=0.25 ,ml=.75") == {"classic": 0.25, "ml": 0.75}
