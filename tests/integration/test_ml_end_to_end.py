"""The whole way, by the commands and the addresses a user has: data, training, serving, asking, watching, switching.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
from an empty folder to a classic answer without a setting             test_from_nothing_to_a_classic_answer
what was trained is listed, served, journaled and measured             test_what_is_served_is_listed_journaled_and_shown
progress of an analysis is told to who opened its session              test_progress_is_told_to_its_opener
an operator turns ML off and on, every change is on record             test_an_operator_turns_it_off_and_on
who has an account signs in, asks, refreshes, and is out when disabled test_an_account_from_first_sign_in_to_the_end
=====================================================================  =============================================
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from tests.asgi.running import until
from tests.integration.conftest import HORIZON, TRAINED, Server, predicted, serving

SECRET = "a-secret-of-more-than-thirty-two-characters"
PASSWORD = "four words, easily kept"


def vfr(home: Path, *words: str, said: str | None = None, **more: str) -> Any:
    """Run the command line as a user does, and return its JSON."""
    environment = {"VFR_DATA_HOME": str(home), "PATH": "/usr/bin:/bin", **more}
    command = [sys.executable, "-m", "vfr", *words]
    run = subprocess.run(command, env=environment, input=said, check=False, capture_output=True, text=True)  # noqa: S603
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout) if "--json" in words else run.stdout


def test_from_nothing_to_a_classic_answer(tmp_path: Path) -> None:
    answer = vfr(tmp_path / "home", "analyze", "aapl", "jpm", "--json")["data"]
    assert sorted(stock["symbol"] for stock in answer["stocks"]) == ["AAPL", "JPM"]
    assert all(0 <= stock["compositeScore"] <= 100 for stock in answer["stocks"])
    assert '"ml' not in json.dumps(answer)


def test_what_is_served_is_listed_journaled_and_shown(server: Server) -> None:
    listed = server.get("/api/ml/models?status=champion")["data"]["models"]
    assert {model["member"] for model in listed} == set(TRAINED)
    assert {model["horizon"] for model in listed} == {HORIZON}
    stock = server.analyze(mode="single", symbols=["JPM"], include_ml=True)["data"]["stocks"][0]
    versions = {one["version"] for one in stock["mlPrediction"]["members"] if one["status"] == "ok"}
    assert versions == {model["modelId"] for model in listed}
    for model in listed:
        card = server.get(f"/api/ml/models/{model['modelId']}")["data"]["card"]
        assert card["files"]
        assert all(len(checksum) == 64 for checksum in card["files"].values())
    assert server.get("/api/ml/health")["data"]["parts"][HORIZON]["status"] == "healthy"
    with server.client() as client:
        text = client.get("/metrics").text
    assert 'route="/api/stocks/analyze"' in text
    [kept] = vfr(server.home, "journal", "status", "--json")["rows"]
    assert (kept["horizon"], kept["forecasts"], kept["entries"]) == (HORIZON, 1, 20)


def test_progress_is_told_to_its_opener(server: Server) -> None:
    session, told = uuid4().hex, []

    def follow() -> None:
        with server.client() as client, client.stream("GET", f"/api/stocks/analyze/progress/{session}") as stream:
            told.extend(json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: "))

    follower = Thread(target=follow)
    follower.start()
    until(lambda: server.analyze(mode="single", symbols=["KO"], include_ml=True, sessionId=session), 10)
    follower.join(20)
    assert not follower.is_alive()
    assert (told[0]["stage"], told[-1]["stage"]) == ("connected", "complete")
    assert [event["progress"] for event in told] == sorted(event["progress"] for event in told)


def test_an_operator_turns_it_off_and_on(server: Server) -> None:
    body = {"mode": "single", "symbols": ["AAPL"], "include_ml": True}
    vfr(server.home, "ml", "disable", "--reason", "drift of linear", "--member", "linear")
    try:
        until(lambda: _codes(server, body) == {"DISABLED"} or not _answering(server, body) & {"linear"}, 10)
        assert _answering(server, body) == {"lightgbm"}
    finally:
        vfr(server.home, "ml", "enable", "--reason", "retrained", "--member", "linear")
    until(lambda: predicted(server) and _answering(server, body) == set(TRAINED), 30)
    rows = vfr(server.home, "ml", "audit", "--json")["rows"]
    assert [(row["id"], row["enabled"], row["reason"]) for row in rows[:2]] == [
        ("linear", True, "retrained"),
        ("linear", False, "drift of linear"),
    ]


def _stocks(server: Server, body: dict[str, Any]) -> list[dict[str, Any]]:
    return [server.analyze(**body)["data"]["stocks"][0] for _ in range(6)]


def _codes(server: Server, body: dict[str, Any]) -> set[str]:
    return {stock.get("mlUnavailable", {}).get("code", "ok") for stock in _stocks(server, body)}


def _answering(server: Server, body: dict[str, Any]) -> set[str]:
    members = [one for stock in _stocks(server, body) for one in stock.get("mlPrediction", {}).get("members", ())]
    return {one["model"] for one in members if one["status"] == "ok"}


@pytest.fixture
def guarded(home: Path) -> Iterator[Server]:
    """A server with a secret, a premium user and an admin; no engine, which has nothing to do with it."""
    for name, tier in (("jane", "premium"), ("root", "admin")):
        vfr(home, "users", "add", name, "--tier", tier, "--password-stdin", said=PASSWORD, VFR_SECRET=SECRET)
    with serving(home, VFR_SECRET=SECRET, VFR_ML_ENABLED="false") as running:
        yield running


def test_an_account_from_first_sign_in_to_the_end(guarded: Server) -> None:
    body = {"mode": "single", "symbols": ["AAPL"]}
    with guarded.client() as client:

        def sign_in(name: str) -> dict[str, str]:
            asked = client.post("/api/auth/token", json={"username": name, "password": PASSWORD})
            assert asked.status_code == 200, asked.text
            pair: dict[str, str] = asked.json()["data"]
            return pair

        def asks(token: str) -> int:
            headers = {"Authorization": f"Bearer {token}"}
            return client.post("/api/stocks/analyze", json=body, headers=headers).status_code

        assert client.post("/api/stocks/analyze", json=body).status_code == 401
        jane, root = sign_in("jane"), sign_in("root")
        assert asks(jane["accessToken"]) == 200
        renewed = client.post("/api/auth/refresh", json={"refreshToken": jane["refreshToken"]}).json()["data"]
        assert asks(renewed["accessToken"]) == 200
        admin = {"Authorization": f"Bearer {root['accessToken']}"}
        users = client.get("/api/admin/users", headers=admin).json()["data"]["users"]
        [found] = [user for user in users if user["name"] == "jane"]
        off = client.post(f"/api/admin/users/{found['id']}", json={"disabled": True}, headers=admin)
        assert off.status_code == 200, off.text
        assert asks(renewed["accessToken"]) == 401
        assert client.post("/api/auth/token", json={"username": "jane", "password": PASSWORD}).status_code == 401
        assert asks(root["accessToken"]) == 200
