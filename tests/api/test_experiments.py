"""Experiments over HTTP: who may, one at a time, and a report in the documented shape."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from tests.api.conftest import USED

from vfr import bootstrap
from vfr.api.schemas_experiments import ExperimentData, ExperimentsData, ReportData
from vfr.api.shapes import Success
from vfr.asgi import create_app
from vfr.bootstrap import Application
from vfr.bootstrap.experiments import ExperimentDesk
from vfr.settings import Settings
from vfr.workflows.compare import Plan
from vfr.workflows.query import AnalyzeQuery

URL = "/api/admin/experiments"
BODY = {"name": "blend", "arms": {"classic": 0.5, "ml": 0.5}, "holdout": 0.1, "weight": 0.3, "why": "to see"}


@pytest.fixture
def app(home: Path, tmp_path: Path) -> Iterator[Application]:
    shutil.copytree(home, tmp_path / "home", ignore=USED)
    made = bootstrap.build(Settings(data_home=tmp_path / "home"))
    yield made
    made.close()


@pytest.fixture
def desk(app: Application) -> Iterator[ExperimentDesk]:
    yield app.experiments
    app.experiments.close(30.0)


@pytest.fixture
def call(app: Application, desk: ExperimentDesk) -> Any:
    """Call the API with a token of a scope, without one where that is None."""
    transport = httpx.ASGITransport(create_app(app), raise_app_exceptions=False)

    def ask(method: str, url: str, body: Any = None, *, scope: str | None = "admin") -> httpx.Response:
        headers = {}
        if scope is not None:
            tier = "admin" if scope == "admin" else "free"
            key = app.accounts.create_key("test", "tester", tier=tier, scopes=(scope,), user=None, days=1)[1]
            headers["Authorization"] = f"Bearer {key}"

        async def send() -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
                return await client.request(method, url, json=body, headers=headers)

        return asyncio.run(send())

    return ask


def checked(response: httpx.Response, model: type) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    TypeAdapter(Success[model]).validate_json(response.content, strict=True, extra="forbid", by_alias=True)
    return response.json()["data"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("POST", "", BODY),
        ("GET", "/3f2a", None),
        ("GET", "/3f2a/report", None),
        ("POST", "/3f2a/stop", {"why": "enough"}),
    ],
)
def test_nobody_but_an_admin_may_and_others_learn_not_even_whether_it_is_there(call, failure, desk, method, path, body):
    for scope in (None, "classic", "ml"):
        failure(call(method, URL + path, body, scope=scope), 403, "FORBIDDEN")
    assert not desk.listed()


def test_start_look_stop(call, desk, failure):
    made = checked(call("POST", URL, BODY), ExperimentData)
    assert (made["running"], made["startedBy"][:4], made["rule"]["error"]) == (True, "vfr_", 0.05)
    assert made["arms"] == BODY["arms"]
    assert "salt" not in made
    message = failure(call("POST", URL, BODY), 422, "INVALID_FIELD")
    assert "another one runs" in message
    assert checked(call("GET", f"{URL}/{made['id']}"), ExperimentData) == made
    ended = checked(call("POST", f"{URL}/{made['id']}/stop", {"why": "enough"}), ExperimentData)
    assert (ended["running"], ended["stoppedWhy"]) == (False, "enough")
    failure(call("POST", f"{URL}/{made['id']}/stop", {"why": "enough"}), 422, "INVALID_FIELD")


def test_experiments_page(call):
    ids = []
    for _ in range(3):
        made = checked(call("POST", URL, BODY), ExperimentData)["id"]
        call("POST", f"{URL}/{made}/stop", {"why": "enough"})
        ids.insert(0, made)
    first = checked(call("GET", f"{URL}?limit=2"), ExperimentsData)
    assert [one["id"] for one in first["experiments"]] == ids[:2]
    rest = checked(call("GET", f"{URL}?limit=2&cursor={first['nextCursor']}"), ExperimentsData)
    assert [one["id"] for one in rest["experiments"]] == ids[2:]
    assert rest["nextCursor"] is None


def test_a_cursor_that_is_none_is_named(call, failure):
    response = call("GET", f"{URL}?cursor=abc")
    failure(response, 422, "INVALID_FIELD")
    assert response.json()["field"] == "cursor"


def test_a_report_has_the_documented_shape(call, desk):
    made = checked(call("POST", URL, BODY), ExperimentData)
    desk.follow()
    desk._follower.look()
    desk.dealt(AnalyzeQuery("single", ("AAPL",), include_ml=True), "alice")
    assert desk._seen.close(30.0)
    found = checked(call("GET", f"{URL}/{made['id']}/report"), ReportData)
    assert found["experiment"] == made
    assert sum(one["requests"] for one in found["arms"]) == 1
    assert found["decision"]["verdict"] == "open"


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("arms", {"arms": {"classic": 0.4, "ml": 0.4}}),
        ("arms", {"arms": {}}),
        ("arms", {"arms": {"control": 1.0}}),
        ("arms", {"arms": {"holdout": 1.0}}),
        ("arms.ml", {"arms": {"classic": 0.5, "ml": "0.5"}}),
        ("weight", {"weight": True}),
        ("weight", {"weight": 0}),
        ("holdout", {"holdout": 1}),
        ("horizon", {"horizon": "4h"}),
        ("why", {"why": ""}),
        ("why", {"why": " "}),
        ("name", {"name": "x" * 65}),
        ("rule.error", {"rule": {"error": 0.9}}),
        ("rule.first", {"rule": {"first": 30.5}}),
        ("rule.first", {"rule": {"first": "30"}}),
        ("rule.first", {"rule": {"first": True}}),
    ],
)
def test_what_cannot_be_is_a_422_that_names_the_field(call, desk, failure, field, changed):
    response = call("POST", URL, BODY | changed)
    failure(response, 422, "INVALID_FIELD")
    assert response.json()["field"].startswith(field)
    assert not desk.listed()


def test_a_whole_number_may_be_written_with_a_point(call):
    made = checked(call("POST", URL, BODY | {"weight": 1, "rule": {"tightAt": 40.0, "first": 25.0}}), ExperimentData)
    assert (made["rule"]["tightAt"], made["rule"]["first"], made["weight"]) == (40, 25, 1.0)


@pytest.mark.parametrize("path", ["/abc", "/abc/report"])
def test_an_unknown_one_is_a_404(call, failure, path):
    failure(call("GET", URL + path), 404, "UNKNOWN_EXPERIMENT")
    failure(call("POST", f"{URL}/abc/stop", {"why": "enough"}), 404, "UNKNOWN_EXPERIMENT")


def test_an_arm_is_told_where_it_has_a_say_and_nowhere_else(call, desk):
    asked = {"mode": "single", "symbols": ["AAPL"], "include_ml": True}
    before = call("POST", "/api/stocks/analyze", {**asked, "include_ml": False}, scope="ml").json()["data"]
    desk.follow()
    made = desk.start(Plan("classic", {"classic": 1.0}, "7d", "to see"), "me")
    data = call("POST", "/api/stocks/analyze", asked, scope="ml").json()["data"]
    assert data["metadata"]["experiment"] == {"id": made.id, "arm": "classic"}
    assert data["stocks"][0]["mlUnavailable"]["code"] == "EXPERIMENT"
    assert data["stocks"][0]["compositeScore"] == before["stocks"][0]["compositeScore"]
    for changed in ({"include_ml": False}, {"ml_horizon": "30d"}, {"as_of": "2019-01-02"}):
        told = call("POST", "/api/stocks/analyze", {**asked, **changed}, scope="ml").json()["data"]
        assert "experiment" not in told["metadata"]
        assert told["stocks"][0].get("mlUnavailable", {}).get("code") != "EXPERIMENT"
    assert (
        call("POST", "/api/stocks/analyze", {**asked, "include_ml": False}, scope="ml").json()["data"]["stocks"]
        == (before["stocks"])
    )


def test_what_was_shown_is_journaled_with_its_arm_and_every_caller_is_counted(call, desk, app):
    asked = {"mode": "multiple", "symbols": ["AAPL", "MSFT"], "include_ml": True}
    desk.follow()
    made = desk.start(Plan("shadow", {"shadow": 1.0}, "7d", "to see"), "me")
    for _ in range(2):  # Each call has a token of its own, and is a caller of its own.
        call("POST", "/api/stocks/analyze", asked, scope="ml")
    call("POST", "/api/stocks/analyze", {**asked, "include_ml": False}, scope=None)
    app.journal._journal()  # Else what is written at the end waits in a file.
    assert app.journal._exposures.close(30.0)
    assert desk._seen.close(30.0)
    shown = desk._open().shown(made.id)
    assert [(one.arm, one.symbol) for one in shown] == [("shadow", "AAPL"), ("shadow", "MSFT")]
    [arm] = [one for one in desk.report(made.id).arms if one.subjects]
    assert arm.arm == "shadow"
    assert arm.ml_requests.count == 2
