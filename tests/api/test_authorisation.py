"""Every route of the OpenAPI document, asked by every kind of caller: who passes, who is refused, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import update
from tests.api.accounts_world import PASSWORD, SECRET, World, bearer

from vfr.accounts.keys import key_text
from vfr.accounts.users import DEFAULT_SCOPES
from vfr.adapters.database.tables import API_KEYS
from vfr.bootstrap.callers import now

OPEN = None
"""Needs nothing: health, signing in, public keys."""

SESSION = "SESSION"
"""Stands for an id that nobody has opened yet."""

ANALYZE = {"mode": "single", "symbols": ["AAPL"]}
REASON = {"reason": "test"}


@dataclass(frozen=True)
class Row:
    """How a route is asked, and which scope it needs."""

    need: str | None
    body: dict[str, Any] | None = None
    path: str | None = None


ROUTES: dict[tuple[str, str], Row] = {
    ("GET", "/.well-known/jwks.json"): Row(OPEN),
    ("GET", "/api/health"): Row(OPEN),
    ("GET", "/api/health/ready"): Row(OPEN),
    ("POST", "/api/auth/token"): Row(OPEN, {"username": "nobody", "password": "x"}),
    ("POST", "/api/auth/refresh"): Row(OPEN, {"refreshToken": "x"}),
    ("POST", "/api/auth/revoke"): Row(OPEN, {"refreshToken": "x"}),
    ("GET", "/api/account/usage"): Row("classic"),
    ("POST", "/api/stocks/analyze"): Row("classic", ANALYZE),
    ("GET", "/api/stocks/analyze"): Row("classic"),
    ("GET", "/api/stocks/analyze/progress/{sessionId}"): Row("classic", path=f"/api/stocks/analyze/progress/{SESSION}"),
    ("GET", "/api/stocks/search"): Row("classic", path="/api/stocks/search?query=a"),
    ("GET", "/api/stocks/by-sector"): Row("classic", path="/api/stocks/by-sector?sector=energy"),
    ("GET", "/api/stocks/sector-rankings"): Row("classic"),
    ("GET", "/api/stocks/{symbol}/history"): Row("classic", path="/api/stocks/AAPL/history?limit=1"),
    ("GET", "/metrics"): Row("ml"),
    ("POST", "/api/ml/predict"): Row("ml", {"symbols": ["AAPL"]}),
    ("GET", "/api/ml/models"): Row("ml"),
    ("GET", "/api/ml/models/{model_id}"): Row("ml", path="/api/ml/models/none"),
    ("GET", "/api/ml/health"): Row("ml"),
    ("GET", "/api/ml/metrics"): Row("ml"),
    ("GET", "/api/admin/ml-feature-toggles"): Row("admin"),
    ("POST", "/api/admin/ml-feature-toggles"): Row("admin", {"enabled": True, **REASON}),
    ("GET", "/api/admin/ml-feature-toggles/audit-logs"): Row("admin"),
    ("GET", "/api/admin/ml-feature-toggles/{toggle_id}"): Row("admin", path="/api/admin/ml-feature-toggles/ml"),
    ("POST", "/api/admin/ml-feature-toggles/{toggle_id}"): Row(
        "admin", {"enabled": True, **REASON}, "/api/admin/ml-feature-toggles/linear"
    ),
    ("GET", "/api/admin/experiments"): Row("admin"),
    ("POST", "/api/admin/experiments"): Row("admin", {"name": "x", "arms": {"classic": 0.4}, "why": "a wrong sum"}),
    ("GET", "/api/admin/experiments/{experiment}"): Row("admin", path="/api/admin/experiments/none"),
    ("GET", "/api/admin/experiments/{experiment}/report"): Row("admin", path="/api/admin/experiments/none/report"),
    ("POST", "/api/admin/experiments/{experiment}/stop"): Row(
        "admin", {"why": "a test"}, "/api/admin/experiments/none/stop"
    ),
    ("POST", "/api/admin/models/{model_id}/promote"): Row("admin", REASON, "/api/admin/models/none/promote"),
    ("POST", "/api/admin/models/{model_id}/rollback"): Row("admin", REASON, "/api/admin/models/none/rollback"),
    ("GET", "/api/admin/users"): Row("admin"),
    ("POST", "/api/admin/users"): Row("admin", {"name": "free", "password": PASSWORD}),
    ("GET", "/api/admin/users/audit-logs"): Row("admin"),
    ("GET", "/api/admin/users/{user_id}"): Row("admin", path="/api/admin/users/none"),
    ("POST", "/api/admin/users/{user_id}"): Row("admin", {"disabled": True}, "/api/admin/users/none"),
    ("DELETE", "/api/admin/users/{user_id}"): Row("admin", path="/api/admin/users/none"),
    ("GET", "/api/admin/keys"): Row("admin"),
    ("POST", "/api/admin/keys"): Row("admin", {"label": "x", "userId": "none"}),
    ("DELETE", "/api/admin/keys/{key_id}"): Row("admin", path="/api/admin/keys/none"),
}
"""A route that is not here fails the test: whoever adds one says what it needs."""

ASKED = [(method, row.path or path, row) for (method, path), row in ROUTES.items()] + [
    ("POST", "/api/stocks/analyze", Row("ml", {**ANALYZE, "include_ml": True}))
]

GOOD = ["free", "premium", "enterprise", "admin", "key free", "key admin", "key of premium", "key of admin, ml"]

BAD = [
    "expired",
    "not yet valid",
    "wrong key",
    "alg none",
    "HS256 with the public key",
    "kid a path",
    "kid a query",
    "kid unknown",
    "embedded jwk",
    "jku",
    "other issuer",
    "other audience",
    "changed scope",
    "signed out",
    "disabled user",
    "deleted user",
    "old password",
    "refresh token",
    "key revoked",
    "key expired",
    "key unknown",
    "key of disabled user",
    "the secret itself",
    "nonsense",
    "two tokens",
    "Basic",
    "empty",
    "huge",
]


@pytest.fixture(scope="module")
def world(home: Any, tmp_path_factory: pytest.TempPathFactory, client_of: Any) -> Iterator[World]:
    patched = pytest.MonkeyPatch()
    patched.setattr("vfr.api.users._EVERYWHERE_S", 0.0)
    patched.setattr("vfr.api.progress.OPEN_S", 0.05)
    made = World.made(home, tmp_path_factory.mktemp("accounts"), client_of)
    yield made
    made.application.accounts.callers.close()
    patched.undo()


@pytest.fixture(scope="module")
def callers(world: World) -> dict[str, tuple[dict[str, str] | list[tuple[str, str]], frozenset[str]]]:
    """What each kind of caller sends, and the scopes it has; none at all for those who are refused."""
    accounts = world.application.accounts
    for name in ("disabled", "deleted", "renewed", "leaver"):
        accounts.add_user(name, PASSWORD, "admin", (), "test")
    pairs = {
        name: world.sign_in(name)
        for name in ("free", "premium", "enterprise", "admin", "disabled", "deleted", "renewed", "leaver")
    }

    def key(**how: Any) -> str:
        user = how.pop("user", None)
        owner = None if user is None else accounts.user_named(user)
        asked = {"tier": "admin", "scopes": (), "days": None, **how}
        return accounts.create_key("test", "test", user=owner, **asked)[1]

    revoked, of_disabled, expired = key(), key(user="disabled"), key(days=1)
    accounts.revoke_key(revoked[:12], "test")
    with accounts.callers.database().begin() as connection:
        connection.execute(update(API_KEYS).where(API_KEYS.c.id == expired[:12]).values(expires_at=1.0))
    accounts.change_user(accounts.user_named("disabled"), "test", disabled=True)
    accounts.delete_user(accounts.user_named("deleted").id, "test")
    accounts.change_user(accounts.user_named("renewed"), "test", password="other words, kept as well")
    accounts.sign_out(pairs["leaver"]["refreshToken"])
    admin, other, past = pairs["admin"]["accessToken"], bytes(range(32)), int(now()) - 3_600
    head, _, signature = admin.split(".")
    own_jwk = {"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}
    good = {name: (bearer(pairs[name]["accessToken"]), DEFAULT_SCOPES[name]) for name in GOOD[:4]}
    good["key free"] = bearer(key(tier="free")), DEFAULT_SCOPES["free"]
    good["key admin"] = bearer(key()), DEFAULT_SCOPES["admin"]
    good["key of premium"] = bearer(key(user="premium")), DEFAULT_SCOPES["premium"]
    good["key of admin, ml"] = bearer(key(user="admin", scopes=("classic", "ml"))), frozenset({"classic", "ml"})
    changed = world.crafted(payload={"scope": "classic"}).split(".")[1]
    bad: dict[str, Any] = {
        "expired": bearer(world.crafted(payload={"iat": past, "nbf": past, "exp": past + 900})),
        "not yet valid": bearer(world.crafted(payload={"nbf": int(now()) + 600})),
        "wrong key": bearer(world.crafted(private=other)),
        "alg none": bearer(world.crafted({"alg": "none"}).rsplit(".", 1)[0] + "."),
        "HS256 with the public key": bearer(world.confused()),
        "kid a path": bearer(world.crafted({"kid": "../../keys/local.secret"})),
        "kid a query": bearer(world.crafted({"kid": "x' UNION SELECT 1 --"})),
        "kid unknown": bearer(world.crafted({"kid": "0" * 16})),
        "embedded jwk": bearer(world.crafted({"jwk": own_jwk}, private=other)),
        "jku": bearer(world.crafted({"jku": "https://evil.example/keys"}, private=other)),
        "other issuer": bearer(world.crafted(payload={"iss": "https://evil.example"})),
        "other audience": bearer(world.crafted(payload={"aud": "other"})),
        "changed scope": bearer(f"{head}.{changed}.{signature}"),
        "signed out": bearer(pairs["leaver"]["accessToken"]),
        "disabled user": bearer(pairs["disabled"]["accessToken"]),
        "deleted user": bearer(pairs["deleted"]["accessToken"]),
        "old password": bearer(pairs["renewed"]["accessToken"]),
        "refresh token": bearer(pairs["admin"]["refreshToken"]),
        "key revoked": bearer(revoked),
        "key expired": bearer(expired),
        "key unknown": bearer(key_text(other)),
        "key of disabled user": bearer(of_disabled),
        "the secret itself": bearer(SECRET),
        "nonsense": bearer("nonsense"),
        "two tokens": [("Authorization", f"Bearer {admin}"), ("Authorization", f"Bearer {admin}")],
        "Basic": {"Authorization": "Basic YWRtaW46YWRtaW4="},
        "empty": {"Authorization": ""},
        "huge": bearer("e" * 60_000),
    }
    return good | {name: (sent, frozenset()) for name, sent in bad.items()} | {"anonymous": ({}, frozenset())}


def test_every_route_has_a_row(world: World) -> None:
    document = world.client.get("/openapi.json").json()
    documented = {(method.upper(), path) for path, found in document["paths"].items() for method in found}
    assert documented == set(ROUTES)


def test_every_kind_of_caller_is_there(callers: dict[str, Any]) -> None:
    assert set(callers) == {*GOOD, *BAD, "anonymous"}


def ask(world: World, method: str, path: str, row: Row, sent: Any) -> Any:
    headers = [("Content-Type", "application/json"), *(sent.items() if isinstance(sent, dict) else sent)]
    how = {} if row.body is None else {"json": row.body}
    return world.client.request(method, path.replace(SESSION, uuid4().hex), headers=headers, **how)


@pytest.mark.parametrize(("method", "path", "row"), ASKED, ids=[f"{m} {p} {r.need}" for m, p, r in ASKED])
def test_who_passes_and_who_is_refused(
    world: World, callers: dict[str, Any], failure: Any, method: str, path: str, row: Row
) -> None:
    for name, (sent, scopes) in callers.items():
        response = ask(world, method, path, row, sent)
        said = response.headers.get("www-authenticate", "")
        if row.need is OPEN or row.need in scopes:
            refused = response.status_code in (401, 403) and row.need is not OPEN
            assert not refused, (name, response.text)
            assert response.status_code < 500 or response.status_code == 503, (name, response.text)
            assert response.status_code != 503 or path.startswith("/api/ml/"), (name, response.text)
        elif scopes:
            assert row.need in failure(response, 403, "FORBIDDEN"), name
            assert f'error="insufficient_scope", scope="{row.need}"' in said, name
        else:
            assert response.status_code == 401, (name, response.text)
            failure(response, 401, "UNAUTHORIZED")
            assert said.startswith('Bearer realm="vfr"'), name
            assert ('error="invalid_token"' in said) is (name != "anonymous"), name


@pytest.mark.parametrize(("method", "path", "row"), ASKED, ids=[f"{m} {p} {r.need}" for m, p, r in ASKED])
def test_nothing_is_parsed_before_the_caller_is_known(
    world: World, callers: dict[str, Any], failure: Any, method: str, path: str, row: Row
) -> None:
    """A wrong body, query and path: strangers are told that they are strangers, and who may call is charged."""
    wrong = (
        path.split("?", maxsplit=1)[0].replace("/none", "/" + "x" * 300)
        + "?limit=x&cursor=%00&timeframe=x&status=x&query="
    )
    how: dict[str, Any] = {} if row.body is None else {"content": b'{"enabled": '}
    headers = {"Content-Type": "application/json"}
    if row.need is not OPEN:
        failure(world.client.request(method, wrong, headers=headers, **how), 401, "UNAUTHORIZED")
        response = world.client.request(method, wrong, headers=headers | callers["key admin"][0], **how)
        assert response.headers["ratelimit-remaining"], response.text
        assert row.body is None or response.status_code in (400, 422), response.text


def test_what_is_open_says_the_same_to_everybody(world: World, callers: dict[str, Any]) -> None:
    for (method, path), row in ROUTES.items():
        if row.need is OPEN and path != "/api/auth/token":  # Failures there are counted.
            answers = {ask(world, method, path, row, sent).status_code for sent, _ in callers.values()}
            assert len(answers) == 1, path


def test_the_scheme_is_the_same_in_any_case(world: World, callers: dict[str, Any]) -> None:
    token = callers["free"][0]["Authorization"].split(" ")[1]
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {token}"}
        assert world.client.get("/api/stocks/search?query=a", headers=headers).status_code == 200


def test_a_token_in_the_address_or_in_a_cookie_is_worth_nothing(
    world: World, callers: dict[str, Any], failure: Any
) -> None:
    token = callers["admin"][0]["Authorization"].split(" ")[1]
    failure(world.client.get(f"/api/stocks/search?query=a&access_token={token}"), 401, "UNAUTHORIZED")
    headers = {"Cookie": f"access_token={token}; Authorization=Bearer {token}"}
    failure(world.client.get("/api/stocks/search?query=a", headers=headers), 401, "UNAUTHORIZED")
