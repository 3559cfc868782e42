"""GET /metrics: what requests count, by documented route, and what is read from the rest of the application."""

from __future__ import annotations

import asyncio
from typing import Any

from vfr import bootstrap
from vfr.bootstrap import Metrics, readings


def figures(client: Any) -> dict[str, float]:
    answer = client.get("/metrics")
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
    client.get("/api/there/is/no/such/route")
    client.post("/api/stocks/analyze", json={})
    found = figures(client)
    assert found['vfr_requests_total{method="POST",route="/api/stocks/analyze",status="200"}'] == 2
    assert found['vfr_requests_total{method="POST",route="/api/stocks/analyze",status="422"}'] == 1
    assert found['vfr_requests_total{method="GET",route="/api/stocks/{symbol}/history",status="200"}'] == 2
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


def test_the_server_follows_from_its_start_to_its_end(home: Any) -> None:
    from vfr.api import create_api
    from vfr.settings import Settings

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
