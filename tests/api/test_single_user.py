"""Single-user mode: what it gives, what ends it, and what is known while the database is away."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.accounts_world import PASSWORD, SECRET, World, bearer

ANALYZE = "/api/stocks/analyze"
BODY = {"mode": "single", "symbols": ["AAPL"]}
TOGGLES = "/api/admin/ml-feature-toggles"


@pytest.fixture
def opened(home: Path, tmp_path: Path, client_of: Any) -> Iterator[Callable[..., World]]:
    made: list[World] = []

    def opening(**values: Any) -> World:
        made.append(World.opened(home, tmp_path, client_of, **{"secret": None, **values}))
        return made[-1]

    yield opening
    for world in made:
        world.application.accounts.callers.close()


def test_the_caller_holds_every_scope_but_admin_without_limits(opened: Any, failure: Any) -> None:
    client = opened(tiers={"anonymous": {"requestsPerMinute": 1}, "enterprise": {"requestsPerMinute": 1}}).client
    for _ in range(3):
        assert client.post(ANALYZE, json={**BODY, "include_ml": True}).status_code == 200
        assert client.get("/api/ml/models").status_code == 200
    assert "vfr token create --scope admin" in failure(client.get(TOGGLES), 403, "FORBIDDEN")


def test_a_token_made_by_the_command_line_administers(opened: Any, failure: Any) -> None:
    world = opened()
    _, token = world.application.accounts.create_key("test", "cli", tier="admin", scopes=("admin",), user=None, days=1)
    _, other = world.application.accounts.create_key("test", "cli", tier="free", scopes=("ml",), user=None, days=1)
    assert world.client.get(TOGGLES, headers=bearer(token)).status_code == 200
    failure(world.client.get(TOGGLES, headers=bearer(other)), 403, "FORBIDDEN")
    failure(world.client.get(TOGGLES, headers=bearer("nonsense")), 401, "UNAUTHORIZED")
    for sent in (token, "nonsense"):  # Elsewhere no token is needed, and one that is sent does no harm.
        assert world.client.post(ANALYZE, json=BODY, headers=bearer(sent)).status_code == 200


def test_a_user_ends_it_and_without_users_it_is_back(opened: Any, failure: Any) -> None:
    world = opened()
    assert world.client.post(ANALYZE, json=BODY).status_code == 200
    user = world.application.accounts.add_user("jane", PASSWORD, "free", (), "cli")
    assert "there are users" in failure(world.client.post(ANALYZE, json=BODY), 401, "UNAUTHORIZED")
    failure(world.client.get("/api/ml/models"), 401, "UNAUTHORIZED")
    token = world.sign_in("jane")["accessToken"]
    assert world.client.post(ANALYZE, json=BODY, headers=bearer(token)).status_code == 200
    world.application.accounts.change_user(user, "cli", disabled=True)
    failure(world.client.post(ANALYZE, json=BODY), 401, "UNAUTHORIZED")
    world.application.accounts.delete_user(user.id, "cli")
    assert world.client.post(ANALYZE, json=BODY).status_code == 200


def test_classic_analysis_may_be_public_with_users_too(opened: Any, failure: Any) -> None:
    world = opened(public_classic=True)
    world.application.accounts.add_user("jane", PASSWORD, "free", (), "cli")
    assert world.client.post(ANALYZE, json=BODY).status_code == 200
    failure(world.client.post(ANALYZE, json={**BODY, "include_ml": True}), 401, "UNAUTHORIZED")
    failure(world.client.get("/api/stocks/search?query=a"), 401, "UNAUTHORIZED")
    failure(world.client.post(ANALYZE, json=BODY, headers=bearer("nonsense")), 401, "UNAUTHORIZED")


@pytest.fixture
def away(tmp_path: Path) -> str:
    """Address of a database that cannot be used."""
    (tmp_path / "away.db").mkdir()
    return f"sqlite:///{tmp_path / 'away.db'}"


def test_never_reached_the_database_leaves_classic_answers_and_nothing_else(
    opened: Any, failure: Any, away: str
) -> None:
    client = opened(database_url=away, journal=False).client
    assert client.post(ANALYZE, json=BODY).status_code == 200
    assert client.get("/api/stocks/search?query=a").status_code == 200
    failure(client.get("/api/ml/models"), 503, "ACCOUNTS_UNKNOWN")
    failure(client.get(TOGGLES), 503, "ACCOUNTS_UNKNOWN")
    failure(client.get(TOGGLES, headers=bearer("vfr_x")), 503, "DATA_ERROR")
    failure(client.post("/api/auth/token", json={"username": "a", "password": "b"}), 503, "DATA_ERROR")


def test_a_database_that_hangs_is_waited_for_once(
    opened: Any, failure: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vfr.bootstrap.callers.FIRST_S", 0.2)
    holder = sqlite3.connect(tmp_path / "held.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")  # Everybody else waits for half a minute.
    world = opened(database_url=f"sqlite:///{tmp_path / 'held.db'}", journal=False)
    world.application.accounts.callers.has_users()
    monkeypatch.setattr("vfr.bootstrap.callers.FIRST_S", 60.0)
    assert world.client.post(ANALYZE, json=BODY).status_code == 200
    failure(world.client.get("/api/ml/models"), 503, "ACCOUNTS_UNKNOWN")
    holder.close()


def test_with_a_secret_a_database_never_reached_lets_nobody_in(opened: Any, failure: Any, away: str) -> None:
    client = opened(database_url=away, journal=False, secret=SECRET).client
    failure(client.post(ANALYZE, json=BODY), 401, "UNAUTHORIZED")
    failure(client.post(ANALYZE, json=BODY, headers=bearer("a.b.c")), 503, "DATA_ERROR")
    ready = client.get("/api/health/ready", headers=bearer("a.b.c"))  # Classic analysis answers, whoever asks.
    assert (ready.status_code, ready.json()["data"]["ml"]["champions"]) == (200, [])


def test_while_the_database_is_away_tokens_work_on_and_nobody_signs_in(
    opened: Any, failure: Any, tmp_path: Path
) -> None:
    world = opened(secret=SECRET)
    world.application.accounts.callers.follow(5.0)
    world.application.accounts.add_user("jane", PASSWORD, "free", (), "cli")
    _, key = world.application.accounts.create_key("t", "cli", tier="free", scopes=(), user=None, days=None)
    tokens = [world.sign_in("jane")["accessToken"], key]
    fresh = world.sign_in("jane")["accessToken"]
    world.application.accounts.callers.database().dispose()
    for file in tmp_path.glob("accounts.db*"):
        file.unlink()
    (tmp_path / "accounts.db").mkdir()
    for token in (*tokens, fresh):
        assert world.client.post(ANALYZE, json=BODY, headers=bearer(token)).status_code == 200
    failure(world.client.post(ANALYZE, json=BODY, headers=bearer("a.b.c")), 401, "UNAUTHORIZED")
    failure(world.client.post("/api/auth/token", json={"username": "jane", "password": PASSWORD}), 503, "DATA_ERROR")
    failure(world.client.post("/api/auth/refresh", json={"refreshToken": "vfrr_" + "0" * 64}), 503, "DATA_ERROR")


OTHER = """
import sys
from vfr import settings
from vfr.bootstrap.accounts import AccountDesk
from vfr.clock import epoch_ms
from vfr.errors import TokenRefused
callers = AccountDesk(settings.load()).callers
callers.follow(30)
print("ready", callers.holder(sys.argv[1]).subject, callers.has_users(), flush=True)
while True:
    try:
        callers.holder(sys.argv[1])
    except TokenRefused:
        print(epoch_ms(), flush=True)
        break
"""


def test_another_process_refuses_a_disabled_user_in_time(opened: Any, tmp_path: Path) -> None:
    world = opened(secret=SECRET)
    user = world.application.accounts.add_user("jane", PASSWORD, "free", (), "cli")
    token = world.sign_in("jane")["accessToken"]
    environment = {**os.environ, "VFR_DATABASE_URL": f"sqlite:///{tmp_path / 'accounts.db'}", "VFR_SECRET": SECRET}
    other = subprocess.Popen(  # noqa: S603 - this interpreter
        [sys.executable, "-c", OTHER, token],
        env={**environment, "VFR_DATA_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline().split() == ["ready", user.id, "True"]
        time.sleep(0.3)
        at = time.time() * 1e3
        world.application.accounts.change_user(user, "cli", disabled=True)
        assert float(other.stdout.readline()) - at < 5_000
    finally:
        other.send_signal(signal.SIGKILL)
        other.communicate()
