"""The `vfr` command: its groups, and the one place where an error becomes a sentence and an exit code.

Command modules import typer and nothing else at their top; whatever a command needs is imported when it runs, so that
``vfr --help`` and ``vfr analyze`` stay fast. A test holds them to that.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper
from types import TracebackType
from typing import Annotated, Final, NoReturn

import typer
from typer.main import get_command

import vfr
from vfr.cli import (
    ab,
    analyze,
    bench,
    chaos,
    data,
    doctor,
    evidence,
    history,
    journal,
    lookahead,
    ml,
    models,
    monitor,
    refresh,
    serve,
    sync,
    token,
    train,
    tune,
    users,
)
from vfr.cli.options import as_typed
from vfr.cli.output import error_out
from vfr.errors import InputError, InvalidField, SettingsError, VfrError

__all__ = ["app", "main", "run"]

OK: Final = 0
FAILED: Final = 1
BAD_USAGE: Final = 2
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 141

app = typer.Typer(
    name="vfr",
    help="Self-hosted stock analysis: a transparent five-factor score, and machine learning that can only help.",
    epilog="Everything is kept under one folder, VFR_DATA_HOME. Not investment advice.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # Plain help costs half the time of boxed help.
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"vfr {vfr.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("analyze", short_help="Score stocks, with or without machine learning.")(analyze.command)
app.command("serve", short_help="Serve the HTTP API and the page.")(serve.command)
app.command("train", short_help="Train models, judge them, promote what passes the gates.")(train.command)
app.command("refresh", short_help="Make the scoreboard of machine learning current.")(refresh.command)
app.command("tune", short_help="Search hyper-parameters on training rows only.")(tune.command)
app.command("evidence", short_help="Judge models or the classic score out of sample.")(evidence.command)
app.command("lookahead", short_help="Test every factor and feature for look-ahead.")(lookahead.command)
data.group.command("sync", short_help="Bring live data in.")(sync.command)
data.group.command("as-of", short_help="Show what was known on a day.")(history.as_of)
data.group.command("versions", short_help="List the kept states of an archive.")(history.versions)
data.group.command("repair", short_help="Mend a damaged archive.")(history.repair)
app.add_typer(data.group, name="data")
app.add_typer(models.group, name="models")
app.add_typer(ml.group, name="ml")
app.add_typer(ab.group, name="ab")
app.add_typer(journal.group, name="journal")
app.add_typer(monitor.group, name="monitor")
app.command("worker", short_help="Keep live data up to date on a schedule.")(sync.worker)
app.command("bench", short_help="Measure how fast this installation answers.")(bench.command)
app.command("chaos", short_help="Break parts on purpose, to rehearse failures.")(chaos.command)
app.add_typer(users.group, name="users")
app.add_typer(token.group, name="token")
app.command("doctor", short_help="Check this installation and say how to mend it.")(doctor.command)


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code: 0 ok, 1 failed, 2 bad usage, 130 interrupted.

    Parameters
    ----------
    argv : sequence of str
        Arguments without the program's name.
    """
    try:
        # Not `app(...)`: that would put typer's trace printer in the place of `_unforeseen`.
        code = get_command(app).main(list(argv), prog_name="vfr", standalone_mode=False)
    except (VfrError, typer.TyperException, OSError) as error:
        message, name, code = _explained(error)
        if message.startswith("Usage: "):  # A group without a command: its help is the answer.
            typer.echo(message, err=True)
        else:
            error_out(message, name, as_json="--json" in argv)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    return code if isinstance(code, int) else OK


def _explained(error: VfrError | typer.TyperException | OSError) -> tuple[str, str, int]:
    """Return the sentence, the stable name and the exit code of an error."""
    if isinstance(error, InvalidField):
        return as_typed(error.field, error.message), error.code, BAD_USAGE
    if isinstance(error, VfrError):
        message = as_typed(error.message.partition(":")[0], error.message)
        return message, error.code, BAD_USAGE if isinstance(error, InputError | SettingsError) else FAILED
    if isinstance(error, OSError):
        return f"{error.filename or 'input or output'}: {error.strerror or error}", "IO_ERROR", FAILED
    message, context = error.format_message(), getattr(error, "ctx", None)
    if context is not None and not message.startswith("Usage: "):
        ending = "" if message.endswith("?") else "."
        message = f"{message.rstrip('.')}{ending} See `{context.command_path} --help`."
    return message, "USAGE", error.exit_code


def _mute() -> int:
    """Whoever read our output has left (``vfr ... | head``): say nothing more, not even at exit."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return BROKEN_PIPE


def _unforeseen(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Report a bug as one sentence; ``python -X dev -m vfr ...`` shows the whole trace."""
    if issubclass(kind, KeyboardInterrupt):
        return
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}" if trace else ""
    error_out(
        f"this is a bug in VFR: {kind.__name__}{where}: {error}. Please report it with the trace that "
        f"`python -X dev -m vfr {' '.join(sys.argv[1:])}` prints.",
        "INTERNAL",
        as_json="--json" in sys.argv,
    )


def main() -> NoReturn:
    """Entry point of the `vfr` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # A terminal that cannot show a character gets a question mark.
            stream.reconfigure(errors="replace")
    if not sys.flags.dev_mode:
        sys.excepthook = _unforeseen
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        code = _mute()
    sys.exit(code)
