"""`vfr ml`: the switch, seen by every later command."""

from __future__ import annotations

import contextlib

import pytest


def test_switching_off_and_on(cli) -> None:
    assert cli("ml", "status", "--json").json["enabled"] is True
    result = cli("ml", "disable", "--reason", "odd [figures]")
    assert result.code == 0
    assert result.out.startswith("Machine learning is off: odd [figures], changed by")
    state = cli("ml", "status", "--json").json
    assert (state["enabled"], state["changedBy"]) == (False, "command line")
    stock = cli("analyze", "AAPL", "--ml", "--json").json["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] == "DISABLED"
    assert cli("ml", "enable").out.startswith("Machine learning is on")
    assert cli("ml", "status", "--json").json["enabled"] is True


def test_a_turn_says_what_is_off_now_and_the_status_which_versions_that_is(cli, bundled_home, tmp_path) -> None:
    import shutil

    from tests.models.stored_versions import card, files_of

    from vfr import bootstrap
    from vfr.adapters.store.models import DirectoryModels
    from vfr.settings import Settings

    home = tmp_path / "home"
    shutil.copytree(bundled_home, home)
    store, name = DirectoryModels(home), bootstrap.build(Settings(data_home=home)).datasets.current()
    made = store.save(card("one", data_name=name), files_of())
    store.set_status(made.model_id, "champion", who="test", why="test")
    turned = cli("ml", "disable", "--member", "linear", "--reason", "odd", home=home).out
    assert turned.splitlines() == ["Machine learning is on", "  off  linear: odd"]
    assert f"{made.model_id}, learned until {made.labels_end} (off)" in cli("ml", "status", home=home).out
    cli("ml", "enable", "--member", "linear", home=home)
    assert "(off)" not in cli("ml", "status", home=home).out


def test_a_member_and_back(cli) -> None:
    assert cli("ml", "disable", "--member", "linear", "--reason", "odd").code == 0
    state = cli("ml", "status", "--json").json
    assert (state["enabled"], state["toggles"]) == (True, {"linear": "odd"})
    assert "off  linear: odd" in cli("ml", "status").out
    stock = cli("analyze", "AAPL", "--ml", "--members", "linear", "--json").json["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] in ("DISABLED", "NO_MODEL")
    assert cli("ml", "enable", "--member", "linear", "--json").json["toggles"] == {}


@pytest.mark.parametrize(
    ("words", "about"),
    [
        (("--member", "nobody"), "--member"),
        (("--model", "linear-7d-none"), "--model: there is no version linear-7d-none; `vfr models list --all` shows"),
        (("--member", "linear", "--model", "x"), "not both"),
    ],
)
def test_what_is_no_switch_is_refused(cli, words, about: str) -> None:
    result = cli("ml", "disable", *words, "--reason", "r")
    assert result.code == 2
    assert about in result.err
    assert cli("ml", "audit", "--json").json["rows"] == []


def test_who_turned_what_when_and_why(cli) -> None:
    assert "No rows" in cli("ml", "audit").out
    cli("ml", "disable", "--reason", "one [x]")
    cli("ml", "disable", "--member", "trees", "--reason", "two")
    found = cli("ml", "audit", "--json").json
    assert [(row["sequence"], row["id"], row["enabled"], row["who"]) for row in found["rows"]] == [
        (2, "trees", False, "command line"),
        (1, "ml", False, "command line"),
    ]
    assert found["problems"] == []
    assert "ml off by command line: one [x]" in cli("ml", "audit", "--limit", "9").out
    assert len(cli("ml", "audit", "--limit", "1", "--json").json["rows"]) == 1


def test_a_log_that_was_changed_is_told(cli, tmp_path) -> None:
    import sqlite3

    cli("ml", "disable", "--reason", "one")
    with contextlib.closing(sqlite3.connect(tmp_path / "home" / "vfr.sqlite3")) as database:
        database.execute("UPDATE toggle_audit SET who = 'nobody'")
        database.commit()
    result = cli("ml", "audit")
    assert result.code == 1
    assert "row 1 was changed after it was written" in result.out
    failed = [check for check in cli("doctor", "--json").json["checks"] if check["outcome"] == "failed"]
    assert any("row 1 was changed" in check["message"] for check in failed)


def test_a_database_that_cannot_be_read_is_off_and_told(cli, tmp_path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "vfr.sqlite3").write_bytes(b"this is no database" * 100)
    state = cli("ml", "status", "--json").json
    assert (state["enabled"], "cannot be read" in state["reason"]) == (False, True)
    assert cli("analyze", "AAPL", "--json").code == 0
    refused = cli("ml", "enable")
    assert (refused.code, "VFR_DATABASE_URL" in refused.err) == (1, True)
    found = [check for check in cli("doctor", "--json").json["checks"] if check["check"] == "machine learning"]
    assert [check["outcome"] for check in found] == ["note", "failed"]
    assert all("VFR_DATABASE_URL" in check["fix"] for check in found)


def test_the_doctor_says_what_really_switches_on(cli, monkeypatch) -> None:
    def fix() -> str:
        [found] = [one for one in cli("doctor", "--json").json["checks"] if one["check"] == "machine learning"]
        return str(found["fix"])

    cli("ml", "disable", "--reason", "odd")
    assert fix() == "vfr ml enable"
    monkeypatch.setenv("VFR_ML_ENABLED", "false")
    assert fix() == "unset VFR_ML_ENABLED, and restart"


def test_a_reason_must_say_something(cli) -> None:
    result = cli("ml", "disable", "--reason", "  ")
    assert result.code == 2
    assert "reason" in result.err
    assert cli("ml", "status", "--json").json["enabled"] is True


def test_a_damaged_champion_is_named_with_what_answers_for_it(cli, bundled_home, tmp_path) -> None:
    import shutil

    from tests.models.stored_versions import card, files_of

    from vfr import bootstrap
    from vfr.adapters.store.models import DirectoryModels
    from vfr.settings import Settings

    home = tmp_path / "home"
    shutil.copytree(bundled_home, home)
    store, name = DirectoryModels(home), bootstrap.build(Settings(data_home=home)).datasets.current()
    for tail in ("one", "two"):
        made = store.save(card(tail, data_name=name), files_of())
        store.set_status(made.model_id, "champion", who="test", why="test")
    assert cli("ml", "status", "--json", home=home).json["warnings"] == []
    (home / "models" / "linear-7d-two" / "calibration.json").unlink()
    warning = "linear-7d-two: calibration.json is missing; linear-7d-one answers in its place"
    assert cli("ml", "status", "--json", home=home).json["warnings"] == [warning]
    assert warning in cli("ml", "status", home=home).out
