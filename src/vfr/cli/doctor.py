"""`vfr doctor`: whether everything is as it should be here, and if not, what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from vfr.cli.options import AsJson, application
from vfr.cli.output import console, emit, progress
from vfr.errors import VfrError

if TYPE_CHECKING:
    from vfr.bootstrap import Application

__all__ = ["Check", "command"]

Outcome: TypeAlias = Literal["ok", "note", "failed"]

PYTHON: Final = (3, 11)
_SHOWN: Final = 5
_STYLES: Final = {"ok": "green", "note": "yellow", "failed": "bold red"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: `fix` says what to do about it, and is empty where nothing need be done."""

    check: str
    outcome: Outcome
    message: str
    fix: str = ""


def command(as_json: AsJson = False) -> int:
    """Check this installation and say how to mend what is wrong. Exits with 1 if a check fails.

    No browser, database server or Redis is needed, so none is looked for.
    """
    app = application()
    with progress("Checking", quiet=as_json) as report:
        report("checking")
        checks = [check for name, look in _LOOKS.items() for check in _looked(name, look, app)]
    failed = any(check.outcome == "failed" for check in checks)
    if as_json:
        emit({"checks": [asdict(check) for check in checks]}, success=not failed)
    else:
        _print(checks)
    return 1 if failed else 0


def _looked(name: str, look: Callable[[Application], Iterator[Check]], app: Application) -> Iterator[Check]:
    try:
        yield from look(app)
    except VfrError as error:
        yield Check(name, "failed", error.message, _FIXES[name])
    except OSError as error:
        yield Check(name, "failed", f"{error.filename or 'input or output'}: {error.strerror}", _FIXES["data home"])


def _python(app: Application) -> Iterator[Check]:
    del app
    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] == PYTHON:
        yield Check("python", "ok", version)
    else:
        yield Check("python", "failed", f"{version} is not 3.11", _FIXES["python"])


def _packages(app: Application) -> Iterator[Check]:
    from importlib import metadata

    del app
    missing, count = [], 0
    for requirement in metadata.requires("vfr") or ():
        name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        if "extra ==" in requirement:
            continue
        count += 1
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        yield Check("packages", "failed", f"not installed: {', '.join(missing)}", _FIXES["packages"])
    else:
        yield Check("packages", "ok", f"all {count} installed")


def _settings(app: Application) -> Iterator[Check]:
    from vfr.settings import unknown_variables

    unknown = unknown_variables()
    if unknown:
        yield Check("settings", "note", f"{', '.join(unknown)}: there is no such setting", _FIXES["settings"])
    else:
        where = f"{app.settings.host}:{app.settings.port}"
        yield Check("settings", "ok", f"server address {where}, {'' if app.settings.secret else 'no '}secret set")


def _home(app: Application) -> Iterator[Check]:
    import tempfile

    home = app.settings.data_home
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as error:
        yield Check("data home", "failed", f"{home} cannot be written: {error.strerror}", _FIXES["data home"])
    else:
        yield Check("data home", "ok", str(home))


def _data(app: Application) -> Iterator[Check]:
    app.prepare()
    changed = app.datasets.verify()
    if changed:
        yield Check("data", "failed", f"changed or cut short: {', '.join(changed)}", _FIXES["data"])
        return
    board, snapshot = app.datasets.board(), app.datasets.snapshot()
    sessions, symbols = snapshot.panel.shape
    text = f"{board.data_name} {board.data_version[:12]}: {symbols:,} symbols, {sessions:,} sessions to {board.as_of}"
    yield Check("data", "ok", f"{text}, every file intact")


def _archives(app: Application) -> Iterator[Check]:
    from vfr.bootstrap.repair import archives, damage

    for name in archives(app.live):
        bad = damage(app.live, name)
        if bad:
            shown = ", ".join(bad[:_SHOWN]) + (f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else "")
            fix = f"vfr data repair {name}; it says what is lost and how it is fetched again"
            yield Check("archives", "failed", f"{name}: missing or damaged: {shown}", fix)
        elif kept := app.live.archive(name).versions():
            yield Check("archives", "ok", f"{name}: {len(kept)} versions, every file of the newest intact")


def _providers(app: Application) -> Iterator[Check]:
    lacking, wanted = app.live.lacking(), app.settings.sync_providers
    asked = ", ".join(name for name in wanted if name not in lacking) or "none"
    left_out = [f"{name} ({lacking[name]} is not set)" for name in wanted if name in lacking]
    if left_out:
        yield Check("providers", "note", f"asked: {asked}; not asked: {', '.join(left_out)}", _FIXES["providers"])
    else:
        yield Check("providers", "ok", f"asked: {asked}")


