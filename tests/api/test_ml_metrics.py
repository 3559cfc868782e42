"""GET /api/ml/metrics: an empty journal says so; a filled one shows realised figures in the documented shape."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter
from tests.journal.made import forecast

from vfr import bootstrap
from vfr.api.application import ML_THREADS
from vfr.api.ml_metrics import MetricsData
from vfr.api.shapes import Success
from vfr.clock import utc_now
from vfr.data import synthetic
from vfr.data.quality import QualityReport
from vfr.data.sessions import sessions_between
from vfr.errors import DataError
from vfr.factors.compute import compute_board
from vfr.settings import Settings

URL = "/api/ml/metrics"


def checked(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    TypeAdapter(Success[MetricsData]).validate_json(response.content, strict=True, extra="forbid", by_alias=True)
    return response.json()["data"]


@pytest.fixture(scope="module")
def client(client_of: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Twenty evenings forecast up to a few days ago, and the data that settle them."""
    home: Path = tmp_path_factory.mktemp("journalled")
    made = synthetic.snapshot(np.random.default_rng(3), n_sessions=300, n_symbols=24)
    today = np.datetime64(utc_now().date(), "D")
    panel = replace(made.panel, sessions=sessions_between(today - 700, today - 1)[-300:])
    snapshot = replace(made, panel=panel)
    app = bootstrap.build(Settings(data_home=home))
    app.datasets.publish(snapshot, QualityReport.of((), {}), compute_board(snapshot))
    names = tuple(symbol for n, symbol in enumerate(snapshot.symbols) if n != 4)
    for row in range(275, 295):
        day = str(panel.sessions[row])
        one = forecast(day, names, seed=row, data_name="synthetic", horizon="7d")
        app.journal._journal().record(replace(one, timely=row > 276))
    app.journal.settle(again=True)
    yield client_of(app)
    app.journal.close(30.0)


def test_an_empty_journal_says_so_with_nulls(client_with: Any) -> None:
    found = checked(client_with().get(URL))
    assert (found["dates"], found["rows"], found["first"], found["members"]) == (0, 0, None, {})
    assert set(found["direction"].values()) == {None}
    assert found["note"] == f"no forecast of this horizon has matured since {found['since']}"
    assert found["journal"]["dropped"] == 0


def test_realised_figures_stand_beside_their_base_rates(client: Any) -> None:
    found = checked(client.get(URL, params={"timeframe": "all"}))
    assert (found["horizon"], found["dates"], found["timelyDates"]) == ("7d", 19, 17)
    assert found["note"] == "2 of 19 dates were forecast from data that were old already"
    for name in ("accuracy", "baseRateAccuracy", "baseRate", "brier", "brierBaseRate"):
        assert 0 < found["direction"][name] < 1
    assert found["excess"]["rankIcDates"] == 19
    assert sum(one["count"] for one in found["calibration"]) == found["rows"]
    assert set(found["members"]) == {"lightgbm", "linear"}
    assert set(found["composite"]) == {"classic", "blended"}


def test_a_time_frame_cuts_by_the_day_the_outcome_came(client: Any) -> None:
    """Of a week's forecasts none is a week old when it matures: cut by their own day, the last week would be empty."""
    today = np.datetime64(utc_now().date(), "D")
    days = sessions_between(today - 700, today - 1)[-300:].astype(str).tolist()
    counts = []
    for frame in ("7d", "30d", "90d"):
        found = checked(client.get(URL, params={"timeframe": frame}))
        came = [day for row, day in enumerate(days[:294]) if row >= 275 and days[row + 6] >= found["since"]]
        assert (found["dates"], found["first"]) == (len(came), came[0])
        counts.append(len(came))
    assert 0 < counts[0] < counts[1] <= counts[2] == 19


def test_groups_and_models(client: Any) -> None:
    daily = checked(client.get(URL, params={"timeframe": "all", "groupBy": "daily", "model": "linear"}))
    stock = checked(client.get(URL, params={"timeframe": "all", "groupBy": "stock"}))
    assert daily["model"] == "linear"
    assert len(daily["groups"]) == 19
    assert daily["groups"][0]["date"] == daily["first"]
    assert len({one["symbol"] for one in stock["groups"]}) == len(stock["groups"]) > 15
    assert sum(one["count"] for one in stock["groups"]) == stock["rows"]
    assert checked(client.get(URL, params={"model": "linear-7d-x"}))["rows"] == 0


def test_reports_of_a_journal_that_hangs_hold_up_no_answer(home: Path, client_of: Any) -> None:
    app, gate = bootstrap.build(Settings(data_home=home)), threading.Event()

    def hang(*_about: Any, **_how: Any) -> None:
        assert gate.wait(30.0)
        raise DataError("the journal is away")

    app.journal.report = hang
    client = client_of(app)

    async def ask() -> int:
        async with client.session() as session:
            reports = [asyncio.ensure_future(session.get(URL)) for _ in range(ML_THREADS)]
            await asyncio.sleep(0.1)
            body = {"mode": "single", "symbols": ["AAPL"], "include_ml": True}
            try:
                answered = await asyncio.wait_for(session.post("/api/stocks/analyze", json=body), 20.0)
            finally:
                gate.set()
            await asyncio.gather(*reports)
            return answered.status_code

    assert asyncio.run(ask()) == 200


@pytest.mark.parametrize(
    "wrong", [{"timeframe": "1y"}, {"horizon": "4h"}, {"groupBy": "sector"}, {"model": ""}, {"model": "nobody"}]
)
def test_a_wrong_parameter_is_named(client: Any, failure: Any, wrong: dict[str, str]) -> None:
    message = failure(client.get(URL, params=wrong), 422, "INVALID_FIELD")
    assert next(iter(wrong)) in message


def test_a_token_is_needed_outside_single_user_mode(client_with: Any) -> None:
    assert client_with(secret="s" * 32).get(URL).status_code == 401
