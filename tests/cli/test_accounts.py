"""`vfr users` and `vfr token`: who may sign in, and tokens that are shown once."""

from __future__ import annotations

import io
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from vfr import bootstrap
from vfr.bootstrap.callers import now
from vfr.errors import TokenRefused
from vfr.settings import Settings

PASSWORD = "four words, easily kept"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Put lines on standard input."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_user_from_beginning_to_end(cli: Any, typed: Any) -> None:
    assert cli("users", "list").out.startswith("There are no users")
    typed(PASSWORD + "\n")
    added = cli("users", "add", "Jane", "--tier", "premium", "--password-stdin", "--json").json["user"]
    assert (added["name"], added["tier"], added["disabled"]) == ("Jane", "premium", False)
    assert cli("users", "list", "--json").json["users"] == [added]
    assert cli("users", "disable", "JANE", "--json").json["user"]["disabled"] is True
    assert "disabled" in cli("users", "list").out
    assert cli("users", "enable", "jane", "--json").json["user"]["disabled"] is False
    changed = cli("users", "change", "jane", "--tier", "free", "--json").json["user"]
    assert changed["scopes"] == ["classic", "ml"]
    changed = cli("users", "change", "jane", "--scope", "classic, risk", "--json").json["user"]
    assert (changed["tier"], changed["scopes"]) == ("free", ["classic", "risk"])
    typed("other words, kept as well\n")
    assert cli("users", "passwd", "jane", "--password-stdin").code == 0
    assert cli("users", "delete", "jane", "--json").json["user"]["name"] == "Jane"
    assert cli("users", "list", "--json").json["users"] == []
    rows = cli("users", "log", "--json").json["rows"]
    assert [row["action"] for row in rows[:2]] == ["user deleted", "user changed"]
    assert {row["who"] for row in rows} == {"command line", "system"}
    assert PASSWORD not in str(rows)
    assert "user deleted" in cli("users", "log").out


def test_a_log_that_was_changed_is_said_by_two_commands(cli: Any, typed: Any, tmp_path: Any) -> None:
    typed(PASSWORD + "\n")
    assert cli("users", "add", "jane", "--password-stdin").code == 0
    assert (cli("users", "log").code, cli("users", "log", "--json").json["problems"]) == (0, [])
    connection = sqlite3.connect(next(tmp_path.rglob("vfr.sqlite3")))
    with connection:
        connection.execute("UPDATE account_audit SET who = 'eve' WHERE action = 'user added'")
    connection.close()
    assert "was changed after it was written" in cli("users", "log").out
    log = cli("users", "log", "--json")
    assert (log.code, log.json["success"], len(log.json["problems"])) == (1, False, 1)
    found = [one for one in cli("doctor", "--json").json["checks"] if one["check"] == "accounts"]
    assert [one["outcome"] for one in found] == ["failed"]


@pytest.mark.parametrize(
    ("argv", "password", "word"),
    [
        (("users", "add", "a b"), PASSWORD, "name"),
        (("users", "add", "jane", "--tier", "gold"), PASSWORD, "--tier: "),
        (("users", "add", "jane", "--scope", "root"), PASSWORD, "--scope: "),
        (("users", "add", "jane"), "short", "password"),
        (("users", "add", "jane"), "", "password"),
    ],
)
def test_what_is_refused_of_a_user(cli: Any, typed: Any, argv: tuple[str, ...], password: str, word: str) -> None:
    typed(password + "\n")
    result = cli(*argv, "--password-stdin")
    assert result.code == 2
    assert word in result.err
    assert result.out == ""


def test_a_change_names_what_is_changed(cli: Any, typed: Any) -> None:
    typed(PASSWORD + "\n")
    assert cli("users", "add", "jane", "--password-stdin").code == 0
    result = cli("users", "change", "jane")
    assert (result.code, result.out) == (2, "")
    assert "--tier, --scope or both" in result.err


def test_a_name_is_given_once(cli: Any, typed: Any) -> None:
    for name, code in (("jane", 0), ("JANE", 2)):
        typed(PASSWORD + "\n")
        assert cli("users", "add", name, "--password-stdin").code == code


@pytest.mark.parametrize("argv", [("disable",), ("enable",), ("delete",), ("passwd",), ("change", "--tier", "free")])
def test_a_user_that_is_not_there(cli: Any, argv: tuple[str, ...]) -> None:
    result = cli("users", argv[0], "nobody", *argv[1:], "--json")
    assert (result.code, result.json["code"]) == (2, "UNKNOWN_ACCOUNT")


def test_a_token_is_shown_once_alone_on_standard_output(cli: Any, tmp_path: Any) -> None:
    made = cli("token", "create", "--scope", "admin", "--scope", "ml", "--label", "ops", "--days", "2")
    token = made.out.strip()
    assert made.out == f"{token}\n"
    assert token.startswith("vfr_")
    assert token not in made.err
    listed = cli("token", "list", "--json")
    assert token not in listed.out
    (key,) = listed.json["keys"]
    assert (key["label"], key["scopes"], key["revoked"]) == ("ops", ["ml", "admin"], False)
    assert key["expiresAt"] is not None
    assert key["id"] in cli("token", "list").out
    callers = bootstrap.build(Settings(data_home=tmp_path / "home")).accounts.callers
    assert callers.holder(token).scopes == {"ml", "admin"}
    assert cli("token", "revoke", key["id"], "--json").json["key"]["revoked"] is True
    callers.changed()
    with pytest.raises(TokenRefused):
        callers.holder(token)
    callers.close()


def test_a_token_of_a_user(cli: Any, typed: Any) -> None:
    typed(PASSWORD + "\n")
    cli("users", "add", "jane", "--tier", "free", "--password-stdin")
    made = cli("token", "create", "--user", "JANE", "--json").json
    assert (made["key"]["tier"], made["key"]["scopes"]) == ("free", ["classic", "ml"])
    assert made["key"]["userId"] is not None
    assert cli("token", "create", "--user", "nobody").code == 2


@pytest.mark.parametrize(
    "argv", [("--scope", "root"), ("--tier", "gold"), ("--label", ""), ("--days", "0"), ("--days", "9999")]
)
def test_what_is_refused_of_a_token(cli: Any, argv: tuple[str, ...]) -> None:
    assert cli("token", "create", *argv).code == 2
    assert cli("token", "list", "--json").json["keys"] == []


def test_unknown_tokens_and_rotation(cli: Any) -> None:
    assert cli("token", "revoke", "vfr_AAAAAAAA").code == 2
    first = cli("token", "rotate-keys", "--json").json["kid"]
    second = cli("token", "rotate-keys", "--at-once", "--json").json["kid"]
    assert first != second
    assert "Signing with key" in cli("token", "rotate-keys").out
    actions = [row["detail"] for row in cli("users", "log", "--json").json["rows"]]
    assert actions == ["", "at once", ""]


def test_the_last_use_of_a_token_is_kept(cli: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token = cli("token", "create").out.strip()
    callers = bootstrap.build(Settings(data_home=tmp_path / "home")).accounts.callers
    callers.holder(token)
    later = now() + 61
    monkeypatch.setattr("vfr.bootstrap.callers.now", lambda: later)
    callers.changed()
    callers.close()
    assert cli("token", "list", "--json").json["keys"][0]["lastUsedAt"] is not None
