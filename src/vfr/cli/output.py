"""Where output goes: answers on standard output, progress and errors on standard error."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["ProgressReport", "console", "emit", "error_out", "progress"]

_PIPE_WIDTH: Final = 160
"""Columns of a table that goes to a file or another program, where there is no screen to fit."""


class ProgressReport(Protocol):
    """What long work calls: a stage in words, and the fraction done (0-1) where it is known."""

    def __call__(self, message: str, fraction: float | None = None, /) -> None:
        """Report progress."""


def emit(payload: Mapping[str, object], *, success: bool = True) -> None:
    """Print one JSON object on standard output, ``success`` first."""
    import orjson

    body = orjson.dumps({"success": success, **payload}, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    sys.stdout.write(body.decode() + "\n")


def error_out(message: str, code: str, *, as_json: bool) -> None:
    """Report a failure: JSON on standard output for machines, one sentence on standard error for people.

    Control characters of the message are shown as escapes: what a user typed never drives the terminal.
    """
    if as_json:
        emit({"error": message, "code": code}, success=False)
    else:
        sys.stdout.flush()
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in message)
        sys.stderr.write(f"error: {shown}\n")


def console(*, stderr: bool = False) -> Console:
    """Return a rich console; a pipe is given room for a whole row."""
    from rich.console import Console

    made = Console(stderr=stderr, highlight=False)
    if not made.is_terminal:
        made.width = max(made.width, _PIPE_WIDTH)
    return made


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[ProgressReport]:
    """Show a bar on a terminal's standard error, one line per stage elsewhere, nothing if `quiet`.

    Parameters
    ----------
    title : str
        Stands before the bar until the first report.
    quiet : bool
        True with ``--json`` away from a terminal: nothing but the answer is printed.
    """
    if sys.stderr.isatty():
        with _bar(title) as report:
            yield report
    else:
        yield _silent if quiet else _lines()


@contextmanager
def _bar(title: str) -> Iterator[ProgressReport]:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    times = (TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), *times)
    bar = Progress(*columns, console=console(stderr=True), transient=True)
    task = bar.add_task(title, total=None)

    def report(message: str, fraction: float | None = None, /) -> None:
        if fraction is None:
            bar.update(task, description=message)
        else:
            bar.update(task, description=message, total=1.0, completed=fraction)
        if not bar.live.is_started:  # Work that is done already reports nothing, and then nothing flickers.
            bar.start()

    try:
        yield report
    finally:
        bar.stop()


def _silent(message: str, fraction: float | None = None, /) -> None:
    del message, fraction


def _lines() -> ProgressReport:
    last = ""

    def report(message: str, fraction: float | None = None, /) -> None:
        nonlocal last
        del fraction
        if message != last:
            last = message
            sys.stderr.write(f"{message}\n")

    return report
