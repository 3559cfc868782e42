"""Joined fragments are byte for byte what a whole answer renders to."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.api.rendering import rendered, rendered_again
from vfr.scoring.explain import Reasoning
from vfr.workflows.answer import Answer, FactorLine, MlPrediction, Stock, SymbolError
from vfr.workflows.forecaster import MlUnavailable
from vfr.workflows.repeated import Repeated

texts = st.text(st.characters(codec="utf-8"), max_size=12)
figures = st.floats(allow_nan=False, allow_infinity=False) | st.none()
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | figures | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
reasonings = st.builds(Reasoning, *[st.lists(texts, max_size=2).map(tuple)] * 3)
FACTORS = ("technical", "fundamental", "macro", "sentiment", "alternative")


def line(name: str, value: float | None, reason: str) -> FactorLine:
    made: FactorLine = {
        "name": name,
        "factor": "macro",
        "value": value,
        "unit": "x",
        "score": value,
        "weight": 0.5,
        "contribution": 1.5,
        "source": name,
        "asOf": None,
    }
    return made if value is not None else made | {"reason": reason}


@st.composite
def predictions(draw: st.DrawFn) -> MlPrediction | MlUnavailable | None:
    if draw(st.booleans()):
        return draw(st.sampled_from([None, MlUnavailable("TRAINING", "on their way")]))
    body = {"modelId": draw(texts), "members": draw(st.lists(plain, max_size=3)), "weightApplied": draw(figures)}
    return MlPrediction(0.1, 50.0, body | {"featureImportance": draw(st.lists(plain, max_size=2)), "fromCache": True})


@st.composite
def stocks(draw: st.DrawFn) -> Stock:
    return Stock(
        symbol=draw(texts),
        name=draw(texts),
        price=draw(st.floats(0, 1e9)),
        change=draw(figures),
        change_percent=draw(figures),
        market_cap=draw(figures),
        sector=draw(texts | st.none()),
        as_of="2020-01-02",
        composite=draw(st.floats(0, 100)),
        recommendation="HOLD",
        confidence=draw(st.integers(0, 100)),
        coverage=draw(st.floats(0, 1)),
        scores=dict.fromkeys(FACTORS, draw(figures)),
        factors=tuple(draw(st.lists(st.builds(line, texts, figures, texts), max_size=3))),
        reasoning=draw(reasonings),
        classic=draw(st.floats(0, 100)),
        classic_recommendation="BUY",
        ml=draw(predictions()),
        stale=draw(st.booleans()),
    )


@settings(deadline=None)
@given(
    shown=st.lists(stocks(), max_size=3),
    failed=st.lists(st.builds(SymbolError, texts, st.just("NO_DATA"), texts), max_size=2),
    metadata=st.dictionaries(texts, plain, max_size=4),
)
def test_joined_fragments_are_the_whole(
    shown: list[Stock], failed: list[SymbolError], metadata: dict[str, Any]
) -> None:
    answer = Answer(tuple(shown), tuple(failed), metadata)
    whole = orjson.dumps({"success": True, "data": answer.to_dict()})
    assert rendered(answer) == whole
    assert rendered(answer) == whole, "the second time from what was kept"


@settings(deadline=None)
@given(
    shown=st.lists(stocks(), min_size=1, max_size=3),
    metadata=st.dictionaries(texts, plain, max_size=4),
    latency=st.none() | st.floats(0, 1e6).map(lambda ms: round(ms, 3)),
    ids=st.lists(st.text("abcXYZ019._-", min_size=8, max_size=64), min_size=2, max_size=2),
    timestamp=st.integers(0, 2**53),
)
def test_an_answer_given_again_renders_to_the_whole_with_its_own_figures(
    shown: list[Stock], metadata: dict[str, Any], latency: float | None, ids: list[str], timestamp: int
) -> None:
    about = metadata | {"timestamp": 1, "requestId": "first", "mlEnhancement": {"mlLatency": latency and 0.5}}
    first = Answer(tuple(shown), (), about)
    for request_id in ids:
        again = Repeated(first, request_id, timestamp, latency)
        data = again.to_dict()
        assert rendered_again(again) == orjson.dumps({"success": True, "data": data})
        assert (data["metadata"]["requestId"], data["metadata"]["timestamp"]) == (request_id, timestamp)
        assert data["metadata"]["mlEnhancement"]["mlLatency"] == latency
        for stock in data["stocks"]:
            assert not latency or stock.get("mlPrediction", {"latencyMs": latency})["latencyMs"] == latency