def _models(app: Application) -> Iterator[Check]:
    problems = app.models.problems()
    for reason in problems.values():
        yield Check("models", "failed", reason, _FIXES["models"])
    missing, training = app.untrained(), app.ml_state()["training"]
    if missing and training["state"] == "running":
        yield Check("models", "ok", f"being trained: {training['stage']}, {training['progress']}% done")
    elif missing:
        text = f"no models of the current data for {', '.join(missing)}; classic scores do not need them"
        yield Check("models", "note", text, "vfr train --starter, or vfr serve, which does it in the background")
    elif not problems:
        yield Check("models", "ok", f"{len(app.models.cards())} versions, all files intact")


def _ml(app: Application) -> Iterator[Check]:
    state = app.ml_state()
    if not state["enabled"]:
        yield Check("machine learning", "note", state["reason"], _switched_on_by(app, state))
    elif state["toggles"]:
        off = "; ".join(f"{name}: {reason}" for name, reason in state["toggles"].items())
        yield Check("machine learning", "note", f"switched off in part: {off}", "vfr ml enable --member or --model")
    else:
        yield Check("machine learning", "ok", "switched on; used only when asked for")
    for problem in app.toggles.problems():
        yield Check("machine learning", "failed", f"the log of switches: {problem}", "vfr ml audit shows what is left")


def _accounts(app: Application) -> Iterator[Check]:
    problems = app.accounts.problems()
    for problem in problems:
        yield Check("accounts", "failed", f"the log of changes: {problem}", "vfr users log shows what is left")
    if not problems:
        yield Check("accounts", "ok", "the log of changes is whole")


def _switched_on_by(app: Application, state: Mapping[str, Any]) -> str:
    if not app.settings.ml_enabled:
        return "unset VFR_ML_ENABLED, and restart"
    return "vfr ml enable" if state["changedAt"] else _FIXES["machine learning"]


def _chaos(app: Application) -> Iterator[Check]:
    state = app.rehearsal()
    if state is not None:
        faults = ", ".join(f"{part}={fault}" for part, fault in state["faults"].items())
        yield Check("rehearsal", "note", f"broken on purpose until {state['until']}: {faults}", _FIXES["rehearsal"])
    elif app.chaos is not None:
        yield Check("rehearsal", "note", "may be started here: VFR_CHAOS is true", "unset it where users are served")


def _port(app: Application) -> Iterator[Check]:
    import socket

    host, port = app.settings.host, app.settings.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            yield Check("port", "note", f"{host}:{port}: {error.strerror}", _FIXES["port"])
        else:
            yield Check("port", "ok", f"{host}:{port} is free")


_LOOKS: Final[dict[str, Callable[[Application], Iterator[Check]]]] = {
    "python": _python,
    "packages": _packages,
    "settings": _settings,
    "data home": _home,
    "data": _data,
    "archives": _archives,
    "providers": _providers,
    "models": _models,
    "machine learning": _ml,
    "accounts": _accounts,
    "rehearsal": _chaos,
    "port": _port,
}

_FIXES: Final = {
    "python": "make the virtual environment with Python 3.11",
    "packages": "python -m pip install --constraint constraints.txt --editable .",
    "settings": "correct or remove the variable; the names are in the documentation of the settings",
    "data home": "set VFR_DATA_HOME to a folder you may write",
    "data": "import the data again (vfr data import DIR), or choose another set (vfr data list, vfr data use NAME)",
    "archives": "correct VFR_ARCHIVE_URL, or mend what the message names",
    "providers": "set the variable, or take the provider out of VFR_SYNC_PROVIDERS; nothing else needs it",
    "models": "vfr train makes a new version; the broken one is never used",
    "machine learning": "mend the database that VFR_DATABASE_URL names; the switches are kept there",
    "accounts": "mend the database that VFR_DATABASE_URL names; accounts are kept there",
    "rehearsal": "vfr chaos off",
    "port": "stop the server that listens there, or choose another port (VFR_PORT, vfr serve --port)",
}


def _print(checks: list[Check]) -> None:
    from rich.markup import escape

    from vfr.cli import layout

    table = layout.table()
    for head in ("Check", "Outcome"):
        table.add_column(head, no_wrap=True)
    for head in ("Found", "What to do"):
        table.add_column(head, overflow="fold")
    for check in checks:
        style = _STYLES[check.outcome]
        table.add_row(check.check, f"[{style}]{check.outcome}[/]", escape(check.message), escape(check.fix))
    console().print(table)
