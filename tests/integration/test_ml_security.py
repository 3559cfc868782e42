"""A server that strangers can reach: what they send does no harm, and what they are told holds no secret.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
every claim of docs/security.md has its test                           test_every_test_the_docs_name_exists
no request is smuggled into a connection, headers are bounded          test_no_request_is_smuggled
slow clients do not hold a place                                       test_slow_clients_are_given_up
slow clients do not slow others                                        test_slow_clients_slow_nobody
only HTTP/1 is spoken                                                  test_nothing_but_http_1_is_spoken
no field of a request is an address the server opens                   test_no_field_of_a_request_is_an_address
tokens, passwords and keys appear in no line of the log                test_no_secret_is_in_the_log_of_a_server
machine learning needs its scope, whatever route it is asked by        test_ml_needs_its_scope_by_every_route
=====================================================================  =============================================
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from tests.asgi.running import until
from tests.integration.conftest import Server, serving

from vfr import bootstrap
from vfr.clock import elapsed_ms
from vfr.settings import Settings

ROOT = Path(__file__).parents[2]
SECRET = "a-secret-of-more-than-thirty-two-characters"
PASSWORD = "four words, easily kept"
HOST = b"Host: 127.0.0.1\r\n"
GET = b"GET /api/health HTTP/1.1\r\n" + HOST
POST = b"POST /api/stocks/analyze HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
BODY = b'{"mode": "single", "symbols": ["AAPL"]}'
NEXT = GET + b"X-Smuggled: yes\r\n\r\n"


def test_every_test_the_docs_name_exists() -> None:
    text = (ROOT / "docs" / "security.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    rows = [line for line in text.splitlines() if re.match(r"\| API\d+ ", line)]
    assert [row.split()[1] for row in rows] == [f"API{n}" for n in range(1, 11)]
    assert all("::test_" in row.rsplit("|", 2)[1] for row in rows)
    for file, test in named:
        defined = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if hasattr(node, "name")}
        assert test in defined, f"{file}::{test}"


def spoken(server: Server, sent: bytes, seconds: float = 3.0) -> tuple[bytes, bool]:
    """Send bytes; return what is answered, and whether the server closed the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as link:
        link.sendall(sent)
        answer = b""
        try:
            while part := link.recv(65_536):
                answer += part
                link.settimeout(0.5)
        except TimeoutError:
            return answer, False
        except ConnectionError:
            pass
        return answer, True


def length(count: int) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % count


SMUGGLED = {
    "length before chunks": POST + b"Transfer-Encoding: chunked\r\n" + length(6) + b"0\r\n\r\n" + NEXT,
    "chunks before length": POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "two lengths": POST + b"Content-Length: 4\r\n" + length(len(BODY)) + BODY + NEXT,
    "unknown encoding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunked is not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + NEXT,
    "space before the colon": POST + b"Content-Length : 4\r\n\r\n" + BODY + NEXT,
    "a length of 5,000 digits": POST + b"Content-Length: " + b"0" * 5_000 + b"4\r\n\r\n" + BODY + NEXT,
    "an encoding before the chunks": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + NEXT,
    "a length with a sign": POST + b"Content-Length: +4\r\n\r\n" + BODY + NEXT,
    "a folded header": GET + b"X-A: b\r\n Content-Length: 4\r\n\r\n" + NEXT,
    "a zero byte in a header": GET + b"X-A: b\x00c\r\n\r\n" + NEXT,
    "too many headers": GET + b"".join(b"X-%d: y\r\n" % k for k in range(200)) + b"\r\n" + NEXT,
    "a header of 200 KB": GET + b"X-A: " + b"a" * 200_000 + b"\r\n\r\n" + NEXT,
    "an address of 100 KB": b"GET /api/health?" + b"a" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n" + NEXT,
    "a body declared too long": POST + length(10_000_000) + b"x" * 1_000 + NEXT,
    "a chunk with an endless name": POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 100_000 + b"\r\n" + NEXT,
}


@pytest.mark.parametrize("trick", SMUGGLED)
def test_no_request_is_smuggled(server: Server, trick: str) -> None:
    """One refusal, and the connection is closed: what follows is never taken for a request."""
    answer, closed = spoken(server, SMUGGLED[trick])
    statuses = re.findall(rb"HTTP/1\.[01] (\d{3})", answer)
    assert len(statuses) == 1, answer[:300]
    assert 400 <= int(statuses[0]) < 500
    assert closed


