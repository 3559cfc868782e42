"""The frame of the command line: help, exit codes, and errors as one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

import vfr
from vfr.cli import app as cli_app
from vfr.cli import ml

COMMANDS = ("analyze", "serve", "train", "evidence", "lookahead", "data", "models", "ml", "doctor")


def test_help_names_every_command(cli) -> None:
    result = cli("--help")
    assert result.code == 0
    assert all(command in result.out for command in COMMANDS)


@pytest.mark.parametrize("argv", [(), ("data",), ("models",), ("ml",)])
def test_no_summary_of_a_command_is_cut_off(cli, argv: tuple[str, ...]) -> None:
    lines = cli(*argv, "--help").out.splitlines()
    assert not [line for line in lines if line.startswith("  ") and line.endswith("...")]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(cli, command: str) -> None:
    assert cli(command, "--help").code == 0


@pytest.mark.parametrize(
    "argv",
    [
        ("analyze",),
        ("serve",),
        ("train",),
        ("evidence",),
        ("lookahead",),
        ("doctor",),
        *(("data", name) for name in ("import", "use", "list", "status", "quality")),
        *(("models", name) for name in ("list", "show", "promote", "rollback", "verify")),
        *(("ml", name) for name in ("status", "disable", "enable")),
    ],
)
def test_every_answer_can_be_had_as_json(cli, argv: tuple[str, ...]) -> None:
    assert "--json" in cli(*argv, "--help").out


def test_version(cli) -> None:
    assert cli("--version").out == f"vfr {vfr.__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("nonsense",), "nonsense"),
        (("analyze", "AAPL", "--nonsense"), "--nonsense"),
        (("analyze", "AAPL", "--limit", "many"), "limit"),
        (("data", "import"), "DIR"),
        (("data", "use"), "NAME"),
        (("ml", "disable"), "reason"),
        (("train", "--seed", "-1"), "seed"),
    ],
)
def test_bad_usage_exits_with_2_and_says_what(cli, argv: tuple[str, ...], said: str) -> None:
    people, machines = cli(*argv), cli(*argv, "--json")
    assert (people.code, machines.code) == (2, 2)
    assert people.err.startswith("error: ")
    assert said in people.err
    assert people.out == ""
    assert machines.json["success"] is False
    assert machines.json["code"] == "USAGE"
    assert said in machines.json["error"]
    assert ". See `vfr" in people.err


def test_a_question_keeps_its_mark(cli) -> None:
    assert "Did you mean 'doctor'? See `vfr --help`.\n" in cli("doctr").err


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("--sector", "Tech"), "error: --sector: not in the installed data"),
        (("AAPL", "--as-of", "1950-01-01"), "error: --as-of: 1950-01-01 is before 1990-01-02, the first day"),
    ],
)
def test_what_the_data_cannot_serve_is_named_as_it_was_typed(
    cli, bundled_home: Path, argv: tuple[str, ...], said: str
) -> None:
    answer = cli("analyze", *argv, home=bundled_home)
    assert answer.code == 2
    assert said in answer.err


@pytest.mark.parametrize(
    ("line", "how_to_list"),
    [
        ("analyze AAPLE", "Did you mean AAPL?"),
        ("analyze --sector Alchemy", "Energy"),
        ("data use nothing", "vfr data list"),
        ("data quality nothing", "vfr data list"),
        ("data as-of 2020-01-31 --name nothing", "vfr data list"),
        ("data versions nothing", "vfr doctor"),
        ("data repair nothing", "vfr doctor"),
        ("models show linear-7d-none", "vfr models list"),
        ("models log linear-7d-none", "vfr models list"),
        ("models promote linear-7d-none --why better", "vfr models list"),
        ("models rollback linear-7d-none --why worse", "vfr models list"),
        ("ml disable --model linear-7d-none --reason odd", "vfr models list"),
        ("ml disable --member oracle --reason odd", "xgboost"),
        ("journal report --model linear-7d-none", "vfr models list"),
        ("journal report --model oracle", "xgboost"),
        ("users disable nobody", "vfr users list"),
        ("users passwd nobody", "vfr users list"),
        ("users delete nobody", "vfr users list"),
        ("token create --user nobody", "vfr users list"),
        ("token revoke vfr_AAAAAAAA", "vfr token list"),
        ("ab report none", "vfr ab"),
        ("ab stop none --why decided", "vfr ab"),
        ("chaos sun=down", "cache=down"),
    ],
)
def test_what_is_named_and_does_not_exist_is_wrong_usage_and_says_what_there_is(
    cli, bundled_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, how_to_list: str
) -> None:
    monkeypatch.setenv("VFR_DATABASE_URL", f"sqlite:///{tmp_path / 'vfr.db'}")
    monkeypatch.setenv("VFR_CHAOS", "true")
    result = cli(*line.split(), home=bundled_home)
    assert (result.code, result.out) == (2, "")
    assert how_to_list in result.err
    assert len(result.err.splitlines()) == 1
    told = cli(*line.split(), "--json", home=bundled_home)
    assert (told.code, told.json["success"]) == (2, False)


def test_a_bare_command_line_shows_the_help(cli) -> None:
    result = cli()
    assert result.code == 2
    assert result.out == ""
    assert result.err == cli("--help").out
    assert cli("data").err == cli("data", "--help").out


def test_a_wrong_setting_is_one_sentence_with_its_name(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFR_PORT", "many")
    result = cli("ml", "status")
    assert result.code == 2
    assert "VFR_PORT" in result.err
    assert len(result.err.splitlines()) == 1


def test_ctrl_c_is_quiet(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ml, "application", interrupt)
    result = cli("ml", "status")
    assert (result.code, result.out, result.err) == (130, "", "")


def test_a_failing_disk_is_one_sentence(cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError(28, "No space left on device", "board.json")

    monkeypatch.setattr(ml, "application", full)
    result = cli("ml", "status")
    assert (result.code, result.err) == (1, "error: board.json: No space left on device\n")
    assert cli("ml", "status", "--json").json["code"] == "IO_ERROR"


def test_control_characters_never_reach_the_terminal(cli) -> None:
    result = cli("nonsense\x1b[2J\x07")
    assert result.code == 2
    assert result.err.rstrip("\n").isprintable()


def test_a_bug_is_one_sentence_that_says_where(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="odd") as caught:
        raise ValueError("odd")
    cli_app._unforeseen(ValueError, caught.value, caught.tb)
    said = capsys.readouterr().err
    assert said.startswith("error: this is a bug in VFR: ValueError at ")
    assert "test_app" in said
    assert len(said.splitlines()) == 1


def test_the_hook_for_bugs_is_in_place(process) -> None:
    program = (
        "import sys, vfr.cli.app as a, vfr.cli.ml as m\n"
        "def broken(): raise RuntimeError('odd')\n"
        "m.application = broken\n"
        "sys.argv = ['vfr', 'ml', 'status', '--json']\n"
        "a.main()"
    )
    started = process("-c", program)
    out, err = started.communicate()
    assert (started.returncode, err) == (1, "")
    assert '"code": "INTERNAL"' in out


def test_a_reader_that_leaves_early_is_no_error(process, bundled_home: Path) -> None:
    started = process("-m", "vfr", "data", "status", "--json", home=bundled_home)
    started.stdout.close()
    assert started.stderr.read() == ""
    started.stderr.close()
    started.wait()


def test_python_dash_m_is_the_same_program(process) -> None:
    assert process("-m", "vfr", "--version").communicate() == (f"vfr {vfr.__version__}\n", "")


def test_a_terminal_without_unicode_is_served_too(process, bundled_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    out, err = process("-m", "vfr", "analyze", "AAPL", home=bundled_home).communicate()
    assert "AAPL" in out
    assert err == ""
