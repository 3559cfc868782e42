"""Where output goes, and how progress looks on a terminal, in a log and to a machine."""

from __future__ import annotations

import sys
from contextlib import suppress
from io import StringIO

import pytest

from vfr.cli.output import console, emit, progress


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """Put a terminal in the place of standard error; called by the test, since a fixture's would be captured."""
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    return screen


def test_a_terminal_sees_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress("Working") as report:
        report("reading", 0.25)
        report("thinking")
    assert "reading" in screen.getvalue()
    assert screen.getvalue().endswith("\x1b[2K"), "the bar is wiped when the work is done"


def test_nothing_flickers_when_there_is_nothing_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with progress("Working"):
        pass
    assert "Working" not in screen.getvalue()


def test_the_bar_goes_when_the_work_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = terminal(monkeypatch)
    with suppress(RuntimeError), progress("Working") as report:
        report("reading", 0.25)
        raise RuntimeError
    assert screen.getvalue().endswith("\x1b[2K")


def test_a_log_sees_each_stage_once(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Working") as report:
        for fraction in (0.1, 0.2):
            report("reading", fraction)
        report("done", 1.0)
    assert capsys.readouterr() == ("", "reading\ndone\n")


def test_a_machine_sees_nothing_but_its_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("Working", quiet=True) as report:
        report("reading", 0.1)
    emit({"value": float("nan"), "name": "É"})
    assert capsys.readouterr() == ('{\n  "success": true,\n  "value": null,\n  "name": "É"\n}\n', "")


def test_a_pipe_has_room_for_a_whole_row() -> None:
    assert console().width >= 160
