"""Secrets never enter a log: by the name of their field, by their look, and by being known."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from vfr.adapters.database.engine import open_engine
from vfr.adapters.redaction import HIDDEN, Scrubber, hide_secrets
from vfr.adapters.telemetry import AccessLog, configure_logging

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJl"
KEY = "vfr_yzgKCePo0123456789abcdef"
SECRET = "a-secret-of-more-than-thirty-two-characters"
DATABASE = "postgresql://jane:pass%40word-1@db.example/vfr"


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"Authorization: Bearer {JWT}", JWT),
        (f"sent bearer {KEY} twice", KEY),
        (f"a token {JWT} in a sentence", "c2lnbmF0dXJl"),
        (f"a key {KEY}, cut", "0123456789abcdef"),
        ("refresh vfrr_00112233445566778899", "00112233445566778899"),
        ("GET https://api.example/x?symbol=AAPL&apikey=k3y-of-mine&y=1", "k3y-of-mine"),
        ("GET https://api.example/x?api_key=k3y-of-mine", "k3y-of-mine"),
        ("wss://api.example/?token=k3y-of-mine", "k3y-of-mine"),
        ("cannot reach postgresql+pg8000://jane:pw-of-jane@db:5432/vfr", "pw-of-jane"),
        ("redis://:pw-of-redis@cache:6379/0 refused", "pw-of-redis"),
        ("{'password': 'four words, kept'}", "four words"),
        ('{"password": "four words, easily kept", "x": 1}', "easily kept"),
        ("password='four words' and more", "words"),
        ('{"error": "body was {\\"password\\": \\"four words\\"}"}', "words"),
        ('{"error": "body was {\\"password\\": \\"hunter22\\"}"}', "hunter22"),
        ("Basic YWRtaW46YWRtaW4=", "YWRtaW46YWRtaW4"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(line: str, secret: str) -> None:
    scrubbed = Scrubber()(line)
    assert secret not in scrubbed
    assert HIDDEN in scrubbed


@pytest.mark.parametrize(
    "line",
    [
        "GET /api/stocks/search?query=token status=200",
        "a valid token is needed: this server is not in single-user mode",
        "https://vfr.example.org/api/stocks/AAPL/history?limit=3",
        "jane@example.org asked for BRK.B at 10:00",
        "basic ways of a bearer",
        "VFR_DATABASE_URL: PostgreSQL at 127.0.0.1:1 cannot be used",
    ],
)
def test_what_is_none_stays(line: str) -> None:
    assert Scrubber()(line) == line


def test_a_json_line_stays_json() -> None:
    line = json.dumps({"error": f'sent "token": "{JWT}" and {{"password": "x y"}}', "url": f"{DATABASE}?a=1"})
    assert JWT not in Scrubber()(line)
    assert set(json.loads(Scrubber()(line))) == {"error", "url"}


SECRETS = st.text(string.ascii_letters + string.digits + "-_.~!*'()@:/?#%&=+ ", min_size=6, max_size=60)


@given(SECRETS, st.text(max_size=30), st.text(max_size=30))
def test_a_known_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str) -> None:
    scrub = Scrubber([secret])
    for spelled in (secret, quote(secret, safe="")):
        assert spelled not in scrub(f"{before}|{spelled}|{after}").replace(HIDDEN, "")


def test_of_an_address_the_password_is_known() -> None:
    scrub = Scrubber([DATABASE])
    for spelled in ("pass%40word-1", "pass@word-1", DATABASE):
        assert "word-1" not in scrub(f"could not log in with {spelled}")


def test_fields_are_hidden_at_any_depth() -> None:
    deep: dict[str, object] = {"apiKey": "k"}
    for _ in range(20):
        deep = {"in": deep}
    event = {"event": "e", "headers": {"Cookie": "c", "Host": "h"}, "rows": [{"password": "p"}, (1, 2)], "deep": deep}
    hidden = hide_secrets(None, "info", event)
    assert hidden["headers"] == {"Cookie": HIDDEN, "Host": "h"}
    assert hidden["rows"] == [{"password": HIDDEN}, [1, 2]]
    assert "'k'" not in str(hidden)


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_line_of_a_process_holds_a_secret(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Fields, traces, database errors and the access log."""
    configure_logging("info", form, [SECRET, DATABASE])
    log = structlog.get_logger()
    log.info("asked", headers={"authorization": f"Bearer {JWT}"}, url=f"https://x.example/?apikey={SECRET}")
    refused = ConnectionError(f"no answer from {DATABASE} for {KEY}")
    log.warning("failed", error=str(refused), exc_info=refused)
    access = AccessLog("info", form, [SECRET])
    access.told("r1", "GET", f"/api/x/{KEY}/{SECRET}", 404, 0.1)
    access.close()
    said = capsys.readouterr().err
    assert len(said) > 200
    for secret in (SECRET, JWT, "0123456789abcdef", "word-1", DATABASE):
        assert secret not in said
    if form == "json":
        assert len([json.loads(line) for line in said.splitlines()]) == 3


def test_an_error_of_the_database_holds_no_value(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'd.db'}")
    with pytest.raises(SQLAlchemyError) as raised, engine.begin() as connection:
        connection.execute(text("INSERT INTO nothing VALUES (:kept)"), {"kept": "hash-of-a-password"})
    engine.dispose()
    assert "hash-of-a-password" not in str(raised.value)
