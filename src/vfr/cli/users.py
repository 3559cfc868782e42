"""`vfr users`: who may sign in."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from vfr.cli.options import WHO, AsJson, Scopes, application, scopes_of
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfr.accounts.users import User

__all__ = ["group"]

_PAGE: Final = 200

group = typer.Typer(no_args_is_help=True, help="Users: add, list, disable, enable, change, passwd, delete, log.")

Name = Annotated[str, typer.Argument(help="Name of the user, in any case.")]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from the first line of standard input.")
]
Tier = Annotated[str | None, typer.Option("--tier", help="free, premium, enterprise or admin.", show_default=False)]


@group.command("add")
def add(
    name: Annotated[str, typer.Argument(help="1 to 64 letters, digits and . _ @ + -")],
    tier: Annotated[str, typer.Option("--tier", help="free, premium, enterprise or admin.")] = "free",
    scope: Scopes = None,
    password_stdin: Stdin = False,
    as_json: AsJson = False,
) -> None:
    """Add a user.

    This ends single-user mode, in running servers too.
    """
    from vfr.accounts.users import checked_name, checked_scopes, checked_tier

    scopes = scopes_of(scope)
    checked_name(name)
    checked_scopes(scopes, checked_tier(tier))  # Before a password is asked for.
    accounts = application().accounts
    _print([accounts.add_user(name, _password(password_stdin), tier, scopes, WHO)], as_json=as_json)


@group.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List users."""
    accounts = application().accounts
    found = list(accounts.users(_PAGE))
    while found and len(found) % _PAGE == 0:
        page = accounts.users(_PAGE, found[-1].name)
        if not page:
            break
        found += page
    if as_json:
        emit({"users": [user.to_dict() for user in found]})
    elif found:
        _print(found, as_json=False)
    else:
        console().print("There are no users; `vfr users add NAME` adds one.")


@group.command("disable")
def disable(name: Name, as_json: AsJson = False) -> None:
    """Refuse a user and every token of it.

    Running servers follow within a second; `vfr users enable` accepts the user again.
    """
    _change(name, as_json=as_json, disabled=True)


@group.command("enable")
def enable(name: Name, as_json: AsJson = False) -> None:
    """Accept a disabled user again."""
    _change(name, as_json=as_json, disabled=False)


@group.command("change")
def change(name: Name, tier: Tier = None, scope: Scopes = None, as_json: AsJson = False) -> None:
    """Change the tier or the scopes of a user.

    A new tier brings its scopes with it, unless they are named.
    """
    if tier is None and scope is None:
        raise typer.BadParameter("name what to change: --tier, --scope or both")
    _change(name, as_json=as_json, tier=tier, scopes=None if scope is None else scopes_of(scope))


@group.command("passwd")
def passwd(name: Name, password_stdin: Stdin = False, as_json: AsJson = False) -> None:
    """Set a new password, which ends every sign-in of the user."""
    application().accounts.user_named(name)  # Before a password is asked for.
    _change(name, as_json=as_json, password=_password(password_stdin))


@group.command("delete")
def delete(name: Name, as_json: AsJson = False) -> None:
    """Delete a user with every token.

    Without any user, single-user mode is back.
    """
    accounts = application().accounts
    _print([accounts.delete_user(accounts.user_named(name).id, WHO)], as_json=as_json)


@group.command("log")
def log(
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="Rows, newest first.")] = 50,
    as_json: AsJson = False,
) -> int:
    """Show who changed which account. Exits with 1 if the log was changed afterwards."""
    accounts = application().accounts
    rows, problems = accounts.changes(limit), accounts.problems()
    code = 1 if problems else 0
    if as_json:
        emit({"rows": [row.to_dict() for row in rows], "problems": list(problems)}, success=not problems)
        return code
    from rich.markup import escape

    from vfr.accounts.users import moment
    from vfr.cli.layout import table

    shown = table("when", "who", "what", "whom", "detail")
    for row in rows:
        shown.add_row(moment(row.at), *map(escape, (row.who, row.action, row.subject, row.detail)))
    screen = console()
    screen.print(shown)
    for problem in problems:
        screen.print(f"  [red]![/] {escape(problem)}")
    return code


def _change(name: str, *, as_json: bool, **values: Any) -> None:
    accounts = application().accounts
    _print([accounts.change_user(accounts.user_named(name), WHO, **values)], as_json=as_json)


def _password(from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _print(users: Sequence[User], *, as_json: bool) -> None:
    if as_json:
        emit({"user": users[0].to_dict()})
        return
    from vfr.accounts.users import in_order, moment
    from vfr.cli.layout import table

    shown = table("name", "tier", "scopes", "state", "added", "id")
    for user in users:
        state = "[red]disabled[/]" if user.disabled else "enabled"
        scopes = " ".join(in_order(user.scopes))
        shown.add_row(user.name, user.tier, scopes, state, moment(user.created_at), user.id)
    console().print(shown)
