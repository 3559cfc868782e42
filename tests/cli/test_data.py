"""`vfr data`: import, use, list, status, quality."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vfr.data.snapshot import Snapshot


def write(folder: Path, snapshot: Snapshot, *, rows: int = 300, columns: int = 6, sign: float = 1.0) -> Path:
    """Write closes of a snapshot as a wide CSV."""
    folder.mkdir(parents=True, exist_ok=True)
    panel = snapshot.panel
    names = [f"T{chr(65 + n)}" for n in range(columns)]
    lines = [",".join(("date", *names))]
    for day, closes in zip(panel.sessions[:rows], panel.close[:rows, 8 : 8 + columns], strict=True):
        lines.append(",".join((str(day), *("" if np.isnan(c) else f"{sign * c:.3f}" for c in closes))))
    (folder / "prices.csv").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture
def folder(tmp_path: Path, seeded_snapshot: Snapshot) -> Path:
    return write(tmp_path / "mine", seeded_snapshot)


def test_import_makes_the_data_current_and_says_how_good_it_is(cli, folder: Path) -> None:
    result = cli("data", "import", str(folder), "--as", "trial")
    assert result.code == 0
    assert "trial is now current: 6 symbols, " in result.out
    assert "closes_only" in result.out
    assert "reading prices" in result.err
    assert cli("analyze", "TA", "--json").json["data"]["metadata"]["dataName"] == "trial"


def test_the_same_import_twice_gives_the_same_version(cli, folder: Path, tmp_path: Path) -> None:
    first = cli("data", "import", str(folder), "--json").json
    second = cli("data", "import", str(folder), "--json", home=tmp_path / "other").json
    assert first["dataVersion"] == second["dataVersion"]
    assert cli("data", "status", "--json").json["dataVersion"] == first["dataVersion"]
    assert first["quality"]["facts"]["symbols"] == 6


def test_named_sets_stand_side_by_side(cli, folder: Path, tmp_path: Path, seeded_snapshot: Snapshot) -> None:
    write(tmp_path / "few", seeded_snapshot, columns=3)
    cli("data", "import", str(folder), "--as", "six")
    cli("data", "import", str(folder), "--prices", str(tmp_path / "few" / "prices.csv"), "--as", "three")
    listed = {row["name"]: row for row in cli("data", "list", "--json").json["datasets"]}
    assert {name: (row["symbols"], row["current"]) for name, row in listed.items()} == {
        "six": (6, False),
        "three": (3, True),
    }
    assert cli("data", "use", "six").out.startswith("six is now current")
    assert cli("data", "status", "--json").json["symbols"] == 6
    assert cli("data", "quality", "three", "--json").json["facts"]["symbols"] == 3
    assert "three" in cli("data", "list").out


def test_status_says_how_new_each_input_is(cli, bundled_home: Path) -> None:
    result, body = cli("data", "status", home=bundled_home), cli("data", "status", "--json", home=bundled_home).json
    prices = body["inputStatus"]["prices"]
    assert (prices["available"], prices["source"], prices["newest"]) == (True, "bundled", body["last"])
    assert (prices["age"]["unit"], prices["age"]["limit"], prices["age"]["fresh"]) == ("sessions", 1, False)
    assert prices["age"]["age"] > 900
    assert "sessions" in result.out
    assert body["inputStatus"]["volume"]["available"] is False
    assert body["dataVersion"] in result.out
    assert "adjusted for splits and dividends" in result.out


def test_quality_of_the_current_set(cli, bundled_home: Path) -> None:
    assert "survivors_only" in cli("data", "quality", home=bundled_home).out
    findings = cli("data", "quality", "--json", home=bundled_home).json["findings"]
    assert {"check", "severity", "count", "examples", "message"} <= set(findings[0])


def test_a_folder_that_is_not_there_is_bad_usage(cli, tmp_path: Path) -> None:
    (tmp_path / "a_file").write_text("")
    for path in ("missing", "a_file"):
        result = cli("data", "import", str(tmp_path / path))
        assert result.code == 2
        assert "give the folder" in result.err
    assert not (tmp_path / "home").exists()


def test_a_rejected_import_leaves_the_data_as_it_was(
    cli, folder: Path, tmp_path: Path, seeded_snapshot: Snapshot
) -> None:
    before = cli("data", "import", str(folder), "--as", "good", "--json").json["dataVersion"]
    write(tmp_path / "bad", seeded_snapshot, sign=-1.0)
    (tmp_path / "empty").mkdir()
    for name in ("bad", "empty"):
        result = cli("data", "import", str(tmp_path / name), "--as", "good", "--json")
        assert result.code == 1
        assert result.json["code"] == "IMPORT_REJECTED"
        assert result.json["error"]
    assert cli("data", "status", "--json").json["dataVersion"] == before


def test_a_name_that_is_a_path_is_refused(cli, folder: Path, tmp_path: Path) -> None:
    result = cli("data", "import", str(folder), "--as", "../../outside")
    assert result.code == 2
    assert result.err.splitlines()[-1].startswith("error: name: ")
    assert not list(tmp_path.rglob("outside*"))
