"""Who may call: hosts, origins, content types, single-user mode, and what every response carries."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.api.accounts_world import ROOMY
from tests.api.conftest import USED

from vfr import bootstrap
from vfr.api.security import FORWARDING
from vfr.errors import SettingsError
from vfr.settings import Settings, refuse_open_door

URL = "/api/stocks/analyze"
BODY = {"mode": "single", "symbols": ["AAPL"]}
SECRET = "a-secret-of-more-than-thirty-two-characters"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000"])
def test_loopback_names_are_hosts(client: Any, host: str) -> None:
    assert client.get("/api/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.",
        "127.0.0.1@evil.example:80",
        "evil@127.0.0.1",
        "[::1",
        "::1",
        "127.0.0.1:x",
        "10.0.0.1",
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/health", URL])
def test_another_host_is_421(client: Any, failure: Any, host: str, path: str) -> None:
    failure(client.get(path, headers={"Host": host}), 421, "HOST_NOT_ALLOWED")


def test_no_host_and_two_hosts_are_400(client: Any, failure: Any) -> None:
    failure(client.get("/api/health", headers={"Host": ""}), 400, "INVALID_HOST")
    twice = [("Host", "127.0.0.1"), ("Host", "127.0.0.1")]
    failure(client.get("/api/health", headers=twice), 400, "INVALID_HOST")


def test_hosts_can_be_added(client_with: Any) -> None:
    client = client_with(allowed_hosts=("vfr.example.org",))
    assert client.get("/api/health", headers={"Host": "vfr.example.org"}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:9999", "https://localhost:8000", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_page_is_refused(client: Any, failure: Any, origin: str, method: str) -> None:
    response = client.request(method, URL, headers={"Origin": origin}, **({"json": BODY} if method == "POST" else {}))
    failure(response, 403, "ORIGIN_NOT_ALLOWED")
    assert "access-control-allow-origin" not in response.headers


def test_the_servers_own_page_may_call(client: Any) -> None:
    headers = {"Origin": "http://127.0.0.1:8000", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert client.post(URL, json=BODY, headers=headers).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_fetch_that_hides_its_origin_is_refused(client: Any, failure: Any, site: str) -> None:
    headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    failure(client.get("/api/stocks/search?query=a", headers=headers), 403, "ORIGIN_NOT_ALLOWED")
    assert client.get("/", headers={"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}).status_code == 200


def test_an_allowed_origin_may_call_and_read(client_with: Any) -> None:
    client = client_with(allowed_origins=("https://app.example.org",))
    headers = {"Origin": "https://app.example.org", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    response = client.post(URL, json=BODY, headers=headers)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://app.example.org"
    assert response.headers["vary"] == "Origin"
    asked = {**headers, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    preflight = client.request("OPTIONS", URL, headers=asked)
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    # What a page needs to go on with a stream that broke.
    assert "Last-Event-ID" in preflight.headers["access-control-allow-headers"]


def test_a_preflight_from_elsewhere_is_refused(client: Any, failure: Any) -> None:
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    failure(client.request("OPTIONS", URL, headers=headers), 403, "ORIGIN_NOT_ALLOWED")


@pytest.mark.parametrize(
    "kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json"]
)
def test_a_body_must_be_declared_as_json(client: Any, failure: Any, kind: str | None) -> None:
    headers = {} if kind is None else {"Content-Type": kind}
    failure(client.post(URL, content=b"{}", headers=headers), 415, "UNSUPPORTED_MEDIA_TYPE")


def test_what_has_no_body_need_not_say_of_what_kind(client: Any, failure: Any) -> None:
    failure(client.request("DELETE", "/api/admin/users/x"), 403, "FORBIDDEN")
    failure(client.request("DELETE", "/api/admin/users/x", content=b"{}"), 415, "UNSUPPORTED_MEDIA_TYPE")
    failure(client.post("/api/admin/users"), 415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "framing",
    [
        {"Content-Length": "0" * 5_000 + "2"},
        {"Content-Length": "two"},
        {"Content-Length": "\N{SUPERSCRIPT TWO}".encode("latin-1")},
        {"Transfer-Encoding": "gzip, chunked"},
    ],
)
def test_where_a_body_ends_must_be_certain(client: Any, failure: Any, framing: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", **framing}
    response = client.post(URL, content=b"{}", headers=headers)
    failure(response, 400, "INVALID_LENGTH")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(("size", "status"), [(1, 413), (64, 400)])
def test_a_body_may_not_come_in_very_many_parts(client: Any, size: int, status: int) -> None:
    sent = []

    async def parts() -> AsyncIterator[bytes]:
        for k in range(100_000 // size):
            sent.append(k)
            yield b" " * size

    headers = {"Content-Type": "application/json"}
    assert client.post(URL, content=parts(), headers=headers).status_code == status
    assert len(sent) < 10_000


def test_a_character_set_may_be_named(client: Any) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert client.post(URL, content=b'{"mode": "single", "symbols": ["AAPL"]}', headers=headers).status_code == 200


@pytest.mark.parametrize("header", sorted(FORWARDING))
def test_behind_a_proxy_nobody_is_the_single_user(client: Any, failure: Any, header: str) -> None:
    response = client.post(URL, json=BODY, headers={header: "for=192.0.2.1"})
    assert "token" in failure(response, 401, "UNAUTHORIZED")
    assert response.headers["www-authenticate"].startswith("Bearer")


READS = [
    "/api/stocks/search?query=a",
    "/api/stocks/AAPL/history",
    "/api/stocks/by-sector?sector=energy",
    "/api/stocks/sector-rankings",
    "/api/ml/models",
    "/api/ml/models/x",
    "/api/ml/health",
]


@pytest.mark.parametrize("path", READS)
def test_a_secret_ends_single_user_mode(client_with: Any, failure: Any, path: str) -> None:
    client = client_with(secret=SECRET, tiers=ROOMY)
    failure(client.get(path), 401, "UNAUTHORIZED")
    failure(client.post(URL, json=BODY), 401, "UNAUTHORIZED")
    failure(client.post(URL, json=BODY, headers={"Authorization": f"Bearer {SECRET}"}), 401, "UNAUTHORIZED")
    assert client.get("/api/health").status_code == 200
    assert client.get("/api/health/ready").status_code == 200
    assert client.get("/").status_code == 200


def test_classic_analysis_can_be_public_and_nothing_else(client_with: Any, failure: Any) -> None:
    client = client_with(secret=SECRET, public_classic=True, tiers=ROOMY)
    assert client.post(URL, json=BODY).status_code == 200
    assert client.get(URL).status_code == 200
    failure(client.post(URL, json={**BODY, "include_ml": True}), 401, "UNAUTHORIZED")
    for path in READS:
        failure(client.get(path), 401, "UNAUTHORIZED")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_admin_calls_name_the_command_instead(client: Any, client_with: Any, failure: Any, method: str) -> None:
    path, how = "/api/admin/ml-feature-toggles", {"json": {"enabled": False, "reason": "x"}} if method == "POST" else {}
    assert "vfr ml disable" in failure(client.request(method, path, **how), 403, "FORBIDDEN")
    failure(client_with(secret=SECRET, tiers=ROOMY).request(method, path, **how), 401, "UNAUTHORIZED")
    assert client.get("/api/health/ready").json()["data"]["ml"]["enabled"] is True


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "example.org"])  # noqa: S104
def test_outside_loopback_a_secret_is_needed(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^VFR_SECRET: "):
        refuse_open_door(Settings(host=host))
    refuse_open_door(Settings(host=host, secret=SECRET))


@pytest.mark.parametrize("path", ["/", "/dashboard/page.js", "/api/health", "/api/nothing", "/openapi.json"])
def test_every_response_is_sealed(client: Any, path: str) -> None:
    headers = client.get(path).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert len(headers["x-request-id"]) >= 8


def test_a_clients_request_id_is_kept_if_it_is_plain(client: Any) -> None:
    given = {"X-Request-ID": "client-0001"}
    assert client.get("/api/health", headers=given).headers["x-request-id"] == "client-0001"
    for bad in ("short", "x" * 65, "with space", "line\tbreak"):
        assert client.get("/api/health", headers={"X-Request-ID": bad}).headers["x-request-id"] != bad


def test_secrets_are_hidden_from_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    from vfr.adapters.redaction import hide_secrets

    hidden = hide_secrets(
        logging, "info", {"event": "e", "Authorization": "Bearer x", "api_token": "x", "symbol": "AAPL"}
    )
    assert hidden == {"event": "e", "Authorization": "[hidden]", "api_token": "[hidden]", "symbol": "AAPL"}
    assert capsys.readouterr().err == ""


def test_a_path_cannot_begin_a_line_of_the_log(client: Any, capsys: pytest.CaptureFixture[str]) -> None:
    client.get("/api/x%0Aevent=forged")
    assert "\nevent=forged" not in capsys.readouterr().out


@pytest.mark.parametrize("path", [URL, "/api/auth/token", "/api/admin/ml-feature-toggles"])
def test_a_body_that_trickles_is_given_up(
    client_with: Any, failure: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("vfr.api.arrival.BODY_S", 0.2)
    client = client_with(secret=SECRET, public_classic=True, tiers=ROOMY)
    sent = 0

    async def trickle() -> Any:
        nonlocal sent
        for _ in range(1_000):
            sent += 1
            yield b" "
            await asyncio.sleep(0.05)

    headers = {"Content-Type": "application/json", "Content-Length": "1000"}
    response = client.post(path, content=trickle(), headers=headers)
    assert response.status_code in (401, 408), response.text
    if response.status_code == 408:
        failure(response, 408, "BODY_TOO_SLOW")
        assert response.headers["connection"] == "close"
    assert sent < 100


def test_a_stream_outlives_the_time_a_body_has(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.api.arrival.BODY_S", 0.05)
    monkeypatch.setattr("vfr.api.progress.OPEN_S", 0.3)
    response = client.get(f"/api/stocks/analyze/progress/{uuid4().hex}", headers={"Content-Length": "0"})
    assert response.status_code == 200
    assert "in time" in response.text


def test_strangers_are_told_whether_machine_learning_is_on_and_no_more(
    home: Path, tmp_path: Path, client_with: Any
) -> None:
    own = tmp_path / "home"
    shutil.copytree(home, own, ignore=USED)
    bootstrap.build(Settings(data_home=own)).toggles.turn("ml", False, reason="earnings week", who="jane")
    known = client_with(data_home=own).get("/api/health/ready").json()["data"]["ml"]
    assert ("earnings week" in known["reason"], known["changedBy"]) == (True, "jane")
    secret = "a-secret-of-more-than-thirty-two-characters"
    told = client_with(data_home=own, secret=secret).get("/api/health/ready").json()["data"]["ml"]
    assert told.keys() == known.keys()
    assert told["enabled"] is known["enabled"] is False
    assert (told["reason"], told["changedBy"], told["changedAt"]) == ("", None, None)
    assert told["toggles"] == {}
    assert told["champions"] == told["warnings"] == []
