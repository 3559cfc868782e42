"""Machine learning can only help: whatever becomes of it, the classic answer is there, and is the same.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
classic is the same, byte for byte, whatever became of the models      test_classic_is_the_same_whatever_became_of_ml
a fallback is said per symbol, with a code and the classic score       test_classic_is_the_same_whatever_became_of_ml
a member that fails is left out, the others answer                     test_a_broken_member_is_left_out
ML answers within ml_timeout or is left out                            test_a_member_that_hangs_costs_its_deadline
a server whose engine dies answers on, and has ML again by itself      test_a_killed_engine_is_replaced_unnoticed
no day before the training ended is forecast by what came later        test_no_version_speaks_of_days_it_was_trained_on
=====================================================================  =============================================
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from tests.asgi.running import kinds, until
from tests.integration.conftest import TRAINED, Server, predicted, serving

from vfr import bootstrap
from vfr.clock import elapsed_ms, epoch_ms
from vfr.settings import Settings
from vfr.workflows.chaos import parse_faults

URL = "/api/stocks/analyze"
MANY = ["AAPL", "JPM", "XOM", "ZZZZ"]


def canonical(client: Any) -> bytes:
    """The classic answer without what differs between any two requests."""
    response = client.post(URL, json={"mode": "multiple", "symbols": MANY}, headers={"X-Request-ID": "the-same-id"})
    assert response.status_code == 200
    body = response.json()
    del body["data"]["metadata"]["timestamp"]
    return orjson.dumps(body)


def asked(client: Any, **more: Any) -> dict[str, Any]:
    body = {"mode": "multiple", "symbols": MANY, "include_ml": True, "ml_timeout": 10_000, **more}
    response = client.post(URL, json=body)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()["data"]
    return found


def versions(home: Path) -> list[Path]:
    return sorted(path for path in (home / "models").iterdir() if path.is_dir())


def never_there(home: Path) -> None:
    shutil.rmtree(home / "models")


def cut_short(home: Path) -> None:
    for version in versions(home):
        for file in version.glob("model_*"):
            file.write_bytes(file.read_bytes()[:-20])


def changed(home: Path) -> None:
    for version in versions(home):
        file = version / "calibration.json"
        file.write_bytes(file.read_bytes().replace(b"0.", b"1.", 1))


def no_cards(home: Path) -> None:
    for version in versions(home):
        (version / "card.json").write_bytes(b"[]")


def no_log(home: Path) -> None:
    (home / "models" / "promotions.jsonl").write_bytes(b"\xff\x00")


def switched_off(home: Path) -> None:
    bootstrap.build(Settings(data_home=home)).toggles.turn("ml", False, reason="drift", who="test")


def untouched(home: Path) -> None:
    pass


STATES: dict[str, tuple[Callable[[Path], None], dict[str, Any], set[str | None]]] = {
    "whole": (untouched, {}, {None}),
    "never installed": (never_there, {}, {"NO_MODEL"}),
    "files cut short": (cut_short, {}, {"ARTIFACT_CORRUPT", "ML_ERROR"}),
    "files changed": (changed, {}, {"ARTIFACT_CORRUPT"}),
    "cards broken": (no_cards, {}, {"ARTIFACT_CORRUPT", "NO_MODEL"}),
    "log of promotions broken": (no_log, {}, {"ARTIFACT_CORRUPT", "NO_MODEL"}),
    "switched off": (switched_off, {}, {"DISABLED"}),
    "off by setting": (untouched, {"ml_enabled": False}, {"DISABLED"}),
}


@pytest.fixture(scope="module")
def bare(learned: Path, tmp_path_factory: pytest.TempPathFactory, client_of: Any) -> bytes:
    """The classic answer where there never was a model."""
    home = Path(shutil.copytree(learned, tmp_path_factory.mktemp("bare") / "home"))
    never_there(home)
    return canonical(client_of(bootstrap.build(Settings(data_home=home))))


@pytest.mark.parametrize("state", STATES)
def test_classic_is_the_same_whatever_became_of_ml(state: str, home: Path, client_at: Any, bare: bytes) -> None:
    change, settings, codes = STATES[state]
    change(home)
    client = client_at(home, **settings)
    assert canonical(client) == bare
    data = asked(client)
    assert {stock.get("mlUnavailable", {}).get("code") for stock in data["stocks"]} <= codes
    for stock in data["stocks"]:
        assert ("mlPrediction" in stock) == (None in codes)
        if "mlUnavailable" in stock:
            assert stock["mlUnavailable"]["message"]
            assert (stock["compositeScore"], stock["recommendation"]) == (
                stock["classicScore"],
                stock["classicRecommendation"],
            )
    assert data["metadata"]["mlEnhancement"]["mlFallbackUsed"] is (None not in codes)
    assert canonical(client) == bare


@pytest.mark.parametrize("broken", TRAINED)
def test_a_broken_member_is_left_out(home: Path, client_at: Any, bare: bytes, broken: str) -> None:
    [version] = [path for path in versions(home) if path.name.startswith(broken)]
    next(version.glob("model_excess*")).write_bytes(b"")
    client = client_at(home)
    data = asked(client)
    for stock in data["stocks"]:
        status = {member["model"]: member["status"] for member in stock["mlPrediction"]["members"]}
        assert status[broken] != "ok"
        assert [name for name in TRAINED if status[name] == "ok"] == [name for name in TRAINED if name != broken]
    assert canonical(client) == bare


@pytest.mark.parametrize("fault", ["raise", "nan", "slow", "hang"])
def test_a_member_that_hangs_costs_its_deadline(home: Path, client_at: Any, bare: bytes, fault: str) -> None:
    client = client_at(home, chaos=True)
    chaos = bootstrap.build(Settings(data_home=home, chaos=True)).chaos
    assert chaos is not None
    chaos.write(replace(parse_faults([f"ml={fault}"]), until=epoch_ms() / 1e3 + 120))
    until(lambda: client.get("/api/health/ready").json()["data"].get("chaos"), 5)
    begun = elapsed_ms()
    data = asked(client, ml_timeout=200)
    assert elapsed_ms(begun) < 3_000  # The mission's bound of a whole analysis, fifteen times the deadline.
    assert {stock["mlUnavailable"]["code"] for stock in data["stocks"]} <= {"ML_ERROR", "TIMEOUT"}
    assert canonical(client) == bare


def test_a_killed_engine_is_replaced_unnoticed(home: Path, bare: bytes) -> None:
    with serving(home, VFR_WORKERS="1") as server:
        until(lambda: predicted(server), 60)
        [engine] = kinds(server.process)["engine"]
        engine.kill()
        with server.client() as client:
            assert canonical(client) == bare
            assert "mlPrediction" in asked(client)["stocks"][0]  # The latest day is looked up.
        until(lambda: engine.pid not in {one.pid for one in kinds(server.process)["engine"]}, 30)


def test_no_version_speaks_of_days_it_was_trained_on(server: Server) -> None:
    body = {"mode": "single", "symbols": ["AAPL"], "as_of": "2021-06-30"}
    classic = server.analyze(**body)["data"]["stocks"][0]
    [stock] = server.analyze(**body, include_ml=True, ml_timeout=30_000)["data"]["stocks"]
    assert stock["mlUnavailable"]["code"] == "NO_MODEL_AS_OF"
    assert stock["compositeScore"] == stock["classicScore"] == classic["compositeScore"]
