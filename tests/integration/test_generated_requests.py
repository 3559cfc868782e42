"""Generated requests over the whole OpenAPI document: good and bad ones, by an admin, a free user and nobody.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
no 5xx but the documented 503, no status and no shape undeclared       test_every_answer_is_a_documented_one
the same over thousands of requests (make verify)                      test_thousands_of_answers_are_documented_ones
=====================================================================  =============================================
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.api.accounts_world import World, bearer

import vfr

BASE = "http://127.0.0.1:8000"
PACKAGE = str(Path(vfr.__file__).parent)
"""Where the program lies, which no answer may tell."""

CALLERS = ("admin", "free", "nobody")


@dataclass(frozen=True)
class Asked:
    """An application with accounts, its document, and what callers send."""

    world: World
    document: dict[str, Any]
    headers: dict[str, dict[str, str]]
    known: dict[str, str]

    def declared(self, operation: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.document["paths"][operation.path][operation.method]["responses"]
        return found


@pytest.fixture(scope="module")
def asked(learned: Path, tmp_path_factory: pytest.TempPathFactory, client_of: Any) -> Iterator[Asked]:
    patched = pytest.MonkeyPatch()
    patched.setattr("vfr.api.users._EVERYWHERE_S", 0.0)
    patched.setattr("vfr.api.progress.OPEN_S", 0.05)
    home = Path(shutil.copytree(learned, tmp_path_factory.mktemp("asked") / "home"))
    world = World.made(home, home.parent, client_of)
    accounts = world.application.accounts
    spare = accounts.add_user("spare", "four words, easily kept", "free", (), "test")
    key, _ = accounts.create_key("spare", "test", tier="free", scopes=(), user=None, days=1)
    model = next(card.model_id for card in world.application.models.cards())
    headers = {name: bearer(world.sign_in(name)["accessToken"]) for name in CALLERS[:2]} | {"nobody": {}}
    known = {"user_id": spare.id, "key_id": key.id, "model_id": model, "toggle_id": "linear", "symbol": "AAPL"}
    yield Asked(world, world.client.get("/openapi.json").json(), headers, known)
    world.application.close()
    patched.undo()


def test_every_answer_is_a_documented_one(asked: Asked) -> None:
    assert held_to_the_document(asked, 6, 0) >= 200


@pytest.mark.load
@pytest.mark.parametrize("drawn", [1, 2])
def test_thousands_of_answers_are_documented_ones(asked: Asked, drawn: int) -> None:
    assert held_to_the_document(asked, 165, drawn) >= 5_000


def held_to_the_document(asked: Asked, examples: int, drawn: int) -> int:
    """Ask every operation so many times, with good and with bad values; return how many requests were made.

    Schemathesis is imported by this test alone: importing it takes half a second of every test process.
    """
    import schemathesis

    schema = schemathesis.openapi.from_dict(asked.document)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert {(one.method, one.path) for one in operations} == {
        (method, path) for path, found in asked.document["paths"].items() for method in found
    }
    return sum(_operation(asked, operation, examples, drawn) for operation in operations)


def _operation(asked: Asked, operation: Any, examples: int, drawn: int) -> int:
    """Each operation has a search of its own: what cannot be generated for one costs the others nothing."""
    from schemathesis.generation import GenerationMode

    modes = [GenerationMode.POSITIVE]
    if operation.body or operation.query:
        modes.append(GenerationMode.NEGATIVE)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])
    count = 0

    @seed(drawn)
    @settings(
        max_examples=examples, deadline=None, phases=[Phase.generate], database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(cases, st.sampled_from(CALLERS), st.booleans())
    def ask(case: Any, caller: str, known: bool) -> None:
        nonlocal count
        count += 1
        _held(asked, operation, case, caller, known)

    ask()
    return count


def _held(asked: Asked, operation: Any, case: Any, caller: str, known: bool) -> None:
    from schemathesis import Response

    if case.path_parameters and known:
        there = asked.known | {"sessionId": uuid4().hex}
        case.path_parameters = {name: there.get(name, value) for name, value in case.path_parameters.items()}
    how = case.as_transport_kwargs(base_url=BASE)
    body = "json" if "json" in how else "content"
    sent = {"params": how.get("params"), body: how.get("json", how.get("data"))}
    kept = {name: value for name, value in sent.items() if value is not None}
    kept["headers"] = {**dict(how.get("headers") or {}), "Content-Type": "application/json", **asked.headers[caller]}
    response = asked.world.client.request(how["method"], how["url"], **kept)
    told = (caller, how["method"], how["url"], kept, response.status_code, response.text[:500])
    if response.status_code in (404, 405) and response.json().get("code") in ("NOT_FOUND", "METHOD_NOT_ALLOWED"):
        return  # A generated part of the path made it another path.
    assert response.status_code < 500 or response.status_code == 503, told
    assert str(response.status_code) in asked.declared(operation), told
    operation.validate_response(Response.from_httpx(response, verify=False))
    if response.status_code >= 400:
        body = response.json()
        assert (body["success"], body["requestId"]) == (False, response.headers["x-request-id"]), told
        assert not any(word in response.text for word in ("Traceback", "site-packages", PACKAGE, "SELECT ")), told
