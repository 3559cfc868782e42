"""`vfr analyze` on the bundled data: what it prints, and every way to ask for what cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


def test_a_fresh_home_is_prepared_and_answers(cli) -> None:
    result = cli("analyze", "AAPL", "msft")
    assert result.code == 0
    assert "AAPL" in result.out
    assert "MSFT" in result.out
    assert "computing factor scores" in result.err
    assert "computing" not in cli("analyze", "AAPL").err


def test_rows_come_best_first_with_reasons_for_what_is_unknown(cli, bundled_home: Path) -> None:
    out = cli("analyze", "AAPL", "XOM", "JPM", home=bundled_home).out
    body = cli("analyze", "AAPL", "XOM", "JPM", "--json", home=bundled_home).json["data"]
    order = [stock["symbol"] for stock in body["stocks"]]
    assert [out.index(f"\n {symbol}") for symbol in order] == sorted(out.index(f"\n {symbol}") for symbol in order)
    assert "NO_INPUT" in out
    assert "—¹" in out
    assert f"{body['stocks'][0]['compositeScore']:.1f}" in out


def test_json_is_the_body_that_http_answers(cli, bundled_home: Path) -> None:
    result = cli("analyze", "AAPL", "--json", home=bundled_home)
    assert list(result.json) == ["success", "data"]
    stock = result.json["data"]["stocks"][0]
    assert stock["fundamentalScore"] is None
    assert stock["symbol"] == "AAPL"
    assert "ml" not in json.dumps(result.json["data"]["metadata"]).lower()
    assert result.err == ""


def test_explain_shows_contributions_that_sum_to_the_score(cli, bundled_home: Path) -> None:
    out = cli("analyze", "AAPL", "--explain", home=bundled_home).out
    stock = cli("analyze", "AAPL", "--json", home=bundled_home).json["data"]["stocks"][0]
    total = next(line for line in out.splitlines() if line.strip().startswith("Sum"))
    assert total.split() == ["Sum", "1.000", f"{stock['compositeScore']:.2f}"]
    assert all(line["name"].split(".", 1)[1] in out for line in stock["factors"])
    assert stock["reasoning"]["warnings"][0] in out


def test_as_of_answers_from_that_evening(cli, bundled_home: Path) -> None:
    body = cli("analyze", "AAPL", "--as-of", "2015-06-28", "--json", home=bundled_home).json["data"]
    assert body["metadata"]["asOf"] == "2015-06-26"
    assert "2015-06-26" in cli("analyze", "AAPL", "--as-of", "2015-06-28", home=bundled_home).out


def test_a_sector_is_cut_to_the_limit(cli, bundled_home: Path) -> None:
    sector = cli("analyze", "AAPL", "--json", home=bundled_home).json["data"]["stocks"][0]["sector"]
    body = cli("analyze", "--sector", sector.lower(), "--limit", "2", "--json", home=bundled_home).json["data"]
    assert len(body["stocks"]) == 2
    assert {stock["sector"] for stock in body["stocks"]} == {sector}


def test_ml_says_why_there_is_no_prediction(cli, bundled_home: Path) -> None:
    result = cli("analyze", "AAPL", "--ml", "--json", home=bundled_home)
    assert result.code == 0
    assert result.json["data"]["stocks"][0]["mlUnavailable"]["code"] == "NO_MODEL"
    assert "NO_MODEL" in cli("analyze", "AAPL", "--ml", home=bundled_home).out


def test_the_others_are_answered_when_one_is_unknown(cli, bundled_home: Path) -> None:
    result = cli("analyze", "AAPL", "appl", home=bundled_home)
    assert result.code == 0
    assert "AAPL" in result.out
    assert result.err == "error: APPL: not in the installed data. Did you mean AAPL?\n"
    body = cli("analyze", "AAPL", "appl", "--json", home=bundled_home).json
    assert body["success"] is True
    assert body["data"]["errors"][0]["near"] == ["AAPL"]


def test_a_company_name_leads_to_its_ticker(cli, bundled_home: Path) -> None:
    assert "Did you mean AAPL?" in cli("analyze", "apple", home=bundled_home).err


def test_all_unknown_fails(cli, bundled_home: Path) -> None:
    result = cli("analyze", "ZZZZ", "BRK.B", "--json", home=bundled_home)
    assert result.code == 2
    assert result.json["success"] is False
    assert result.json["code"] == "UNKNOWN_SYMBOL"
    assert [error["symbol"] for error in result.json["data"]["errors"]] == ["ZZZZ", "BRK.B"]
    assert cli("analyze", "ZZZZ", home=bundled_home).code == 2


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ((), "symbols: "),
        (("AAPL", "--sector", "Energy"), "--sector: "),
        (("../../etc",), "symbols: "),
        (("AA\x07PL",), "symbols: "),
        (("AAPL\u202e",), "symbols: "),
        (("",), "symbols: "),
        (("AAPL;rm -rf",), "symbols: "),
        (tuple(f"S{n}" for n in range(101)), "101"),
        (("AAPL", "--horizon", "4h"), "--horizon: supported are 1d, 7d, 30d"),
        (("AAPL", "--horizon", "2w", "--ml"), "--horizon: "),
        (("--sector", "Energy", "--limit", "0"), "--limit: "),
        (("--sector", "Energy", "--limit", "51"), "--limit: "),
        (("AAPL", "--weight", "1.5"), "--weight: "),
        (("AAPL", "--weight", "nan"), "--weight: "),
        (("AAPL", "--threshold", "-0.1"), "--threshold: "),
        (("AAPL", "--timeout", "5"), "--timeout: "),
        (("AAPL", "--method", "best"), "--method: "),
        (("AAPL", "--members", "oracle"), "--members: "),
        (("AAPL", "--as-of", "yesterday"), "--as-of: "),
        (("AAPL", "--as-of", "2019-02-30"), "--as-of: "),
        (("--sector", ""), "--sector: "),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(cli, tmp_path: Path, argv: tuple[str, ...], said: str) -> None:
    people, machines = cli("analyze", *argv), cli("analyze", "--json", *argv)
    assert (people.code, machines.code) == (2, 2)
    assert people.out == ""
    assert people.err.startswith("error: ")
    assert said in people.err
    assert people.err.rstrip("\n").isprintable()
    assert machines.json["success"] is False
    assert said in machines.json["error"]
    assert not (tmp_path / "home").exists(), "nothing is prepared for a request that cannot be"


def test_class_shares_and_spaces_are_read(cli, bundled_home: Path) -> None:
    errors = cli("analyze", " brk-b ", "AAPL", "--json", home=bundled_home).json["data"]["errors"]
    assert [error["symbol"] for error in errors] == ["BRK.B"]


@pytest.mark.parametrize(("day", "why"), [("1980-01-02", "before"), ("2200-01-02", "later than today")])
def test_a_day_before_the_data_or_to_come_has_no_answer(cli, bundled_home: Path, day: str, why: str) -> None:
    result = cli("analyze", "AAPL", "--as-of", day, home=bundled_home)
    assert result.code == 2
    assert f"--as-of: {day} is {why}" in result.err


def test_an_unknown_sector_names_those_there_are(cli, bundled_home: Path) -> None:
    result = cli("analyze", "--sector", "Alchemy", home=bundled_home)
    assert result.code == 2
    assert "Energy" in result.err
