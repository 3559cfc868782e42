"""`vfr ml`: the switch, seen by every later command."""

from __future__ import annotations


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
