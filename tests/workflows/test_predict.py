"""Requests for predictions alone: one parser with analysis, its own names of fields, order kept, failures listed."""

from __future__ import annotations

import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfr.errors import InvalidField, UnsupportedHorizon, VfrError
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable
from vfr.workflows.predict import PredictQuery, predict

UNIVERSE = ("AAA", "BBB", "CCC")


class Asked:
    """Answers one thing, and remembers the question."""

    def __init__(self, found, ready=True):
        self.found, self._ready, self.questions = found, ready, []

    def at(self, *question):
        self.questions.append(question)
        return self.found

    def ready(self, *question):
        return self.at(*question) if self._ready else None


def forecast() -> Forecast:
    up = np.array([0.6, 0.4, np.nan])
    known = np.where(np.isfinite(up), 1.0, np.nan)
    member = MemberForecast("linear", "linear-7d-1", "ok", None, up, 0.01 * known, known, 0.5)
    return Forecast(
        data_version="v1",
        as_of=np.datetime64("2020-01-03"),
        horizon="7d",
        symbols=UNIVERSE,
        p_up=up,
        expected_excess=0.01 * known,
        low=-0.1 * known,
        high=0.1 * known,
        confidence=np.array([0.55, 0.45, np.nan]),
        level=0.9,
        base_rate=0.5,
        score=np.array([70.0, 30.0, np.nan]),
        agreement=known,
        members=(member,),
        method_applied="equal_weight",
        note=None,
        small_universe=True,
        importance=(("rsi", 0.5),),
        computed_at=1,
        latency_ms=2.0,
        from_cache=True,
    )


def test_predictions_in_the_order_asked_for_and_the_others_with_their_reason() -> None:
    asked = Asked(forecast())
    query = PredictQuery.parse({"symbols": ["ccc", "bbb", "zzz", "aaa", "bbb"]})
    found = predict(query, UNIVERSE, asked)
    body = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [p["symbol"] for p in body["predictions"]] == ["BBB", "AAA"]
    assert [(e["symbol"], e["code"]) for e in body["errors"]] == [("CCC", "NO_FEATURES"), ("ZZZ", "UNKNOWN_SYMBOL")]
    assert [p["meetsThreshold"] for p in body["predictions"]] == [False, True]
    first = body["predictions"][0]
    assert (first["direction"], first["mlScore"], first["confidence"]) == ("DOWN", 30.0, 0.45)
    assert "weightApplied" not in first
    assert "featureImportance" not in first
    assert body["metadata"]["modelVersions"] == ["linear-7d-1"]
    assert (body["metadata"]["asOf"], body["metadata"]["dataVersion"]) == ("2020-01-03", "v1")
    assert len(asked.questions) == 1


def test_every_field_reaches_the_question() -> None:
    asked = Asked(forecast())
    body = {
        "symbols": ["AAA"],
        "horizon": "1m",
        "models": ["trees", "linear"],
        "ensemble_method": "stacking",
        "confidence_threshold": 0.6,
        "include_feature_importance": True,
        "as_of": "2020-01-02",
        "timeout": 250,
    }
    [prediction] = predict(PredictQuery.parse(body), UNIVERSE, asked).predictions
    assert asked.questions == [(np.datetime64("2020-01-02"), "30d", ("linear", "trees"), "stacking", 250)]
    assert prediction["featureImportance"] == [{"feature": "rsi", "importance": 0.5, "scope": "model"}]
    assert prediction["meetsThreshold"] is False


def test_without_a_forecast_every_symbol_says_why() -> None:
    found = predict(PredictQuery.parse({"symbols": ["AAA", "ZZZ"]}), UNIVERSE, Asked(MlUnavailable("DISABLED", "off")))
    assert found.predictions == ()
    assert [e["code"] for e in found.errors] == ["DISABLED", "UNKNOWN_SYMBOL"]
    assert found.to_dict()["metadata"] == {"horizon": "7d", "count": 0, "modelVersions": []}


def test_what_would_have_to_be_waited_for_is_left_to_whoever_may_wait() -> None:
    query = PredictQuery.parse({"symbols": ["AAA"]})
    assert predict(query, UNIVERSE, Asked(forecast(), ready=False), waiting=False) is None
    assert predict(query, UNIVERSE, Asked(forecast(), ready=True), waiting=False) is not None


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"symbols": []}, "symbols"),
        ({"symbols": "AAA"}, "symbols"),
        ({"symbols": ["AAA"] * 101}, "symbols"),
        ({}, "symbols"),
        ({"symbols": ["AAA"], "horizon": "1h"}, "horizon"),
        ({"symbols": ["AAA"], "models": ["gpt"]}, "models"),
        ({"symbols": ["AAA"], "ensemble_method": "mean"}, "ensemble_method"),
        ({"symbols": ["AAA"], "confidence_threshold": 2}, "confidence_threshold"),
        ({"symbols": ["AAA"], "timeout": 1}, "timeout"),
        ({"symbols": ["AAA"], "as_of": "yesterday"}, "as_of"),
        ({"symbols": ["AAA"], "include_feature_importance": "yes"}, "include_feature_importance"),
    ],
)
def test_a_wrong_field_is_named_as_the_caller_spells_it(wrong, field) -> None:
    with pytest.raises(InvalidField) as caught:
        PredictQuery.parse(wrong)
    assert caught.value.field == field
    assert caught.value.message.startswith(f"{field}: ")
    assert "ml_" not in caught.value.message
    assert isinstance(caught.value, UnsupportedHorizon) == (field == "horizon")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(("symbols", "horizon", "models", "ensemble_method", "confidence_threshold", "as_of", "timeout"))


@given(anything | st.dictionaries(names, anything))
def test_whatever_is_sent_is_a_query_or_one_of_our_errors(body) -> None:
    with contextlib.suppress(VfrError):
        PredictQuery.parse(body)
