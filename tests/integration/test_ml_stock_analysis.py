"""Analysis with machine learning on real prices and trained members, from a real server.

=====================================================================  =============================================
promise                                                                test
=====================================================================  =============================================
machine learning enhances the three modes                              test_every_mode_is_enhanced
a prediction has the fields of the contract, within their bounds       test_a_prediction_is_whole
composite = (1 - w) x classic + w x mlScore, w = ml_weight x confid.   test_the_blend_is_the_published_formula
below the confidence threshold the weight is 0, and 0 means none       test_without_weight_the_score_is_the_classic
stocks are ranked again and recommended anew after the blend           test_ranked_and_recommended_after_the_blend
limit cuts sector mode after the blend                                 test_limit_cuts_after_the_blend
weights of members sum to 1 in every method                            test_weights_of_members_sum_to_one
members can be chosen                                                  test_a_member_can_be_asked_alone
``1w`` is 7d                                                           test_an_alias_is_its_horizon
symbols that cannot be analysed cost the others nothing                test_an_unknown_symbol_costs_the_others_nothing
predictions alone agree with those of an analysis                      test_predictions_alone_are_the_same
=====================================================================  =============================================
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.integration.conftest import HORIZON, TRAINED, Server

from vfr.scoring.recommend import recommend

MANY = ["AAPL", "JPM", "XOM", "KO", "MSFT", "PG"]
MODES: list[dict[str, Any]] = [
    {"mode": "single", "symbols": ["aapl"]},
    {"mode": "multiple", "symbols": MANY},
    {"mode": "sector", "sector": "Health Care", "limit": 3},
]


def asked(server: Server, **body: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.analyze(include_ml=True, **{"ml_timeout": 30_000, **body})["data"]["stocks"]
    return found


@pytest.mark.parametrize("body", MODES, ids=[body["mode"] for body in MODES])
def test_every_mode_is_enhanced(server: Server, body: dict[str, Any]) -> None:
    data = server.analyze(include_ml=True, ml_timeout=30_000, **body)["data"]
    assert data["stocks"]
    assert all("mlPrediction" in stock for stock in data["stocks"])
    enhancement = data["metadata"]["mlEnhancement"]
    assert (enhancement["mlEnabled"], enhancement["mlAvailable"], enhancement["mlFallbackUsed"]) == (True, True, False)
    assert enhancement["mlPredictionsCount"] == data["metadata"]["count"] == len(data["stocks"])
    assert data["metadata"]["mlEnhancementEnabled"] is True


def test_a_prediction_is_whole(server: Server) -> None:
    for stock in asked(server, mode="multiple", symbols=MANY):
        ml = stock["mlPrediction"]
        up, down = ml["probability"]["up"], ml["probability"]["down"]
        assert 0 < up < 1
        assert up + down == pytest.approx(1)
        assert ml["direction"] == ("NEUTRAL" if abs(up - 0.5) < 0.01 else "UP" if up > 0.5 else "DOWN")
        assert ml["horizon"] == HORIZON
        assert 0 <= ml["confidence"] <= 1
        assert ml["interval"]["low"] < ml["expectedReturn"] < ml["interval"]["high"]
        assert 0 <= ml["agreement"] <= 1
        assert {member["model"] for member in ml["members"] if member["status"] == "ok"} == set(TRAINED)
        assert ml["featureImportance"]
        assert ml["timestamp"] > 1.7e12


def test_the_blend_is_the_published_formula(server: Server) -> None:
    """The score of the model follows from two blends of different weight, and the same one explains a third."""
    symbols = {"mode": "multiple", "symbols": MANY, "ml_confidence_threshold": 0.0}
    whole, half, fifth = (
        {stock["symbol"]: stock for stock in asked(server, **symbols, ml_weight=weight)} for weight in (1.0, 0.5, 0.2)
    )
    moved = 0
    for symbol, stock in whole.items():
        confidence = stock["mlPrediction"]["confidence"]
        classic, w = stock["classicScore"], stock["mlPrediction"]["weightApplied"]
        assert w == pytest.approx(confidence, abs=1e-5)
        score = (stock["compositeScore"] - (1 - w) * classic) / w
        assert -1e-3 < score < 100 + 1e-3
        for other, weight in ((half, 0.5), (fifth, 0.2)):
            applied = other[symbol]["mlPrediction"]["weightApplied"]
            assert applied == pytest.approx(weight * confidence, abs=1e-5)
            expected = (1 - applied) * classic + applied * score
            assert other[symbol]["compositeScore"] == pytest.approx(expected, abs=1e-3)
        moved += abs(stock["compositeScore"] - classic) > 0.1
    assert moved >= 3


@pytest.mark.parametrize("more", [{"ml_weight": 0}, {"ml_confidence_threshold": 1.0}])
def test_without_weight_the_score_is_the_classic(server: Server, more: dict[str, Any]) -> None:
    classic = server.analyze(mode="multiple", symbols=MANY)["data"]["stocks"]
    stocks = asked(server, mode="multiple", symbols=MANY, **more)
    assert [(s["symbol"], s["compositeScore"]) for s in stocks] == [(s["symbol"], s["compositeScore"]) for s in classic]
    assert {stock["mlPrediction"]["weightApplied"] for stock in stocks} == {0}
    for stock in stocks:
        assert (stock["classicScore"], stock["classicRecommendation"]) == (
            stock["compositeScore"],
            stock["recommendation"],
        )


def test_ranked_and_recommended_after_the_blend(server: Server) -> None:
    stocks = asked(server, mode="multiple", symbols=MANY, ml_weight=1.0, ml_confidence_threshold=0.0)
    scores = [stock["compositeScore"] for stock in stocks]
    assert scores == sorted(scores, reverse=True)
    for stock in stocks:
        told = recommend(np.array([stock["compositeScore"], stock["classicScore"]]))
        assert [stock["recommendation"], stock["classicRecommendation"]] == told


def test_limit_cuts_after_the_blend(server: Server) -> None:
    strong = {"mode": "sector", "sector": "health-care", "ml_weight": 1.0, "ml_confidence_threshold": 0.0}
    whole, cut = asked(server, **strong, limit=50), asked(server, **strong, limit=2)
    assert len(whole) > 2
    assert [stock["symbol"] for stock in cut] == [stock["symbol"] for stock in whole[:2]]


@pytest.mark.parametrize("method", ["weighted", "voting", "stacking"])
def test_weights_of_members_sum_to_one(server: Server, method: str) -> None:
    for stock in asked(server, mode="multiple", symbols=MANY, ml_method=method):
        weights = [member["weight"] for member in stock["mlPrediction"]["members"] if member["weight"] is not None]
        assert min(weights) >= 0
        assert sum(weights) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("member", TRAINED)
def test_a_member_can_be_asked_alone(server: Server, member: str) -> None:
    [stock] = asked(server, mode="single", symbols=["JPM"], ml_models=[member])
    answered = [one["model"] for one in stock["mlPrediction"]["members"] if one["status"] == "ok"]
    assert answered == [member]


def test_an_alias_is_its_horizon(server: Server) -> None:
    kept = ("horizon", "probability", "expectedReturn", "interval", "confidence", "modelId")
    week, days = (asked(server, mode="single", symbols=["JPM"], ml_horizon=name)[0] for name in ("1w", "7d"))
    assert [week["mlPrediction"][name] for name in kept] == [days["mlPrediction"][name] for name in kept]


def test_an_unknown_symbol_costs_the_others_nothing(server: Server) -> None:
    data = server.analyze(mode="multiple", symbols=["AAPL", "ZZZZ", "JPM"], include_ml=True)["data"]
    assert sorted(stock["symbol"] for stock in data["stocks"]) == ["AAPL", "JPM"]
    assert [(error["symbol"], error["code"]) for error in data["errors"]] == [("ZZZZ", "UNKNOWN_SYMBOL")]


def test_predictions_alone_are_the_same(server: Server) -> None:
    with server.client() as client:
        body = {"symbols": MANY, "horizon": HORIZON, "timeout": 30_000}
        alone = client.post("/api/ml/predict", json=body).json()["data"]["predictions"]
    beside = {stock["symbol"]: stock["mlPrediction"] for stock in asked(server, mode="multiple", symbols=MANY)}
    assert {one["symbol"] for one in alone} == set(MANY)
    for one in alone:
        for name in ("probability", "expectedReturn", "interval", "confidence", "modelId", "agreement"):
            assert one[name] == beside[one["symbol"]][name]
