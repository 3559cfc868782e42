"""`vfr token`: tokens for machines and for administration, and the keys that sign-ins are signed with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from vfr.cli.options import WHO, AsJson, Scopes, application, scopes_of
from vfr.cli.output import console, emit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vfr.accounts.keys import ApiKey

__all__ = ["group"]

_PAGE: Final = 200

group = typer.Typer(no_args_is_help=True, help="Tokens: create, list, revoke, rotate-keys.")


@group.command("create")
def create(
    scope: Scopes = None,
    tier: Annotated[str, typer.Option("--tier", help="Whose limits hold: free, premium, enterprise or admin.")] = (
        "enterprise"
    ),
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="NAME", help="Act for this user, with its tier.", show_default=False),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", min=1, help="How long it lives; forever by default.", show_default=False)
    ] = None,
    label: Annotated[str, typer.Option("--label", help="What it is for.")] = "command line",
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, once.

    Nothing that is kept gives it back.

    Send it as `Authorization: Bearer <token>`. It is accepted until it is revoked, whoever starts or stops the server.
    """
    accounts = application().accounts
    owner = None if user is None else accounts.user_named(user)
    key, text = accounts.create_key(label, WHO, tier=tier, scopes=scopes_of(scope), user=owner, days=days)
    if as_json:
        emit({"token": text, "key": key.to_dict()})
        return
    typer.echo(text)
    until = key.to_dict()["expiresAt"] or "it is revoked"
    told = f"Keep it: it is not shown again. It may: {', '.join(key.to_dict()['scopes'])}; until {until}."
    console(stderr=True).print(f"{told} `vfr token revoke {key.id}` revokes it.")


@group.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List tokens, without their secrets."""
    accounts = application().accounts
    found = list(accounts.keys(_PAGE))
    while found and len(found) % _PAGE == 0:
        page = accounts.keys(_PAGE, found[-1].id)
        if not page:
            break
        found += page
    if as_json:
        emit({"keys": [key.to_dict() for key in found]})
    elif found:
        _print(found)
    else:
        console().print("There are no tokens; `vfr token create` makes one.")


@group.command("revoke")
def revoke(
    key: Annotated[str, typer.Argument(metavar="ID", help="How the token begins, as `vfr token list` shows it.")],
    as_json: AsJson = False,
) -> None:
    """Refuse a token from now on, for good.

    Running servers follow within a second.
    """
    revoked = application().accounts.revoke_key(key, WHO)
    if as_json:
        emit({"key": revoked.to_dict()})
    else:
        _print([revoked])


@group.command("rotate-keys")
def rotate_keys(
    at_once: Annotated[
        bool,
        typer.Option(
            "--at-once", help="Accept nothing any more that the old keys signed: after a theft. Everybody refreshes."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Sign with a new key from now on.

    What the old ones signed lives on to its end, a quarter of an hour at most.
    """
    kid = application().accounts.signer.rotate(WHO, at_once=at_once)
    if as_json:
        emit({"kid": kid})
    else:
        console().print(f"Signing with key {kid} from now on.")


def _print(keys: Sequence[ApiKey]) -> None:
    from rich.markup import escape

    from vfr.cli.layout import table

    shown = table("id", "label", "tier", "scopes", "user", "state", "last used", "expires")
    for key in keys:
        row = key.to_dict()
        state = "[red]revoked[/]" if key.revoked else "valid"
        shown.add_row(
            key.id,
            escape(key.label),
            key.tier,
            " ".join(row["scopes"]),
            key.user or "",
            state,
            row["lastUsedAt"] or "never",
            row["expiresAt"] or "never",
        )
    console().print(shown)
