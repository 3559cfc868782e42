"""Older clients are answered as they always were; recorded pairs of requests and answers say what that is.

Each file of ``recorded/`` holds one request as an older client sends it, and its answer. A new answer may hold more
fields, never fewer, and no field may change its type or, where it does not depend on the clock, its value. Delete
the ``answer`` of a file and run the tests twice to record it anew; that is a breaking change unless the file is new.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
older clients are served field by field (extra fields, camel case,     test_an_older_client_is_answered_as_it_was
``config.symbol``, ``1w``, ``sessionId``, lower-case tickers)
machine learning is off unless asked for, and leaves no key            test_without_asking_no_key_speaks_of_ml
classic fields are the same with machine learning on                   test_classic_fields_stay_with_ml_on
every recorded request is valid by the OpenAPI document                test_the_document_knows_what_older_clients_send
=====================================================================  =============================================
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.conftest import Server

from vfr.api.schemas_analyze import AnalyzeBody

RECORDED = sorted((Path(__file__).parent / "recorded").glob("*.json"))
OF_THE_CLOCK = frozenset(
    {
        "timestamp", "requestId", "latencyMs", "mlLatency", "computedAt", "trainedAt", "createdAt", "fromCache",
        "age", "fresh", "stale", "warnings",
    }
)  # fmt: skip
"""What depends on when, and on how long: only the type is compared."""

OF_THE_TRAINING = frozenset({"modelId", "version", "modelVersions", "dataVersion"})
"""Names that hash what was trained, which processors may change in the last bit."""

TOLERANCE = 1e-4


def differences(before: Any, now: Any, where: str = "") -> list[str]:
    """What an answer lacks, or says otherwise, of what it said."""
    name = where.rsplit(".", 1)[-1]
    if isinstance(before, dict) and isinstance(now, dict):
        found = [f"{where}.{key} is gone" for key in before.keys() - now.keys()]
        return found + [
            line for key in before.keys() & now.keys() for line in differences(before[key], now[key], f"{where}.{key}")
        ]
    if name in OF_THE_CLOCK | OF_THE_TRAINING:
        return [] if type(before) is type(now) else [f"{where} was {before!r}, is {now!r}"]
    if isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            return [f"{where} had {len(before)} items, has {len(now)}"]
        pairs = enumerate(zip(before, now, strict=True))
        return [line for k, (old, new) in pairs for line in differences(old, new, f"{where}[{k}]")]
    floats = isinstance(before, float) and isinstance(now, float | int)
    near = pytest.approx(before, rel=TOLERANCE, abs=TOLERANCE) if floats else before
    same = now == near and isinstance(now, bool) is isinstance(before, bool)
    return [] if same else [f"{where} was {before!r}, is {now!r}"]


def sent(server: Server, pair: dict[str, Any]) -> Any:
    asked = pair["request"]
    how = {"json": asked["json"]} if "json" in asked else {"content": asked["text"]} if "text" in asked else {}
    with server.client() as client:
        return client.request(asked["method"], asked["path"], headers=asked.get("headers", {}), **how)


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.stem)
def test_an_older_client_is_answered_as_it_was(server: Server, file: Path) -> None:
    pair = json.loads(file.read_text())
    response = sent(server, pair)
    now = {"status": response.status_code, "type": response.headers["content-type"], "body": response.json()}
    if "answer" not in pair:
        file.write_text(json.dumps({**pair, "answer": now}, indent=1) + "\n")
        pytest.fail(f"{file.name} had no answer and has got one: read it, then run again")
    assert differences(pair["answer"], now) == []


def test_pairs_are_there() -> None:
    assert len(RECORDED) >= 12


def test_a_difference_is_found() -> None:
    """What guards the pairs would see a field that is gone, retyped or changed, and lets new ones pass."""
    before = {"a": 1.0, "b": [{"c": "x"}], "timestamp": 1, "age": None}
    assert differences(before, {"a": 1.0 + 1e-9, "b": [{"c": "x", "new": 1}], "timestamp": 2, "age": None}) == []
    assert sorted(differences(before, {"a": "1.0", "b": [{}], "timestamp": "2", "age": None})) == [
        ".a was 1.0, is '1.0'",
        ".b[0].c is gone",
        ".timestamp was 1, is '2'",
    ]
    assert sorted(differences({"ok": True, "n": [1]}, {"ok": 1, "n": [1, 2]})) == [
        ".n had 1 items, has 2",
        ".ok was True, is 1",
    ]


@pytest.mark.parametrize("asked", [{}, {"include_ml": False}, {"include_ml": None}, {"includeML": True}])
def test_without_asking_no_key_speaks_of_ml(server: Server, asked: dict[str, Any]) -> None:
    text = json.dumps(server.analyze(mode="multiple", symbols=["AAPL", "JPM"], ml_horizon="1w", **asked))
    assert '"ml' not in text
    assert '"classic' not in text


def test_classic_fields_stay_with_ml_on(server: Server) -> None:
    classic = {s["symbol"]: s for s in server.analyze(mode="multiple", symbols=["AAPL", "JPM"])["data"]["stocks"]}
    blended = server.analyze(mode="multiple", symbols=["AAPL", "JPM"], include_ml=True)["data"]["stocks"]
    may_change = {"compositeScore", "recommendation", "reasoning"}
    for stock in blended:
        before = classic[stock["symbol"]]
        assert before.keys() <= stock.keys()
        assert {name: stock[name] for name in before if name not in may_change} == {
            name: value for name, value in before.items() if name not in may_change
        }
        assert (stock["classicScore"], stock["classicRecommendation"]) == (
            before["compositeScore"],
            before["recommendation"],
        )


def test_the_document_knows_what_older_clients_send() -> None:
    pairs = [json.loads(file.read_text()) for file in RECORDED]
    good = [pair["request"] for pair in pairs if pair["answer"]["status"] == 200]
    bodies = [asked["json"] for asked in good if (asked["method"], asked["path"]) == ("POST", "/api/stocks/analyze")]
    assert len(bodies) >= 6
    for body in bodies:
        AnalyzeBody.model_validate(body)