def test_nothing_but_http_1_is_spoken(server: Server) -> None:
    answer, closed = spoken(server, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
    assert b"200" not in answer
    assert closed
    upgraded, _ = spoken(server, GET + b"Connection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    assert upgraded.startswith(b"HTTP/1.1 200")
    tunnel, _ = spoken(server, b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n")
    assert int(tunnel[9:12]) >= 400


@pytest.fixture(scope="module")
def slow(server: Server) -> Iterator[dict[str, list[socket.socket]]]:
    """Connections that are opened and then say too little; other tests run beside them."""
    said = {"nothing": b"", "half a header": GET + b"X-A", "half a body": POST + length(len(BODY)) + BODY[:9]}
    links: dict[str, list[socket.socket]] = {}
    for name, part in said.items():
        links[name] = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(40)]
        for link in links[name]:
            link.sendall(part)
    yield links
    for link in (one for some in links.values() for one in some):
        link.close()


def test_slow_clients_slow_nobody(server: Server, slow: Any) -> None:
    with server.client() as client:
        took = []
        for _ in range(20):
            begun = elapsed_ms()
            assert client.post("/api/stocks/analyze", json=json.loads(BODY)).status_code == 200
            took.append(elapsed_ms(begun))
    assert median(took) < 1_000


def test_no_field_of_a_request_is_an_address(slow: Any, server: Server) -> None:
    """A listener whose address stands in every field of text is never called."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/x"
        bodies: list[dict[str, Any]] = [
            {"mode": "sector", "sector": address},
            {"mode": "single", "symbols": [address]},
            {"mode": "single", "symbols": ["AAPL"], "sessionId": address, "url": address, "webhook": address},
            {"mode": "single", "config": {"symbol": "AAPL", "preferredDataSources": [address], "url": address}},
        ]
        with server.client() as client:
            for body in bodies:
                assert client.post("/api/stocks/analyze", json=body).status_code in (200, 404, 422)
            for path in ("search?query=", "by-sector?sector="):
                assert client.get(f"/api/stocks/{path}{address}").status_code in (200, 404, 422)
            forwarded = {"X-Forwarded-Host": address, "Referer": address}
            assert client.get("/api/health", headers=forwarded).status_code == 200
        trap.settimeout(0.3)
        with pytest.raises(TimeoutError):
            trap.accept()


@pytest.fixture(scope="module")
def guarded(learned: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """A server with a secret, and tokens of a machine: with the scope ``ml``, without it, and of an admin."""
    home = Path(shutil.copytree(learned, tmp_path_factory.mktemp("guarded") / "home"))
    accounts = bootstrap.build(Settings(data_home=home, secret=SECRET)).accounts
    accounts.add_user("jane", PASSWORD, "premium", (), "test")
    tokens = {
        name: accounts.create_key(name, "test", tier="premium", scopes=tuple({"classic", name}), user=None, days=1)[1]
        for name in ("classic", "ml")
    }
    accounts.callers.close()
    with serving(home, VFR_SECRET=SECRET, VFR_ML_ENABLED="false") as running:
        yield running, tokens


def test_ml_needs_its_scope_by_every_route(slow: Any, guarded: tuple[Server, dict[str, str]]) -> None:
    server, tokens = guarded
    body = {"mode": "single", "symbols": ["AAPL"]}
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/api/stocks/analyze", {**body, "include_ml": True}),
        ("POST", "/api/ml/predict", {"symbols": ["AAPL"]}),
        ("GET", "/api/ml/models", None),
        ("GET", "/api/ml/health", None),
        ("GET", "/api/ml/metrics", None),
    ]
    with server.client() as client:
        for method, path, sent in asked:
            codes = {}
            for name, token in {**tokens, "nobody": "vfr_nothing"}.items():
                headers = {"Authorization": f"Bearer {token}"}
                codes[name] = client.request(method, path, json=sent, headers=headers).status_code
            assert (codes["classic"], codes["nobody"]) == (403, 401), path
            assert codes["ml"] in (200, 503), path
        classic = client.post(
            "/api/stocks/analyze", json=body, headers={"Authorization": f"Bearer {tokens['classic']}"}
        )
        assert classic.status_code == 200


def test_no_secret_is_in_the_log_of_a_server(slow: Any, guarded: tuple[Server, dict[str, str]]) -> None:
    server, tokens = guarded
    with server.client() as client:
        pair = client.post("/api/auth/token", json={"username": "jane", "password": PASSWORD}).json()["data"]
        wrong = "wrong-words-of-a-guesser"
        client.post("/api/auth/token", json={"username": "jane", "password": wrong})
        client.post("/api/auth/refresh", json={"refreshToken": pair["refreshToken"]})
        headers = {"Authorization": f"Bearer {pair['accessToken']}", "Cookie": f"s={tokens['ml']}"}
        client.get(f"/api/stocks/search?query=a&access_token={tokens['ml']}&password={wrong}", headers=headers)
        client.get(f"/api/x/{tokens['classic']}/{pair['accessToken']}/{SECRET}", headers=headers)
    log = server.home / "server.log"
    until(lambda: log.read_text().count("/api/x/"), 5)
    text = log.read_text()
    secrets = [*tokens.values(), pair["accessToken"], pair["refreshToken"], SECRET, PASSWORD, wrong]
    assert [secret for secret in secrets if secret in text or secret[-12:] in text] == []
    assert "/api/auth/token" in text


def test_slow_clients_are_given_up(slow: dict[str, list[socket.socket]]) -> None:
    """Last, since they are given ten seconds; a connection that stays open fails by its own time."""
    for name, some in slow.items():
        for link in some:
            answer = b""
            while part := link.recv(65_536):
                answer += part
            assert answer[:12] == (b"HTTP/1.1 408" if name == "half a body" else b""), name
