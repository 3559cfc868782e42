"""One table from the error tree to HTTP; nothing of the inside leaves the process."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vfr import errors
from vfr.api.errors import STATUS
from vfr.errors import DatasetCorrupt, InvalidField, LockedOut, NoData, VfrError

ROOT = Path(__file__).parents[2]


def tree(root: type[VfrError]) -> list[type[VfrError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in tree(child))]


def test_every_error_has_a_status_and_no_stranger_has() -> None:
    assert set(STATUS) == set(tree(VfrError))
    assert set(STATUS.values()) <= {401, 404, 422, 429, 500, 503}


def test_every_refusal_of_the_door_is_documented() -> None:
    rooms = "".join(path.read_text() for path in (ROOT / "src" / "vfr" / "api").glob("*.py"))
    refused = set(re.findall(r"\((?:request\.scope, )?(\d{3}), \"([A-Z_]+)\"", rooms))
    assert ("429", "RATE_LIMITED") in refused
    rows = [line for line in (ROOT / "docs" / "errors.md").read_text().splitlines() if line.startswith("|")]
    for status, code in refused:
        assert any(status in row.split("|")[1] and f"`{code}`" in row for row in rows), (status, code)


def made(kind: type[VfrError]) -> VfrError:
    if issubclass(kind, InvalidField):
        return kind("limit", "must be 1 to 50")
    return kind(7) if issubclass(kind, LockedOut) else kind("a sentence for users")


def raising(application: Any, error: Exception) -> Any:
    def board_at(_day: object) -> None:
        raise error

    class Boards:
        at = ready = staticmethod(board_at)

    return replace(application, boards=Boards())


@pytest.mark.parametrize("kind", sorted(set(STATUS) - {VfrError}, key=lambda k: k.__name__), ids=lambda k: k.__name__)
def test_an_error_of_the_tree_is_answered_by_the_table(
    application: Any, client_of: Any, failure: Any, kind: type[VfrError]
) -> None:
    error = made(kind)
    response = client_of(raising(application, error)).post(
        "/api/stocks/analyze", json={"mode": "single", "symbols": ["AAPL"]}
    )
    message = failure(response, STATUS[kind], kind.code)
    assert (message == error.message) is (STATUS[kind] != 500)


def test_a_bug_is_a_sentence_and_an_id(application: Any, client_of: Any, failure: Any) -> None:
    broken = raising(application, ZeroDivisionError("/home/user/secret.py: SELECT * FROM users"))
    response = client_of(broken).post("/api/stocks/analyze", json={"mode": "single", "symbols": ["AAPL"]})
    assert "request id" in failure(response, 500, "INTERNAL")
    assert response.headers["x-content-type-options"] == "nosniff"


def test_no_data_keeps_the_server_alive_but_not_ready(client_with: Any, failure: Any, tmp_path: Any) -> None:
    client = client_with(data_home=tmp_path)
    assert client.get("/api/health").status_code == 200
    failure(client.get("/api/health/ready"), 503, NoData.code)
    failure(client.post("/api/stocks/analyze", json={"mode": "single", "symbols": ["AAPL"]}), 503, NoData.code)


def test_damaged_data_is_said(client_with: Any, failure: Any, tmp_path: Any) -> None:
    (tmp_path / "datasets" / "bundled").mkdir(parents=True)
    (tmp_path / "datasets" / "current").write_text("bundled\n")
    (tmp_path / "datasets" / "bundled" / "current").write_text("gone-00000000\n")
    client = client_with(data_home=tmp_path)
    failure(client.get("/api/health/ready"), 503, DatasetCorrupt.code)


@pytest.mark.parametrize("path", ["/api/ml/predict", "/api/auth/token", "/api/stocks/analyze"])
def test_a_body_that_is_no_json_is_400_whoever_parses_it(
    client_with: Any, failure: Any, tmp_path: Any, path: str
) -> None:
    client = client_with(data_home=tmp_path)  # One of its own: sign-ins of other tests count against the same address.
    failure(client.post(path, content=b"{", headers={"Content-Type": "application/json"}), 400, "MALFORMED_JSON")


def test_unknown_paths(client: Any, failure: Any) -> None:
    failure(client.get("/api/nothing"), 404, "NOT_FOUND")
    failure(client.get("/api/stocks/..%2F..%2Fetc/history"), 404, "NOT_FOUND")
    failure(client.get("/docs"), 404, "NOT_FOUND")


def test_exports_of_the_error_tree_are_covered() -> None:
    assert {kind.__name__ for kind in STATUS} == set(errors.__all__)
