"""Signing in over HTTP, the attacks on it, and what an admin changes while others are signed in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import jwt
import pytest
from pydantic import TypeAdapter
from tests.api.accounts_world import PASSWORD, World, bearer

from vfr.accounts.tokens import ACCESS_S
from vfr.accounts.users import PASSWORD_MAX
from vfr.api import schemas_auth as shapes
from vfr.api.shapes import Success
from vfr.bootstrap import callers as callers_module

ANALYZE = {"mode": "single", "symbols": ["AAPL"]}
SEARCH = "/api/stocks/search?query=a"


@pytest.fixture(scope="module")
def users(home: Path, tmp_path_factory: pytest.TempPathFactory, client_of: Any) -> Path:
    """A database with users, to be copied: passwords are slow on purpose."""
    folder = tmp_path_factory.mktemp("users")
    made = World.made(home, folder, client_of)
    made.application.accounts.callers.close()
    return folder / "accounts.db"


@pytest.fixture
def world(home: Path, users: Path, tmp_path: Path, client_of: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr("vfr.api.users._EVERYWHERE_S", 0.0)
    shutil.copy(users, tmp_path / "accounts.db")
    made = World.opened(home, tmp_path, client_of)
    yield made
    made.application.accounts.callers.close()


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still for whoever signs in: on a busy machine a wait of a second would be over."""
    moment = callers_module.now()
    monkeypatch.setattr("vfr.bootstrap.accounts.now", lambda: moment)


def post(world: World, path: str, token: str | None = None, **body: Any) -> Any:
    return world.client.post(path, json=body, headers=bearer(token) if token else {})


