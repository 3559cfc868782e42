"""Administration over HTTP: who may, what is turned, what the log says, and champions put in and out of office."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.api.conftest import USED
from tests.models.stored_versions import card, files_of

from vfr import bootstrap
from vfr.api import schemas_admin
from vfr.api.shapes import Success
from vfr.bootstrap import Application
from vfr.settings import Settings

TOGGLES = "/api/admin/ml-feature-toggles"


class Admin:
    """A client that calls with a token."""

    def __init__(self, client: Any, token: str) -> None:
        self.client, self._headers = client, {"Authorization": f"Bearer {token}"}

    def get(self, url: str) -> Any:
        return self.client.get(url, headers=self._headers)

    def post(self, url: str, body: Any) -> Any:
        return self.client.post(url, json=body, headers=self._headers)


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[Application]:
    """An application on a copy of the bundled data."""
    shutil.copytree(home, tmp_path / "home", ignore=USED)
    made = bootstrap.build(Settings(data_home=tmp_path / "home"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def unchanged(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    """One that every request is refused by, so that many tests may ask it."""
    folder = tmp_path_factory.mktemp("unchanged") / "home"
    shutil.copytree(home, folder, ignore=USED)
    made = bootstrap.build(Settings(data_home=folder))
    yield made
    made.close()


def token(app: Application, *scopes: str) -> str:
    tier = "admin" if "admin" in scopes else "free"
    return app.accounts.create_key("test", "tester", tier=tier, scopes=scopes, user=None, days=1)[1]


@pytest.fixture
def admin(app: Application, client_of: Any) -> Admin:
    return Admin(client_of(app), token(app, "admin"))


@pytest.fixture(scope="module")
def refused(unchanged: Application, client_of: Any) -> Admin:
    """An admin of the one that is not changed."""
    return Admin(client_of(unchanged), token(unchanged, "admin"))


ROUTES = [
    ("GET", TOGGLES, None),
    ("POST", TOGGLES, {"enabled": False, "reason": "r"}),
    ("GET", f"{TOGGLES}/audit-logs", None),
    ("GET", f"{TOGGLES}/linear", None),
    ("POST", f"{TOGGLES}/linear", {"enabled": False, "reason": "r"}),
    ("POST", "/api/admin/models/linear-7d-x/promote", {"reason": "r"}),
    ("POST", "/api/admin/models/linear-7d-x/rollback", {"reason": "r"}),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_nobody_else_may(
    unchanged: Application, refused: Admin, failure: Any, method: str, path: str, body: dict[str, Any] | None
) -> None:
    client, how = refused.client, {} if body is None else {"json": body}
    failure(client.request(method, path, **how), 403, "FORBIDDEN")
    weak = {"Authorization": f"Bearer {token(unchanged, 'classic')}"}
    failure(client.request(method, path, headers=weak, **how), 403, "FORBIDDEN")
    assert unchanged.toggles.audit(9) == ()


def test_everything_off_and_on(admin: Admin, app: Application) -> None:
    found = admin.post(TOGGLES, {"enabled": False, "reason": " drift ", "other": 1})
    assert found.status_code == 200
    data = found.json()["data"]
    assert (data["id"], data["enabled"], data["reason"]) == ("ml", False, "drift")
    assert app.toggles.read().reason == "drift"
    assert data["changedBy"] not in (None, "", "local", "anonymous")
    assert admin.get(f"{TOGGLES}/ml").json()["data"] == data
    asked = {"mode": "single", "symbols": ["AAPL"], "include_ml": True}
    stock = admin.post("/api/stocks/analyze", asked).json()["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] == "DISABLED"
    assert admin.post(TOGGLES, {"id": "ml", "enabled": True, "reason": "mended"}).json()["data"]["enabled"] is True


def test_members_and_versions(admin: Admin, app: Application) -> None:
    made = app.models.save(card("one"), files_of())
    assert admin.post(f"{TOGGLES}/linear", {"enabled": False, "reason": "odd"}).status_code == 200
    assert admin.post(TOGGLES, {"id": made.model_id, "enabled": False, "reason": "bad"}).status_code == 200
    listed = {one["id"]: one["enabled"] for one in admin.get(TOGGLES).json()["data"]["toggles"]}
    assert {name for name, enabled in listed.items() if not enabled} == {"linear", made.model_id}
    assert {"ml", "lightgbm", "linear", "lstm", "trees", "xgboost"} <= set(listed)
    ready = admin.get("/api/health/ready").json()["data"]
    assert (ready["ml"]["toggles"], ready["chaos"]) == ({"linear": "odd", made.model_id: "bad"}, None)


def test_the_log_is_paged_newest_first(admin: Admin) -> None:
    for number in range(5):
        admin.post(f"{TOGGLES}/trees", {"enabled": bool(number % 2), "reason": f"r{number}"})
    first = admin.get(f"{TOGGLES}/audit-logs?limit=2").json()["data"]
    assert [row["reason"] for row in first["rows"]] == ["r4", "r3"]
    rest = admin.get(f"{TOGGLES}/audit-logs?cursor={first['nextCursor']}").json()["data"]
    assert [row["reason"] for row in rest["rows"]] == ["r2", "r1", "r0"]
    assert (rest["nextCursor"], rest["problems"]) == (None, [])
    assert admin.get(f"{TOGGLES}/audit-logs?cursor=1").json()["data"]["rows"] == []


SHAPES = [
    (TOGGLES, schemas_admin.TogglesData),
    (f"{TOGGLES}/linear", schemas_admin.ToggleData),
    (f"{TOGGLES}/audit-logs", schemas_admin.ToggleAuditData),
]


@pytest.mark.parametrize(("path", "shape"), SHAPES)
def test_answers_have_the_documented_shape_and_no_other_field(admin: Admin, path: str, shape: Any) -> None:
    admin.post(f"{TOGGLES}/linear", {"enabled": False, "reason": "odd"})
    found = admin.get(path)
    TypeAdapter(Success[shape]).validate_json(found.content, strict=True, extra="forbid", by_alias=True)


BAD = [
    ({"enabled": False}, "reason"),
    ({"enabled": False, "reason": ""}, "reason"),
    ({"enabled": False, "reason": "  "}, "reason"),
    ({"enabled": False, "reason": "x" * 501}, "reason"),
    ({"enabled": False, "reason": "a\u0000b"}, "reason"),
    ({"enabled": "no", "reason": "r"}, "enabled"),
    ({"enabled": 0, "reason": "r"}, "enabled"),
    ({"reason": "r"}, "enabled"),
    ({"id": "nobody", "enabled": False, "reason": "r"}, "id"),
    ({"id": "x" * 101, "enabled": False, "reason": "r"}, "id"),
]


@pytest.mark.parametrize(("body", "field"), BAD)
def test_bad_bodies_turn_nothing(refused: Admin, unchanged: Application, failure: Any, body: Any, field: str) -> None:
    failed = refused.post(TOGGLES, body)
    failure(failed, 422, "INVALID_FIELD")
    assert failed.json()["field"] == field
    assert unchanged.toggles.audit(9) == ()


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=x", "cursor=-1", "cursor=99999999999"])
def test_bad_pages_are_refused(refused: Admin, failure: Any, query: str) -> None:
    failure(refused.get(f"{TOGGLES}/audit-logs?{query}"), 422, "INVALID_FIELD")


def test_a_switch_that_does_not_exist(refused: Admin, failure: Any) -> None:
    assert "xgboost" in failure(refused.get(f"{TOGGLES}/nobody"), 422, "INVALID_FIELD")
    assert "xgboost" in failure(
        refused.post(f"{TOGGLES}/nobody", {"enabled": False, "reason": "r"}), 422, "INVALID_FIELD"
    )


def test_a_champion_is_put_in_office_and_rolled_back(admin: Admin, app: Application, failure: Any) -> None:
    for seed, tail in enumerate(("one", "two")):
        made = app.models.save(card(tail), files_of(seed=seed))
        found = admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": f"{tail} is better"})
        assert found.status_code == 200, found.text
        assert found.json()["data"]["status"] == "champion"
    back = admin.post("/api/admin/models/linear-7d-two/rollback", {"reason": "drift"}).json()["data"]
    assert (back["modelId"], back["status"], back["passedOver"]) == ("linear-7d-one", "champion", {})
    TypeAdapter(schemas_admin.ChampionData).validate_python(back, strict=True, extra="forbid", by_alias=True)
    rows = [row for row in app.models.log() if row["event"] == "status"]
    [back_row] = [row for row in rows if row["why"] == "drift"]
    assert (back_row["model_id"], back_row["status"]) == ("linear-7d-one", "champion")
    assert back_row["who"] == rows[0]["who"] not in ("", "command line")
    assert app.toggles.read().off == {"linear-7d-two": "rolled back: drift"}
    failure(admin.post("/api/admin/models/linear-7d-two/rollback", {"reason": "again"}), 409, "NOT_POSSIBLE")
    failure(admin.post("/api/admin/models/linear-7d-two/promote", {"reason": "again"}), 409, "NOT_POSSIBLE")
    failure(admin.post("/api/admin/models/linear-7d-one/rollback", {"reason": "more"}), 409, "NOT_POSSIBLE")
    failure(admin.post("/api/admin/models/linear-7d-none/promote", {"reason": "r"}), 404, "NO_MODEL")
    failure(admin.post("/api/admin/models/linear-7d-one/rollback", {"reason": " "}), 422, "INVALID_FIELD")


def test_what_cannot_be_rolled_back_answers_on(admin: Admin, app: Application, failure: Any) -> None:
    """It is off while the versions before it are read, and on again: those are damaged."""
    for seed, tail in enumerate(("one", "two")):
        made = app.models.save(card(tail), files_of(seed=seed))
        admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": "better"})
    (app.settings.data_home / "models" / "linear-7d-one" / "calibration.json").write_bytes(b"{")
    failure(admin.post("/api/admin/models/linear-7d-two/rollback", {"reason": "drift"}), 409, "NOT_POSSIBLE")
    assert app.toggles.read().off == {}
    assert [row.toggle.enabled for row in app.toggles.audit(2)] == [True, False]


def test_a_version_that_comes_back_into_office_is_switched_on(admin: Admin, app: Application) -> None:
    made = app.models.save(card("one"), files_of())
    app.toggles.turn(made.model_id, False, reason="odd", who="ana")
    app.toggles.turn("linear", False, reason="odd", who="ana")
    admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": "better"})
    assert app.toggles.read().off == {"linear": "odd"}


def test_a_version_whose_gates_refused_it_stays_where_it_is(admin: Admin, app: Application, failure: Any) -> None:
    made = app.models.save(replace(card("bad"), gates={"passed": False, "refused": ["skill"]}), files_of())
    text = failure(admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": "r"}), 409, "NOT_POSSIBLE")
    assert "skill" in text


def test_without_the_database_nothing_is_turned_and_it_is_said(home: Path, client_of: Any, failure: Any) -> None:
    app = bootstrap.build(Settings(data_home=home, database_url="postgresql://postgres@127.0.0.1:9/none"))
    failure(Admin(client_of(app), "vfr_x").get(TOGGLES), 503, "DATA_ERROR")
    app.close()


def test_a_server_process_has_versions_read_by_a_process_beside_it(
    home: Path, tmp_path: Path, client_of: Any, failure: Any
) -> None:
    shutil.copytree(home, tmp_path / "home", ignore=USED)
    app = bootstrap.build(Settings(data_home=tmp_path / "home"), served=True)
    admin = Admin(client_of(app), token(app, "admin"))
    made = app.models.save(card("one"), files_of())
    done = admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": "better"})
    assert (done.status_code, done.json()["data"]["status"]) == (200, "champion")
    failure(admin.post("/api/admin/models/linear-7d-none/promote", {"reason": "r"}), 404, "NO_MODEL")
    failure(admin.post(f"/api/admin/models/{made.model_id}/promote", {"reason": "r"}), 409, "NOT_POSSIBLE")
    app.close()
