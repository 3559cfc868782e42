"""`vfr refresh`: what servers answer from, made current by hand."""

from __future__ import annotations

from tests.workflows.five import HERE, home_of_five

from vfr.typing import HORIZONS


def test_the_scoreboard_is_made_shown_and_answered_from(cli, tmp_path) -> None:
    home = tmp_path / "home"
    home_of_five(home, without={("trees", "1d")}).close()
    made = cli("refresh", "--json").json
    assert (made["dataName"], made["dataVersion"], made["symbols"]) == ("synthetic", "v330", 60)
    assert list(made["horizons"]) == list(HORIZONS)
    statuses = {m: one["status"] for m, one in made["horizons"]["1d"]["members"].items()}
    assert statuses == {m: "no_model" if m == "trees" else "ok" for m in HERE}
    again = cli("refresh", "--json").json
    assert again["horizons"]["7d"]["computedAt"] == made["horizons"]["7d"]["computedAt"]
    shown = cli("refresh")
    assert (shown.code, shown.err) == (0, "")
    assert "The scoreboard of synthetic is current: 60 symbols" in shown.out
    assert "trees     no_model    was never trained" in shown.out
    symbol = cli("analyze", "SYNAA", "--ml", "--json").json["data"]["stocks"][0]
    assert symbol["mlPrediction"]["fromCache"] is True
    journal = {(row["horizon"], row["forecasts"]) for row in cli("journal", "status", "--json").json["rows"]}
    assert journal == {(horizon, 1) for horizon in HORIZONS}


def test_switched_off_nothing_is_published_and_it_says_why(cli, tmp_path) -> None:
    home_of_five(tmp_path / "home").close()
    cli("ml", "disable", "--reason", "maintenance")
    result = cli("refresh")
    assert result.code == 1
    assert "not refreshed: machine learning is switched off: maintenance" in result.err
    assert not (tmp_path / "home" / "scoreboards" / "synthetic").exists()
    assert cli("refresh", "--json").json["code"] == "ML_UNAVAILABLE"
