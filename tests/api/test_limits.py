"""Limits over HTTP, on real tokens: who pays, what is refused, what answers say, and what does not dodge them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from tests.api.conftest import USED

from vfr import bootstrap
from vfr.accounts.limits import Charge, Verdict
from vfr.accounts.principal import ANONYMOUS, LOCAL
from vfr.adapters.limits.local import FILE_NAME, LocalLimiter
from vfr.api.limits import Limits, _address
from vfr.asgi import create_app
from vfr.bootstrap import Application
from vfr.settings import Settings

SECRET = "correct-horse-battery-staple-0123456789"
ANALYZE = "/api/stocks/analyze"
SINGLE = {"mode": "single", "symbols": ["AAPL"]}
TIERS = {
    "anonymous": {"requestsPerMinute": 3, "eventStreams": 1},
    "free": {"requestsPerMinute": 40, "mlUnitsPerDay": 5, "symbolsPerRequest": 4},
    "premium": {"requestsPerMinute": 3},
}

Ask = tuple[str, str, dict[str, Any]]


class Server:
    """An application with accounts, spoken to from addresses of choice."""

    def __init__(self, home: Path, **settings: Any) -> None:
        chosen = {"secret": SECRET, "public_classic": True, "tiers": TIERS} | settings
        self.application: Application = bootstrap.build(Settings(data_home=home, **chosen))
        self._app = create_app(self.application)

    def token(self, tier: str, user: Any = None) -> dict[str, str]:
        """Headers of a caller of a tier."""
        made = self.application.accounts.create_key("test", "tester", tier=tier, scopes=(), user=user, days=1)
        return {"Authorization": f"Bearer {made[1]}"}

    def ask(self, *requests: Ask, peer: str = "203.0.113.9") -> list[httpx.Response]:
        """Answers to requests that are sent at once."""

        async def main() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self._app, client=(peer, 4711))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                return await asyncio.gather(*(client.request(method, url, **how) for method, url, how in requests))

        return asyncio.run(main())

    def analyze(self, headers: dict[str, str] | None = None, *, peer: str = "203.0.113.9", **body: Any) -> Any:
        return self.ask(("POST", ANALYZE, {"json": SINGLE | body, "headers": headers or {}}), peer=peer)[0]


@pytest.fixture
def serve(home: Path, tmp_path: Path) -> Callable[..., Server]:
    """Make a server on a data home of its own."""

    def made(**settings: Any) -> Server:
        own = tmp_path / "home"
        shutil.copytree(home, own, ignore=USED)
        return Server(own, **settings)

    return made


@pytest.fixture
def server(serve: Callable[..., Server]) -> Server:
    return serve()


def test_answers_say_what_is_left(server: Server) -> None:
    answer = server.analyze()
    assert answer.status_code == 200
    assert answer.headers["RateLimit-Policy"] == '"requests";q=3;w=60'
    assert answer.headers["RateLimit"] == '"requests";r=2;t=61'
    named = [answer.headers[f"RateLimit-{name}"] for name in ("Limit", "Remaining", "Reset")]
    assert named == ["3", "2", "61"]


def test_a_used_up_minute_is_429_and_says_when_to_try_again(server: Server) -> None:
    for _ in range(3):
        assert server.analyze().status_code == 200
    refused = server.analyze()
    assert refused.status_code == 429
    assert refused.json()["code"] == "RATE_LIMITED"
    assert set(refused.json()) == {"success", "error", "code", "requestId"}
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert server.ask(("GET", "/api/health", {}))[0].status_code == 200
    assert server.ask(("GET", "/api/health/ready", {}))[0].status_code == 200


def test_many_at_once_get_exactly_the_budget(server: Server) -> None:
    token = server.token("free")
    answers = server.ask(*[("POST", ANALYZE, {"json": SINGLE, "headers": token})] * 100)
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(429)) == (40, 60)


DODGES: dict[str, dict[str, Any]] = {
    "the same again": {},
    "a header of proxies": {"headers": {"X-Forwarded-For": "198.51.100.1"}},
    "the same header twice": {"headers": [("X-Forwarded-For", "198.51.100.1"), ("X-Forwarded-For", "1.1.1.1")]},
    "other headers of proxies": {
        "headers": {"Forwarded": "for=198.51.100.1", "X-Real-IP": "198.51.100.1", "CF-Connecting-IP": "198.51.100.1"}
    },
    "upper case": {"url": "/API/Stocks/Analyze"},
    "a slash at the end": {"url": f"{ANALYZE}/"},
    "two slashes": {"url": "//api/stocks/analyze"},
    "a query": {"url": f"{ANALYZE}?x=1"},
    "the address as IPv6": {"peer": "::ffff:203.0.113.9"},
    "the address in hexadecimal": {"peer": "::FFFF:CB00:7109"},
    "another port of the host": {"headers": {"Host": "127.0.0.1:8000"}},
    "another name of the host": {"headers": {"Host": "localhost:8000"}},
    "a request id": {"headers": {"X-Request-ID": "another-one"}},
    "another route": {"method": "GET", "url": ANALYZE},
    "a token that is none": {"headers": {"Authorization": "Bearer none"}},
}


@pytest.mark.parametrize("dodge", DODGES)
def test_what_does_not_dodge_the_limit_of_an_address(server: Server, dodge: str) -> None:
    for _ in range(3):
        assert server.analyze().status_code == 200
    how = DODGES[dodge]
    method = how.get("method", "POST")
    more = {"headers": how.get("headers", {})} | ({"json": SINGLE} if method == "POST" else {})
    (answer,) = server.ask((method, how.get("url", ANALYZE), more), peer=how.get("peer", "203.0.113.9"))
    assert answer.status_code in (401, 404, 429)


def test_wrong_tokens_are_charged_to_the_address_and_good_ones_are_not(server: Server) -> None:
    wrong = {"Authorization": "Bearer vfr_" + 43 * "A"}
    asks: list[Ask] = [
        ("POST", ANALYZE, {"json": SINGLE, "headers": wrong}),
        ("GET", "/api/account/usage", {"headers": wrong}),
        ("POST", ANALYZE, {"json": SINGLE, "headers": {"Authorization": "Basic none"}}),
    ]
    answers = [server.ask(ask)[0] for ask in asks]
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    assert {answer.json()["code"] for answer in answers} == {"UNAUTHORIZED"}
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0"]
    refused = server.analyze(wrong)
    assert (refused.status_code, refused.json()["code"]) == (429, "RATE_LIMITED")
    assert server.analyze().status_code == 429
    assert server.analyze(server.token("free")).status_code == 200


def test_a_wrong_token_is_charged_by_health_which_refuses_nobody(server: Server) -> None:
    wrong: Ask = ("GET", "/api/health/ready", {"headers": {"Authorization": "Bearer vfr_" + 43 * "A"}})
    answers = [server.ask(wrong)[0] for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert answers[-1].json()["data"]["ml"]["champions"] == []
    assert server.analyze().status_code == 429
    for headers in ({}, server.token("free")):
        assert "RateLimit" not in server.ask(("GET", "/api/health/ready", {"headers": headers}))[0].headers


def test_what_is_left_of_a_refused_request_is_not_read_without_end(server: Server) -> None:
    """The rest of a body is read before 429 is answered, and who declares no length must not send for ever."""
    sent = []

    async def chunks() -> AsyncIterator[bytes]:
        for k in range(1_000):
            sent.append(k)
            yield b" " * 65_536

    headers = {"Content-Type": "application/json", "Authorization": "Bearer none"}
    for _ in range(3):
        server.analyze(headers)
    (answer,) = server.ask(("POST", "/api/ml/predict", {"content": chunks(), "headers": headers}))
    assert answer.status_code == 413
    assert len(sent) < 10


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b'{"mode": "single"}', 422),
        (b'{"mode": "sector", "sector": "energy", "limit": 11}', 403),
        (b'{"mode": "single", "symbols": ["AAPL"], "include_ml": true}', 401),
    ],
)
def test_a_wrong_body_costs_a_request(server: Server, body: bytes, status: int) -> None:
    ask: Ask = ("POST", ANALYZE, {"content": body, "headers": {"Content-Type": "application/json"}})
    statuses = [server.ask(ask)[0].status_code for _ in range(4)]
    assert statuses == [status, status, status, 429]


def test_a_request_over_the_minute_takes_no_units(server: Server) -> None:
    token = server.token("free")
    for _ in range(40):
        server.analyze(token)
    refused = server.analyze(token, include_ml=True)
    assert refused.status_code == 429
    assert "ml-units" not in refused.headers["RateLimit"]


def test_another_address_has_its_own_budget(server: Server) -> None:
    for _ in range(4):
        server.analyze()
    assert server.analyze().status_code == 429
    assert server.analyze(peer="203.0.113.10").status_code == 200


def test_an_ipv6_network_is_one_address(server: Server) -> None:
    statuses = [server.analyze(peer=f"2001:db8::{n}").status_code for n in range(4)]
    assert statuses == [200, 200, 200, 429]
    assert server.analyze(peer="2001:db8:0:1::1").status_code == 200


def test_behind_a_trusted_proxy_its_clients_pay_and_cannot_invent_addresses(serve: Callable[..., Server]) -> None:
    server = serve(trusted_proxies=("10.0.0.0/8",))

    def asked(forwarded: str) -> int:
        return int(server.analyze({"X-Forwarded-For": forwarded}, peer="10.0.0.1").status_code)

    assert [asked(f"198.51.100.{n}, 203.0.113.9") for n in range(4)] == [200, 200, 200, 429]
    assert asked("203.0.113.9, 203.0.113.10") == 200
    # However long what it sends, its address is the last one, and no such text is kept.
    kept = _address.cache_info().currsize
    assert asked("1, " * 9_999 + "203.0.113.9") == 429
    assert _address.cache_info().currsize == kept


def test_tokens_of_one_user_share_a_budget(server: Server) -> None:
    accounts = server.application.accounts
    user = accounts.add_user("jane", "a-long-enough-Passphrase-7", "premium", (), "tester")
    first, second = server.token("premium", user), server.token("premium", user)
    assert [server.analyze(token).status_code for token in (first, second, first, second)] == [200, 200, 200, 429]
    assert server.analyze(second, peer="198.51.100.7").status_code == 429
    assert server.analyze(server.token("premium")).status_code == 200


def test_the_user_of_this_machine_is_not_limited(serve: Callable[..., Server]) -> None:
    server = serve(secret=None)
    answers = server.ask(*[("POST", ANALYZE, {"json": SINGLE})] * 20)
    assert {answer.status_code for answer in answers} == {200}
    assert not any("RateLimit" in answer.headers for answer in answers)
    (usage,) = server.ask(("GET", "/api/account/usage", {}))
    assert usage.json()["data"] == {"subject": "local", "tier": None, "limits": None, "usage": None}
    assert not (server.application.settings.data_home / "run" / FILE_NAME).exists()


def test_more_symbols_than_the_tier_takes_are_refused(server: Server) -> None:
    token, symbols = server.token("free"), ["AAPL", "JPM", "KO", "PG", "XOM"]
    assert server.analyze(token, mode="multiple", symbols=symbols[:4]).status_code == 200
    refused = server.analyze(token, mode="multiple", symbols=symbols)
    assert (refused.status_code, refused.json()["code"]) == (403, "TIER_LIMIT")
    assert "5" in refused.json()["error"]
    assert "4" in refused.json()["error"]
    assert server.analyze(token, mode="sector", sector="energy", limit=5).status_code == 403


def test_models_of_other_tiers_are_refused_by_name(server: Server) -> None:
    token = server.token("free")
    refused = server.analyze(token, include_ml=True, ml_models=["linear", "lstm"])
    assert (refused.status_code, refused.json()["code"]) == (403, "TIER_LIMIT")
    assert "lstm" in refused.json()["error"]
    assert server.analyze(token, include_ml=True).status_code == 200


def stripped(answer: httpx.Response) -> str:
    """The answer without what differs from request to request, and without machine learning."""
    data = answer.json()["data"]
    for name in ("requestId", "timestamp", "mlEnhancement", "mlEnhancementEnabled"):
        data["metadata"].pop(name, None)
    for stock in data["stocks"]:
        for name in ("classicScore", "classicRecommendation", "mlPrediction", "mlUnavailable"):
            stock.pop(name, None)
    return json.dumps(data)


def test_used_up_units_leave_the_classic_answer_byte_for_byte(server: Server) -> None:
    token, three = server.token("free"), {"mode": "multiple", "symbols": ["AAPL", "JPM", "KO"]}
    first = server.analyze(token, **three, include_ml=True)
    assert first.headers["RateLimit-Policy"] == '"requests";q=40;w=60, "ml-units";q=5;w=86400'
    assert '"ml-units";r=2;' in first.headers["RateLimit"]
    assert first.headers["RateLimit-Remaining"] == "39"
    short = server.analyze(token, **three, include_ml=True)
    assert short.status_code == 200
    data = short.json()["data"]
    assert {stock["mlUnavailable"]["code"] for stock in data["stocks"]} == {"ML_QUOTA"}
    assert "2 of the day's 5 units" in data["stocks"][0]["mlUnavailable"]["message"]
    assert data["metadata"]["mlEnhancement"]["reason"].startswith("ML_QUOTA")
    assert stripped(short) == stripped(server.analyze(token, **three))
    # The refused request took nothing: two units are still there.
    left = server.analyze(token, mode="multiple", symbols=["AAPL", "JPM"], include_ml=True)
    assert '"ml-units";r=0;' in left.headers["RateLimit"]


def test_predictions_alone_are_429_once_units_are_short(server: Server) -> None:
    token = server.token("free")
    ask: Ask = ("POST", "/api/ml/predict", {"json": {"symbols": ["AAPL", "JPM", "KO"]}, "headers": token})
    server.ask(ask)
    (refused,) = server.ask(ask)
    assert (refused.status_code, refused.json()["code"]) == (429, "ML_QUOTA")
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400 + 1_440


def test_predictions_alone_charge_the_request_and_its_units_at_once(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    charged: list[list[tuple[str, int]]] = []
    take = LocalLimiter.take_in_turn

    def seen(self: LocalLimiter, who: str, charges: Sequence[Charge]) -> Sequence[Verdict]:
        charged.append([(budget.name, n) for budget, n in charges])
        return take(self, who, charges)

    monkeypatch.setattr(LocalLimiter, "take_in_turn", seen)
    token = server.token("free")
    for body in ({"symbols": ["AAPL", "JPM"]}, {"symbols": []}):
        server.ask(("POST", "/api/ml/predict", {"json": body, "headers": token}))
    assert charged == [[("requests", 1), ("ml-units", 2)], [("requests", 1)]]


def test_sign_in_is_charged_to_the_address(server: Server) -> None:
    ask: Ask = ("POST", "/api/auth/token", {"json": {"username": "nobody", "password": "wrong-wrong-wrong"}})
    statuses = [server.ask(ask)[0].status_code for _ in range(4)]
    assert statuses[3] == 429
    assert server.analyze().status_code == 429


def test_usage_shows_the_tier_and_what_is_left(server: Server) -> None:
    token = server.token("free")
    server.analyze(token, include_ml=True)
    (answer,) = server.ask(("GET", "/api/account/usage", {"headers": token}))
    data = answer.json()["data"]
    assert (data["tier"], data["limits"]["requestsPerMinute"]) == ("free", 40)
    assert data["limits"]["members"] == ["lightgbm", "linear", "trees"]
    requests, units = data["usage"]["requests"], data["usage"]["mlUnits"]
    assert (requests["limit"], requests["remaining"], requests["windowSeconds"]) == (40, 38, 60)
    assert (units["limit"], units["remaining"], units["windowSeconds"]) == (5, 4, 86_400)
    (anonymous,) = server.ask(("GET", "/api/account/usage", {}))
    assert anonymous.json()["data"]["tier"] == "anonymous"


def test_streams_of_a_caller_are_bounded_and_places_come_back(tmp_path: Path) -> None:
    limits = Limits(LocalLimiter(None), Settings(data_home=tmp_path, tiers=TIERS))
    request = Request({"type": "http", "client": ("203.0.113.9", 4711), "state": {"headers": {}}})
    other = Request({"type": "http", "client": ("203.0.113.10", 4711), "state": {"headers": {}}})
    for _ in range(2):
        with (
            limits.stream(ANONYMOUS, request) as first,
            limits.stream(ANONYMOUS, request) as second,
            limits.stream(ANONYMOUS, other) as elsewhere,
        ):
            assert (first, second, elsewhere) == (True, False, True)
    assert limits.limited() == {"streams": 2, "fallbacks": 0}
    with limits.stream(LOCAL, request) as first, limits.stream(LOCAL, request) as second:
        assert first
        assert second


UNCHARGED = {"/api/health", "/api/health/ready", "/metrics", "/.well-known/jwks.json"}


def test_every_route_that_only_reads_charges_its_caller(server: Server) -> None:
    (document,) = server.ask(("GET", "/openapi.json", {}))
    token, free = server.token("admin"), []
    for path, methods in document.json()["paths"].items():
        if "get" in methods:
            url = path.replace("{sessionId}", 22 * "x").replace("{", "").replace("}", "")
            query = {"query": "apple", "sector": "energy"}
            # A stream goes on for minutes; that it charges is seen from its first bytes in another test.
            if "progress" in path:
                continue
            (answer,) = server.ask(("GET", url, {"headers": token, "params": query}))
            if "RateLimit" not in answer.headers:
                free.append(path)
    assert set(free) <= UNCHARGED


def test_pages_of_allowed_origins_may_read_the_fields(serve: Callable[..., Server]) -> None:
    answer = serve(allowed_origins=("https://app.example.org",)).analyze({"Origin": "https://app.example.org"})
    assert "RateLimit-Remaining" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["RateLimit-Remaining"] == "2"


def test_counts_outlive_a_restart(server: Server) -> None:
    for _ in range(3):
        assert server.analyze().status_code == 200
    again = Server(server.application.settings.data_home)
    assert again.analyze().status_code == 429