def checked(response: Any, shape: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.text
    TypeAdapter(Success[shape]).validate_json(response.content, strict=True, extra="forbid", by_alias=True)
    return response.json()["data"]


def test_a_sign_in_gives_a_pair_that_works(world: World) -> None:
    response = post(world, "/api/auth/token", username="PREMIUM", password=PASSWORD)
    pair = checked(response, shapes.TokenData)
    assert (pair["tokenType"], pair["expiresIn"], pair["tier"]) == ("Bearer", ACCESS_S, "premium")
    assert pair["scopes"] == ["classic", "ml", "backtest", "risk"]
    assert response.headers["cache-control"] == "no-store"
    assert world.client.get(SEARCH, headers=bearer(pair["accessToken"])).status_code == 200


def test_a_password_is_the_same_however_a_keyboard_spells_it(world: World) -> None:
    spelled = "".join(f"{letter}\N{COMBINING ACUTE ACCENT}" for letter in "aeiouycnsz" * 8)
    assert len(spelled) > PASSWORD_MAX >= len(normalize("NFC", spelled))
    world.application.accounts.add_user("accents", spelled, "free", (), "test")
    for text in (spelled, normalize("NFC", spelled)):
        checked(post(world, "/api/auth/token", username="accents", password=text), shapes.TokenData)


def test_the_published_keys_verify_a_token_and_hold_nothing_private(world: World) -> None:
    token = world.sign_in("free")["accessToken"]
    published = world.client.get("/.well-known/jwks.json").json()
    TypeAdapter(shapes.JwksData).validate_python(published, strict=True, extra="forbid")
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWKSet.from_dict(published)[kid]
    assert jwt.decode(token, key.key, algorithms=["EdDSA"], audience="vfr-api", issuer="vfr")["scope"] == "classic ml"
    private = world.signing[1]
    assert not any({"d", "k", "p", "q"} & set(one) for one in published["keys"])
    assert private.hex() not in str(published)


@pytest.mark.parametrize(
    ("username", "password"),
    [("free", "wrong"), ("nobody", PASSWORD), ("free", ""), ("free'--", "x"), ("free", "x" * 257)],
)
def test_wrong_credentials_say_the_same(world: World, failure: Any, username: str, password: str) -> None:
    response = post(world, "/api/auth/token", username=username, password=password)
    if 1 <= len(password) <= 256:
        assert failure(response, 401, "BAD_CREDENTIALS") == "the name or the password is wrong"
        assert response.headers["www-authenticate"] == 'Bearer realm="vfr"'
    else:
        failure(response, 422, "INVALID_FIELD")


def test_for_nobody_a_password_is_hashed_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_ins = world.application.accounts._sign_ins
    kept = []

    def counting(password: str, hashed: str | None) -> tuple[bool, str | None]:
        kept.append(hashed)
        return sign_ins.right(password, hashed)

    monkeypatch.setitem(world.application.accounts.__dict__, "_sign_ins", replace(sign_ins, right=counting))
    world.application.accounts.change_user(world.application.accounts.user_named("free"), "test", disabled=True)
    for name in ("nobody", "free", "premium"):
        post(world, "/api/auth/token", username=name, password="wrong")
    assert kept[0] is None
    assert all(one is not None and one.startswith("$argon2id$") for one in kept[1:])
    assert len(kept) == 3


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "MALFORMED_JSON"),
        (b"[]", 422, "INVALID_FIELD"),
        (b"null", 422, "INVALID_FIELD"),
        (b'{"username": "free"}', 422, "INVALID_FIELD"),
        (b'{"username": ["free"], "password": {"$ne": ""}}', 422, "INVALID_FIELD"),
        (b'{"username": "free", "password": 7}', 422, "INVALID_FIELD"),
        (b'{"username": "free", "password": "' + b"x" * 9_000 + b'"}', 413, "BODY_TOO_LARGE"),
        (b'{"username": "\\u0000free", "password": "xyz"}', 401, "BAD_CREDENTIALS"),
        (b'{"username": "fr\\ud800ee", "password": "xyz"}', 400, "MALFORMED_JSON"),
    ],
)
def test_malformed_bodies(world: World, failure: Any, body: bytes, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    message = failure(world.client.post("/api/auth/token", content=body, headers=headers), status, code)
    assert "xxxx" not in message


@pytest.mark.usefixtures("still")
def test_failures_lock_a_name_and_the_right_password_does_not_help(world: World, failure: Any) -> None:
    for _ in range(5):
        failure(post(world, "/api/auth/token", username="free", password="wrong"), 401, "BAD_CREDENTIALS")
    response = post(world, "/api/auth/token", username="FREE", password=PASSWORD)
    failure(response, 429, "LOCKED_OUT")
    assert response.headers["retry-after"] == "1"
    assert post(world, "/api/auth/token", username="premium", password=PASSWORD).status_code == 200


@pytest.mark.usefixtures("still")
def test_a_name_that_does_not_exist_is_locked_alike(world: World, failure: Any) -> None:
    for _ in range(5):
        failure(post(world, "/api/auth/token", username="ghost", password="wrong"), 401, "BAD_CREDENTIALS")
    failure(post(world, "/api/auth/token", username="ghost", password="wrong"), 429, "LOCKED_OUT")


@pytest.mark.usefixtures("still")
def test_many_guesses_at_once_are_as_many_failures(world: World) -> None:
    guesses = [("POST", "/api/auth/token", {"json": {"username": "free", "password": f"guess {k}"}}) for k in range(16)]
    statuses = [response.status_code for response in world.client.at_once(guesses)]
    assert statuses.count(401) == 5
    assert statuses.count(429) == 11


@pytest.mark.usefixtures("still")
def test_guesses_over_many_names_lock_the_address(world: World) -> None:
    statuses = [post(world, "/api/auth/token", username=f"name{k}", password="wrong").status_code for k in range(22)]
    assert statuses[:20] == [401] * 20
    assert 429 in statuses[20:]


def test_success_forgives(world: World) -> None:
    for _ in range(3):
        for _ in range(4):
            post(world, "/api/auth/token", username="free", password="wrong")
        assert post(world, "/api/auth/token", username="free", password=PASSWORD).status_code == 200


def test_refresh_rotates(world: World, failure: Any) -> None:
    first = world.sign_in("free")
    second = checked(post(world, "/api/auth/refresh", refreshToken=first["refreshToken"]), shapes.TokenData)
    assert second["refreshToken"] != first["refreshToken"]
    third = checked(post(world, "/api/auth/refresh", refreshToken=second["refreshToken"]), shapes.TokenData)
    for pair in (first, second, third):
        assert world.client.get(SEARCH, headers=bearer(pair["accessToken"])).status_code == 200


def test_a_refresh_token_used_again_ends_everything_that_followed(world: World, failure: Any) -> None:
    first = world.sign_in("free")
    other = world.sign_in("free")
    second = checked(post(world, "/api/auth/refresh", refreshToken=first["refreshToken"]), shapes.TokenData)
    failure(post(world, "/api/auth/refresh", refreshToken=first["refreshToken"]), 401, "TOKEN_REFUSED")
    failure(post(world, "/api/auth/refresh", refreshToken=second["refreshToken"]), 401, "TOKEN_REFUSED")
    for pair in (first, second):
        failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    assert world.client.get(SEARCH, headers=bearer(other["accessToken"])).status_code == 200


def test_of_two_refreshes_at_once_exactly_one_wins(world: World) -> None:
    token = world.sign_in("free")["refreshToken"]
    asked = [("POST", "/api/auth/refresh", {"json": {"refreshToken": token}})] * 6
    statuses = sorted(response.status_code for response in world.client.at_once(asked))
    assert statuses == [200, 401, 401, 401, 401, 401]


@pytest.mark.parametrize("token", ["x", "vfrr_", "vfrr_" + "0" * 64, "vfrr_ü", "vfr_" + "A" * 43, "vfrr_' OR 1=1 --"])
def test_tokens_that_are_none(world: World, failure: Any, token: str) -> None:
    failure(post(world, "/api/auth/refresh", refreshToken=token), 401, "TOKEN_REFUSED")
    assert post(world, "/api/auth/revoke", refreshToken=token).json()["data"] == {"revoked": True}


def test_an_access_token_does_not_refresh(world: World, failure: Any) -> None:
    access = world.sign_in("free")["accessToken"]
    failure(post(world, "/api/auth/refresh", refreshToken=access), 422, "INVALID_FIELD")


def test_signing_out(world: World, failure: Any) -> None:
    pair = world.sign_in("free")
    checked(post(world, "/api/auth/revoke", refreshToken=pair["refreshToken"]), shapes.RevokedData)
    failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    failure(post(world, "/api/auth/refresh", refreshToken=pair["refreshToken"]), 401, "TOKEN_REFUSED")


def test_time_ends_tokens(world: World, failure: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    pair, at = world.sign_in("free"), callers_module.now()
    for name in ("vfr.bootstrap.callers.now", "vfr.bootstrap.accounts.now", "vfr.bootstrap.signing.now"):
        monkeypatch.setattr(name, lambda: at + ACCESS_S + 60)
    assert "expired" in failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    second = checked(post(world, "/api/auth/refresh", refreshToken=pair["refreshToken"]), shapes.TokenData)
    assert world.client.get(SEARCH, headers=bearer(second["accessToken"])).status_code == 200
    for name in ("vfr.bootstrap.callers.now", "vfr.bootstrap.accounts.now", "vfr.bootstrap.signing.now"):
        monkeypatch.setattr(name, lambda: at + 31 * 86_400)
    failure(post(world, "/api/auth/refresh", refreshToken=second["refreshToken"]), 401, "TOKEN_REFUSED")


def test_keys_are_rotated_without_a_token_becoming_void_unless_at_once(world: World, failure: Any) -> None:
    old, signer = world.sign_in("free"), world.application.accounts.signer
    kid = signer.rotate("test")
    new = world.sign_in("free")
    assert jwt.get_unverified_header(new["accessToken"])["kid"] == kid
    assert len(world.client.get("/.well-known/jwks.json").json()["keys"]) == 2
    for pair in (old, new):
        assert world.client.get(SEARCH, headers=bearer(pair["accessToken"])).status_code == 200
    signer.rotate("test", at_once=True)
    for pair in (old, new):
        failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    again = checked(post(world, "/api/auth/refresh", refreshToken=new["refreshToken"]), shapes.TokenData)
    assert world.client.get(SEARCH, headers=bearer(again["accessToken"])).status_code == 200
    assert len(world.client.get("/.well-known/jwks.json").json()["keys"]) == 1


def test_another_secret_makes_a_new_key_and_leaves_tokens_valid(
    world: World, home: Path, tmp_path: Path, client_of: Any
) -> None:
    old = world.sign_in("free")["accessToken"]
    other = World.opened(home, tmp_path, client_of, secret="another-secret-of-more-than-thirty-two-letters")
    new = other.sign_in("free")["accessToken"]
    assert jwt.get_unverified_header(new)["kid"] != jwt.get_unverified_header(old)["kid"]
    for token in (old, new):
        assert other.client.get(SEARCH, headers=bearer(token)).status_code == 200
    other.application.accounts.callers.close()


def test_an_admin_and_users(world: World, failure: Any) -> None:
    admin = world.sign_in("admin")["accessToken"]
    made = checked(
        post(world, "/api/admin/users", admin, name="Kim", password=PASSWORD, tier="free"), shapes.UserData, 201
    )
    assert (made["name"], made["tier"], made["scopes"], made["disabled"]) == ("Kim", "free", ["classic", "ml"], False)
    failure(post(world, "/api/admin/users", admin, name="KIM", password=PASSWORD), 422, "INVALID_FIELD")
    weak = failure(post(world, "/api/admin/users", admin, name="x", password="password1234"), 422, "INVALID_FIELD")
    assert weak.startswith("password: ")
    path, pair = f"/api/admin/users/{made['id']}", world.sign_in("kim")
    changed = checked(post(world, path, admin, tier="premium"), shapes.UserData)
    assert changed["scopes"] == ["classic", "ml", "backtest", "risk"]
    checked(post(world, path, admin, disabled=True), shapes.UserData)
    failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    failure(post(world, "/api/auth/token", username="kim", password=PASSWORD), 401, "BAD_CREDENTIALS")
    failure(post(world, "/api/auth/refresh", refreshToken=pair["refreshToken"]), 401, "TOKEN_REFUSED")
    checked(post(world, path, admin, disabled=False, password="other words, kept as well"), shapes.UserData)
    failure(world.client.get(SEARCH, headers=bearer(pair["accessToken"])), 401, "UNAUTHORIZED")
    again = world.sign_in("kim", "other words, kept as well")
    headers = {**bearer(admin), "Content-Type": "application/json"}
    checked(world.client.request("DELETE", path, headers=headers), shapes.UserData)
    failure(world.client.get(SEARCH, headers=bearer(again["accessToken"])), 401, "UNAUTHORIZED")
    failure(world.client.get(path, headers=bearer(admin)), 404, "UNKNOWN_ACCOUNT")
    log = checked(
        world.client.get("/api/admin/users/audit-logs?limit=2", headers=bearer(admin)), shapes.AccountChangesData
    )
    assert [(row["action"], row["subject"]) for row in log["rows"]] == [
        ("user deleted", "Kim"),
        ("user changed", "Kim"),
    ]
    assert PASSWORD not in str(log)


def test_scopes_that_are_named_are_not_none(world: World, failure: Any) -> None:
    admin, jane = world.sign_in("admin")["accessToken"], world.application.accounts.user_named("premium")
    post(world, f"/api/admin/users/{jane.id}", admin, scopes=["classic"])
    failure(post(world, f"/api/admin/users/{jane.id}", admin, scopes=[]), 422, "INVALID_FIELD")
    assert world.application.accounts.user(jane.id).scopes == {"classic"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/admin/users?cursor=%00"),
        ("GET", "/api/admin/users/%00"),
        ("DELETE", "/api/admin/users/%00"),
        ("GET", "/api/admin/keys?cursor=%00"),
        ("DELETE", "/api/admin/keys/%00"),
    ],
)
def test_ids_that_no_database_takes(world: World, failure: Any, method: str, path: str) -> None:
    headers = bearer(world.sign_in("admin")["accessToken"]) | {"Content-Type": "application/json"}
    failure(world.client.request(method, path, headers=headers), 422, "INVALID_FIELD")


def test_pages_of_users_and_keys(world: World) -> None:
    admin = world.sign_in("admin")["accessToken"]
    for kind, shape, name in (("users", shapes.UsersData, "name"), ("keys", shapes.KeysData, "id")):
        if kind == "keys":
            for k in range(4):
                post(world, "/api/admin/keys", admin, label=f"k{k}")
        seen, cursor = [], ""
        while True:
            page = checked(world.client.get(f"/api/admin/{kind}?limit=3{cursor}", headers=bearer(admin)), shape)
            seen += [row[name] for row in page[kind]]
            if page["nextCursor"] is None:
                break
            cursor = f"&cursor={page['nextCursor']}"
        assert len(seen) == len(set(seen)) == 4
        assert "hash" not in str(page)


def test_tokens_for_machines(world: World, failure: Any) -> None:
    admin = world.sign_in("admin")["accessToken"]
    made = checked(
        post(world, "/api/admin/keys", admin, label="nightly", tier="premium", scopes=["classic"], days=7),
        shapes.NewKeyData,
        201,
    )
    assert made["token"].startswith(made["id"])
    assert made["expiresAt"] is not None
    listed = checked(world.client.get("/api/admin/keys", headers=bearer(admin)), shapes.KeysData)
    assert made["token"] not in str(listed)
    assert [key["label"] for key in listed["keys"]] == ["nightly"]
    assert world.client.get(SEARCH, headers=bearer(made["token"])).status_code == 200
    failure(world.client.get("/api/ml/models", headers=bearer(made["token"])), 403, "FORBIDDEN")
    headers = {**bearer(admin), "Content-Type": "application/json"}
    revoked = checked(world.client.request("DELETE", f"/api/admin/keys/{made['id']}", headers=headers), shapes.KeyData)
    assert revoked["revoked"]
    failure(world.client.get(SEARCH, headers=bearer(made["token"])), 401, "UNAUTHORIZED")
    for wrong in ({"label": ""}, {"label": "ü"}, {"label": "x", "days": 0}, {"label": "x", "scopes": ["root"]}):
        failure(post(world, "/api/admin/keys", admin, **wrong), 422, "INVALID_FIELD")


def test_an_open_stream_ends_with_its_token(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.api.progress.OPEN_S", 10.0)
    admin = {**bearer(world.sign_in("admin")["accessToken"]), "Content-Type": "application/json"}
    made = post(world, "/api/admin/keys", admin["Authorization"].split()[1], label="streams").json()["data"]
    stream = ("GET", f"/api/stocks/analyze/progress/{made['id']}{'0' * 22}", {"headers": bearer(made["token"])})
    told, revoked = world.client.at_once([stream, ("DELETE", f"/api/admin/keys/{made['id']}", {"headers": admin})])
    assert (told.status_code, revoked.status_code) == (200, 200)
    assert [line for line in told.text.splitlines() if line][-1].count("not valid any more") == 1


def test_the_body_is_not_read_before_the_caller_is_known(world: World, failure: Any) -> None:
    headers = {"Content-Type": "application/json"}
    failure(world.client.post("/api/admin/users", content=b"x" * 100_000, headers=headers), 401, "UNAUTHORIZED")


def test_no_route_reads_a_body_without_end(world: World, failure: Any) -> None:
    """Whatever a route does with its body: declared too long it is refused unread, undeclared as soon as it is."""
    sent = []

    async def chunks() -> Any:
        for k in range(1_000):
            sent.append(k)
            yield b" " * 65_536

    headers = {"Content-Type": "application/json"}
    for path in ("/api/admin/users", "/api/admin/ml-feature-toggles", "/api/auth/token", "/api/stocks/analyze"):
        failure(world.client.post(path, content=b"x" * 300_000, headers=headers), 413, "BODY_TOO_LARGE")
        sent.clear()
        assert world.client.post(path, content=chunks(), headers=headers).status_code in (401, 413)
        assert len(sent) < 10
