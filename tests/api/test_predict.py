"""Predictions alone over HTTP, from a trained model; and what is answered where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.api.test_ml import homes

from vfr import bootstrap
from vfr.api import schemas_predict
from vfr.api.shapes import Success
from vfr.settings import Settings

__all__ = ["homes"]

URL = "/api/ml/predict"


@pytest.fixture
def trained(homes: tuple[Path, Path], client_of: Any) -> Any:
    return client_of(bootstrap.build(Settings(data_home=homes[1])))


def symbols(client: Any) -> list[str]:
    return [hit["symbol"] for hit in client.get("/api/stocks/search?query=s&limit=5").json()["data"]["results"]]


def test_predictions_agree_with_those_of_an_analysis(trained: Any) -> None:
    wanted = symbols(trained)
    answer = trained.post(URL, json={"symbols": [*wanted, "ZZZZ"], "timeout": 30_000})
    assert answer.status_code == 200, answer.text
    Success[schemas_predict.PredictData].model_validate_json(answer.content)
    data = answer.json()["data"]
    # One of the five has left the market.
    gone, unknown = data["errors"]
    assert (gone["code"], unknown["symbol"], unknown["code"]) == ("NO_FEATURES", "ZZZZ", "UNKNOWN_SYMBOL")
    assert [p["symbol"] for p in data["predictions"]] == [symbol for symbol in wanted if symbol != gone["symbol"]]
    body = {"mode": "multiple", "symbols": wanted, "include_ml": True, "ml_timeout": 30_000}
    stocks = trained.post("/api/stocks/analyze", json=body).json()["data"]["stocks"]
    whole = {stock["symbol"]: stock["mlPrediction"] for stock in stocks if "mlPrediction" in stock}
    assert whole.keys() == {prediction["symbol"] for prediction in data["predictions"]}
    differs = {"symbol", "meetsThreshold", "latencyMs", "fromCache"}
    for prediction in data["predictions"]:
        own = {key: value for key, value in prediction.items() if key not in differs}
        theirs = whole[prediction["symbol"]]
        assert own == {key: theirs[key] for key in own}
        assert set(theirs) - set(prediction) == {"weightApplied", "featureImportance"}
    assert data["metadata"]["modelVersions"]
    assert data["metadata"]["count"] == len(wanted) - 1


def test_all_unknown_is_404_and_no_model_503(trained: Any, client: Any, failure: Any) -> None:
    failure(trained.post(URL, json={"symbols": ["ZZZZ"]}), 404, "UNKNOWN_SYMBOL")
    failure(trained.post(URL, json={"symbols": symbols(trained), "horizon": "1d", "timeout": 30_000}), 503, "NO_MODEL")
    failure(client.post(URL, json={"symbols": ["AAPL"], "timeout": 30_000}), 503, "NO_MODEL")


def test_a_wrong_field_is_named(client: Any) -> None:
    for body, field in (
        ({"symbols": []}, "symbols"),
        ({"symbols": ["AAPL"], "horizon": "4h"}, "horizon"),
        ([], "body"),
    ):
        answer = client.post(URL, json=body)
        assert answer.status_code == 422
        assert answer.json()["field"] == field


def test_it_is_not_for_strangers(client_with: Any, failure: Any) -> None:
    client = client_with(secret="a-secret-of-more-than-thirty-two-characters", public_classic=True)
    failure(client.post(URL, json={"symbols": ["AAPL"]}), 401, "UNAUTHORIZED")
