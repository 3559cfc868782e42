"""`vfr ab`: started, listed, reported and stopped from the command line."""

from __future__ import annotations

import inspect
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from vfr.api.schemas_experiments import RuleBody
from vfr.cli.ab import group, shares_of, start
from vfr.errors import InvalidField
from vfr.experiments.experiment import StopRule


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
    assert json.loads(ab("report", "--json"))["atStop"]["dates"] == 0
    shown = ab("report")
    assert "Verdict when it was stopped: nothing yet" in shown
    assert "Verdict by now: nothing yet" in shown


def test_every_door_takes_the_same_stop_rule(ab: Any) -> None:
    wanted = {"error": 0.1, "tightAt": 40, "first": 25, "margin": 0.01}
    options = [f"--{name}={value}" for name, value in (wanted | {"tight-at": 40}).items() if name != "tightAt"]
    assert json.loads(ab("start", "own rule", "--why", "to see", *options, "--json"))["experiment"]["rule"] == wanted
    names = {field.name for field in fields(StopRule)}
    assert set(inspect.signature(start).parameters) >= names
    assert set(RuleBody.model_fields) == names
    rules = [
        {name: RuleBody.model_fields[name].default for name in names},
        {name: inspect.signature(start).parameters[name].default for name in names},
    ]
    assert rules == [asdict(StopRule())] * 2


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
