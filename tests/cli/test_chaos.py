"""`vfr chaos`: only where the settings allow it, named without mistakes, told by every command that is asked."""

from __future__ import annotations

import pytest


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_CHAOS", "true")


@pytest.mark.parametrize("words", [("ml=hang",), ("off",), ("status",)])
def test_without_the_setting_it_is_refused_and_says_which(cli, words) -> None:
    result = cli("chaos", *words)
    assert (result.code, result.out) == (1, "")
    assert "VFR_CHAOS" in result.err
    assert cli("chaos", *words, "--json").json["code"] == "CHAOS_NOT_ALLOWED"


@pytest.mark.usefixtures("allowed")
def test_broken_and_mended(cli) -> None:
    assert cli("chaos", "status").out == "Nothing is broken on purpose.\n"
    result = cli("chaos", "ml=hang,", "cache=slow", "db=down", "--for", "10m")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("Broken on purpose: ml=hang, cache=slow, db=down, until 2")
    assert cli("chaos", "ml=nan", "--json").json["chaos"]["faults"] == {"ml": "nan"}
    assert cli("chaos", "status", "--json").json["chaos"]["faults"] == {"ml": "nan"}
    assert cli("chaos", "off", "--json").json == {"success": True, "chaos": None}


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("words", "about"), [(("ml=bad",), "fault"), (("off", "ml=hang"), "fault"), (("ml=hang", "--for", "2d"), "--for")]
)
def test_bad_words_break_nothing(cli, words, about: str) -> None:
    result = cli("chaos", *words)
    assert result.code == 2
    assert about in result.err
    assert cli("chaos", "status", "--json").json["chaos"] is None


@pytest.mark.usefixtures("allowed")
def test_doctor_says_that_something_is_broken_on_purpose(cli) -> None:
    cli("chaos", "ml=raise")
    checks = {check["check"]: check for check in cli("doctor", "--json").json["checks"]}
    assert checks["rehearsal"]["outcome"] == "note"
    assert "ml=raise" in checks["rehearsal"]["message"]
    assert checks["rehearsal"]["fix"] == "vfr chaos off"


@pytest.mark.usefixtures("allowed")
@pytest.mark.parametrize(
    ("fault", "code"), [("raise", "ML_ERROR"), ("nan", "ML_ERROR"), ("hang", "TIMEOUT"), ("slow", "TIMEOUT")]
)
def test_classic_answers_stand_whatever_machine_learning_does(cli, bundled_home, fault: str, code: str) -> None:
    plain = cli("analyze", "AAPL", "--json", home=bundled_home).json["data"]["stocks"][0]
    cli("chaos", f"ml={fault}", home=bundled_home)
    try:
        found = cli("analyze", "AAPL", "--ml", "--timeout", "200", "--json", home=bundled_home)
    finally:
        cli("chaos", "off", home=bundled_home)
    stock = found.json["data"]["stocks"][0]
    assert found.code == 0
    assert stock["mlUnavailable"]["code"] == code
    assert (stock["compositeScore"], stock["recommendation"]) == (plain["compositeScore"], plain["recommendation"])


@pytest.mark.usefixtures("allowed")
def test_classic_answers_stand_without_the_database(cli) -> None:
    cli("ml", "enable")
    cli("chaos", "db=down")
    found = cli("analyze", "AAPL", "--ml", "--json")
    assert found.code == 0
    assert found.json["data"]["stocks"][0]["mlUnavailable"]["code"] == "DISABLED"
    refused = cli("ml", "disable", "--reason", "r")
    assert refused.code == 1
    assert "rehearsal" in refused.err
