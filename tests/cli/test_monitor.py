"""`vfr monitor performance`: what members did, whole at any width, with the broken one named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.workflows.service import MEMBERS, tracked_home

import vfr
from vfr.errors import InvalidField


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record at 1d whose first member broke in service."""
    return tracked_home(tmp_path_factory.mktemp("tracked"))


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Print as on a terminal of 80 columns."""
    monkeypatch.setattr("vfr.cli.output._PIPE_WIDTH", 80)
    monkeypatch.setenv("COLUMNS", "80")


def test_without_a_record_it_says_so(cli, bundled_home: Path) -> None:
    result = cli("monitor", "performance")
    assert (result.code, result.out.count("no data set is installed")) == (0, 3)
    result = cli("monitor", "performance", home=bundled_home)
    assert (result.code, result.out.count("equal weights: no record of members")) == (0, 3)
    body = cli("monitor", "performance", "--horizon", "1w,1d", "--json", home=bundled_home).json
    assert (body["success"], body["dataName"]) == (True, "bundled")
    assert [(one["horizon"], one["members"], one["weights"]) for one in body["horizons"]] == [
        ("7d", [], []),
        ("1d", [], []),
    ]


@pytest.mark.usefixtures("narrow")
def test_a_broken_member_is_benched_with_its_reason(cli, home: Path) -> None:
    result = cli("monitor", "performance", home=home)
    told = " ".join(result.out.split())
    assert result.code == 0
    assert max(len(line) for line in result.out.splitlines()) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in result.out
    assert "lightgbm is benched: rank correlation with the other members" in told
    assert "lightgbm 0.000 benched" in told
    assert "289 are out of fold from training, 39 were served" in told
    assert result.out.count("equal weights: no record of members") == 2
    for word in ("Excess", "Brier", "skill", "Log", "Rank", "Alarm by outcomes", "quiet, evidence", "False in"):
        assert word in result.out


def test_machines_get_all_of_it(cli, home: Path) -> None:
    body = cli("monitor", "performance", "--horizon", "1d", "--json", home=home).json
    (found,) = body["horizons"]
    broken, *others = found["members"]
    assert [one["member"] for one in found["members"]] == list(MEMBERS)
    assert (broken["weight"], broken["health"], broken["lastEvent"]["kind"]) == (0.0, 0.0, "benched")
    assert broken["reason"] in found["note"]
    assert [one["reason"] for one in others] == [None, None]
    assert [one["window"] for one in broken["figures"]] == [60, 252, None]
    assert set(broken["figures"][0]) == {
        *("window", "dates", "names", "first", "last", "accuracy", "brier", "brierSkill", "logLoss", "ic")
    }
    assert set(broken["alarm"]) >= {"rings", "power", "falseAlarms", "delay"}
    assert len(found["weights"]) > 12
    assert found["weights"][-1]["weights"] == {one["member"]: one["weight"] for one in found["members"]}


def test_the_python_api_says_the_same(cli, home: Path) -> None:
    body = cli("monitor", "performance", "--json", home=home).json
    assert {"success": True} | vfr.monitor_performance(home=home).to_dict() == body
    with pytest.raises(InvalidField, match="horizons"):
        vfr.monitor_performance(horizons=["4h"], home=home)


def test_a_damaged_record_is_one_and_the_others_are_shown(cli, home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / "copy")
    damaged = tmp_path / "copy" / "ensembles" / "synthetic-7d.vfe"
    damaged.write_bytes(b"?")
    result = cli("monitor", "performance", home=tmp_path / "copy")
    assert result.code == 1
    assert "7d: equal weights: what the members have earned cannot be read: synthetic-7d.vfe is truncated" in result.out
    assert "lightgbm is benched" in result.out
    body = cli("monitor", "performance", "--json", home=tmp_path / "copy").json
    assert (body["success"], [one["problem"] is None for one in body["horizons"]]) == (False, [True, False, True])


def test_a_database_that_is_away_is_one(cli, monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setenv("VFR_DATABASE_URL", "postgresql://postgres@127.0.0.1:1/nowhere")
    result = cli("monitor", "performance", home=home)
    assert (result.code, "VFR_DATABASE_URL" in result.out) == (1, True)


@pytest.mark.parametrize("argv", [("performance", "--horizon", "4h"), ("performance", "--horizon", ","), ("nothing",)])
def test_bad_usage_is_two(cli, argv: tuple[str, ...]) -> None:
    assert cli("monitor", *argv).code == 2
