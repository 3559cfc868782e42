"""`vfr ml`: the switch, seen by every later command."""

from __future__ import annotations


def test_switching_off_and_on(cli) -> None:
    assert cli("ml", "status", "--json").json["enabled"] is True
    result = cli("ml", "disable", "--reason", "odd [figures]")
    assert result.code == 0
    assert "off: odd [figures]" in result.out
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
