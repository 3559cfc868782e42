"""Speed as the mission asks for it, over HTTP, on a machine that does other things too.

The bounds here are the mission's: an order of magnitude above what is measured (docs/benchmarks.md holds the figures),
so that only a real regression crosses them. What is compared is asked alternately, and medians are taken.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
an analysis with machine learning takes less than 3 s                  test_an_analysis_takes_less_than_3_s
machine learning costs less than 100 ms                                test_machine_learning_costs_less_than_100_ms
more than 90 % of forecasts come from what was prepared                test_forecasts_are_prepared
the machine-learning processes stay below 1.8 GB                       test_memory_stays_below_the_bound
20 symbols of a past day, asked for the first time, take < 3 s         test_a_cold_past_day_takes_less_than_3_s
=====================================================================  =============================================
"""

from __future__ import annotations

from statistics import median
from typing import Any

import psutil
import pytest
from tests.integration.conftest import Server

from vfr.clock import elapsed_ms

EVERY = [
    "AAPL", "AMD", "BAC", "BBY", "CVX", "GE", "HD", "JNJ", "JPM", "KO",
    "LLY", "MRK", "MSFT", "PEP", "PFE", "PG", "RRC", "UNH", "WMT", "XOM",
]  # fmt: skip
REPEATS = 30


def took_ms(client: Any, body: dict[str, Any]) -> float:
    begun = elapsed_ms()
    response = client.post("/api/stocks/analyze", json=body)
    took = elapsed_ms(begun)
    assert response.status_code == 200, response.text
    return took


@pytest.mark.parametrize("symbols", [["AAPL"], EVERY], ids=["one", "twenty"])
def test_an_analysis_takes_less_than_3_s(server: Server, symbols: list[str]) -> None:
    with server.client() as client:
        slowest = max(
            took_ms(client, {"mode": "multiple", "symbols": symbols, "include_ml": True}) for _ in range(REPEATS)
        )
    assert slowest < 3_000


@pytest.mark.parametrize("symbols", [["AAPL"], EVERY], ids=["one", "twenty"])
def test_machine_learning_costs_less_than_100_ms(server: Server, symbols: list[str]) -> None:
    body = {"mode": "multiple", "symbols": symbols}
    with server.client() as client:
        pairs = [(took_ms(client, body), took_ms(client, {**body, "include_ml": True})) for _ in range(REPEATS)]
    assert median(ml - classic for classic, ml in pairs) < 100


def test_forecasts_are_prepared(server: Server) -> None:
    body = {"mode": "multiple", "symbols": EVERY, "include_ml": True}
    with server.client() as client:
        answers = [client.post("/api/stocks/analyze", json=body).json()["data"]["stocks"] for _ in range(REPEATS)]
    prepared = [stock["mlPrediction"]["fromCache"] for stocks in answers for stock in stocks]
    assert len(prepared) == REPEATS * len(EVERY)
    assert sum(prepared) > 0.9 * len(prepared)


def test_memory_stays_below_the_bound(server: Server) -> None:
    everybody = [psutil.Process(server.process.pid), *psutil.Process(server.process.pid).children(recursive=True)]
    assert sum(one.memory_full_info().pss for one in everybody) < 1.8e9


def test_a_cold_past_day_takes_less_than_3_s(server: Server) -> None:
    """The classic part of days nobody asked for yet; a median, since the first starts the process that computes."""
    days = ["2021-03-03", "2021-04-07", "2021-05-05", "2021-06-02", "2021-07-07"]
    with server.client() as client:
        took = [took_ms(client, {"mode": "multiple", "symbols": EVERY, "as_of": day}) for day in days]
    assert median(took) < 3_000
