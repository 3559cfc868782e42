"""Progress on standard error: a bar on a terminal, few lines elsewhere."""

from __future__ import annotations

import os
import sys

import pytest

from vfr.asgi.terminal import progress_line, say


def test_elsewhere_few_lines_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_line("Training") as tell:
        for percent in range(101):
            tell(f"fold {percent // 50}", percent / 100)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Training: fold 0 (0%)"
    assert lines[-1] == "Training: fold 2 (100%)"
    assert len(lines) <= 12


def test_nothing_is_written_before_the_first_report(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_line("Preparing"):
        pass
    assert capsys.readouterr().err == ""


def test_on_a_terminal_a_bar_is_drawn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with progress_line("Training") as tell:
        tell("fold 3", 0.5)
    drawn = capsys.readouterr().err
    assert "Training: fold 3" in drawn
    assert "50%" in drawn


def test_nobody_who_reads_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=1) as deaf:  # noqa: PTH123 (a descriptor)
        monkeypatch.setattr(sys, "stderr", deaf)
        say("The machine-learning process ended")
        monkeypatch.undo()
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), writer)  # What the buffer still holds goes somewhere.
