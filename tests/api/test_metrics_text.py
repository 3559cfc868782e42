"""GET /metrics: what requests count, by documented route, and what is read from the rest of the application."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import httpx
from tests.api.conftest import USED

from vfr import bootstrap
from vfr.api import create_api
from vfr.api.guard import Guard
from vfr.bootstrap import Metrics, engine_readings, listening, readings
from vfr.settings import Settings
from vfr.typing import MEMBER_NAMES


def figures(client: Any) -> dict[str, float]:
    return figures_of(client.get("/metrics"))


def figures_of(answer: httpx.Response) -> dict[str, float]:
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    rows = [line.rsplit(" ", 1) for line in answer.text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_requests_are_counted_by_route_method_and_status(client_with: Any) -> None:
    client = client_with()
    body = {"mode": "multiple", "symbols": ["AAPL", "XOM"]}
    for _ in range(2):
        assert client.post("/api/stocks/analyze", json=body).status_code == 200
    client.get("/api/stocks/AAPL/history?limit=1")
    client.get("/api/stocks/XOM/history?limit=1")
    client.get("/api/stocks/analyze/progress/guessed")
    client.get("/api/there/is/no/such/route")
    client.post("/api/stocks/analyze", json={})
    found = figures(client)
    assert found['vfr_requests_total{method="POST",route="/api/stocks/analyze",status="200"}'] == 2
    assert found['vfr_requests_total{method="POST",route="/api/stocks/analyze",status="422"}'] == 1
    assert found['vfr_requests_total{method="GET",route="/api/stocks/{symbol}/history",status="200"}'] == 2
    assert found['vfr_requests_total{method="GET",route="/api/stocks/analyze/progress/{sessionId}",status="422"}'] == 1
    assert found['vfr_requests_total{method="GET",route="other",status="404"}'] == 1
    assert found['vfr_request_seconds_count{route="/api/stocks/analyze"}'] == 3
    # Symbols and whatever else callers send are no labels: their number has no bound.
    assert not any("AAPL" in name or "such" in name for name in found)


def test_predictions_are_counted_by_outcome(client_with: Any) -> None:
    client = client_with()
    body = {"mode": "multiple", "symbols": ["AAPL", "XOM"], "include_ml": True}
    client.post("/api/stocks/analyze", json=body)
    assert figures(client)['vfr_predictions_total{code="NO_MODEL",horizon="7d"}'] == 2


def test_what_the_application_counts_is_read(application: Any) -> None:
    application.datasets.board()
    metrics = Metrics()
    metrics.take(readings(application))
    text = metrics.render().decode()
    assert 'vfr_journal_rows_total{what="dropped"} 0.0' in text
    assert "vfr_ml_enabled " in text
    assert 'vfr_data_age{input="prices"}' in text


def test_the_engine_is_seen_as_a_server_process_finds_it(home: Path, tmp_path: Path) -> None:
    """It answers, then it is gone: what is asked of it is counted either way."""
    shutil.copytree(home, tmp_path, ignore=USED, dirs_exist_ok=True)
    engine = bootstrap.build(Settings(data_home=tmp_path))
    server = bootstrap.build(Settings(data_home=tmp_path), served=True)
    beside = server.beside
    assert beside is not None
    metrics = Metrics()
    app = Guard(create_api(server, metrics), server.settings, metrics)

    def seen() -> dict[str, float]:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
                return await client.get("/metrics")

        metrics.take(readings(server))
        return figures_of(asyncio.run(ask()))

    def asked() -> None:
        beside.guard.at(None, "7d", MEMBER_NAMES, "weighted", 2_000)

    listener = listening(engine.settings, engine.forecaster, dict)
    try:
        asked()
        well = seen()
    finally:
        listener.close(5.0)
        engine.close()
    asked()
    gone = seen()
    server.close()
    assert (well["vfr_engine_up"], gone["vfr_engine_up"]) == (1, 0)
    for outcome, counts in (("answered", (1, 1)), ("silent", (0, 1))):
        name = f'vfr_engine_questions_total{{outcome="{outcome}"}}'
        assert (well[name], gone[name]) == counts


def test_no_engine_is_looked_for_where_machine_learning_is_off_by_setting(home: Path) -> None:
    server = bootstrap.build(Settings(data_home=home, ml_enabled=False), served=True)
    assert not [name for name, _, _ in readings(server) if name.startswith("vfr_engine")]
    server.close()


def test_what_the_engine_counts_where_it_runs(application: Any) -> None:
    metrics = Metrics()
    for _ in range(2):  # Two looks at the same totals count once.
        metrics.take(engine_readings(application, {"succeeded": 3, "failed": 1}, 1_700_000_000_500))
    text = metrics.render().decode()
    assert "vfr_engine_starts_total 1.0\n" in text
    assert "vfr_engine_start_time_seconds 1.7000000005e+09\n" in text
    assert 'vfr_engine_refreshes_total{outcome="succeeded"} 3.0\n' in text
    assert 'vfr_engine_refreshes_total{outcome="failed"} 1.0\n' in text
    assert "vfr_journal_waiting 0.0" in text


def test_the_server_follows_from_its_start_to_its_end(home: Any) -> None:
    metrics = Metrics()
    api = create_api(bootstrap.build(Settings(data_home=home)), metrics)

    async def live() -> None:
        async with api.router.lifespan_context(api):
            for _ in range(100):
                if b"vfr_data_age{" in metrics.render() or b"vfr_journal_waiting 0.0" in metrics.render():
                    return
                await asyncio.sleep(0.05)
        raise AssertionError("nothing was read")

    asyncio.run(live())


def test_it_is_not_for_strangers(client_with: Any, failure: Any) -> None:
    client = client_with(secret="a-secret-of-more-than-thirty-two-characters", public_classic=True)
    failure(client.get("/metrics"), 401, "UNAUTHORIZED")
