"""`vfr doctor`: what it looks at, and that a failing check fails."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest

CHECKS = ["python", "packages", "settings", "data home", "data", "providers", "models"]
CHECKS += ["machine learning", "accounts", "port"]


def outcomes(body: dict) -> dict[str, str]:
    return {row["check"]: row["outcome"] for row in body["checks"]}


def test_a_sound_installation(cli, bundled_home: Path) -> None:
    result = cli("doctor", "--json", home=bundled_home)
    assert result.code == 0
    assert [row["check"] for row in result.json["checks"]] == CHECKS
    assert outcomes(result.json)["data"] == "ok"
    models = result.json["checks"][6]
    assert (models["outcome"], "vfr train" in models["fix"]) == ("note", True)
    assert "intact" in cli("doctor", home=bundled_home).out


@pytest.mark.parametrize("name", ["board.npz", "adj_close.npy", "prices.parquet"])
def test_a_single_changed_byte_fails_with_what_to_do(cli, bundled_home: Path, tmp_path: Path, name: str) -> None:
    home = tmp_path / "broken"
    shutil.copytree(bundled_home, home)
    [path] = home.glob(f"datasets/bundled/*/{name}")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = cli("doctor", "--json", home=home)
    assert result.code == 1
    assert result.json["success"] is False
    row = result.json["checks"][4]
    assert (row["outcome"], "vfr data import" in row["fix"]) == ("failed", True)
    assert name in row["message"]
    assert "failed" in cli("doctor", home=home).out


def test_a_damaged_board_is_one_sentence_for_every_command(cli, bundled_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "broken"
    shutil.copytree(bundled_home, home)
    [path] = home.glob("datasets/bundled/*/board.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    result = cli("analyze", "AAPL", "--json", home=home)
    assert (result.code, result.json["code"]) == (1, "DATASET_CORRUPT")


def test_a_home_that_cannot_be_written_fails(cli) -> None:
    result = cli("doctor", "--json", home=Path("/proc/nowhere"))
    assert result.code == 1
    assert outcomes(result.json)["data home"] == "failed"


def test_a_home_under_a_file_still_gets_every_check(cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = cli("doctor", "--json", home=tmp_path / "file" / "home")
    assert result.code == 1
    assert set(outcomes(result.json)) == set(CHECKS) | {"archives"}
    assert outcomes(result.json)["models"] == "failed"


def test_a_taken_port_and_a_misspelt_setting_are_notes(
    cli, bundled_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        monkeypatch.setenv("VFR_PORT", str(taken.getsockname()[1]))
        monkeypatch.setenv("VFR_PROT", "1")
        result = cli("doctor", "--json", home=bundled_home)
    assert result.code == 0
    assert outcomes(result.json)["port"] == "note"
    assert "VFR_PROT" in result.json["checks"][2]["message"]


def test_machine_learning_switched_off_is_a_note(cli, tmp_path: Path) -> None:
    cli("ml", "disable", "--reason", "trying")
    assert outcomes(cli("doctor", "--json").json)["machine learning"] == "note"
