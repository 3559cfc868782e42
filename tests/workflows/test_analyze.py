from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfr.errors import NoData, UnknownSector
from vfr.factors.compute import compute_board
from vfr.factors.registry import SUB_FACTORS
from vfr.factors.scores import Reason
from vfr.scoring.table import DEFAULT
from vfr.workflows.analyze import analyze
from vfr.workflows.forecaster import Forecast, MemberForecast, MlUnavailable
from vfr.workflows.prepared import Prepared
from vfr.workflows.query import AnalyzeQuery

NAN = np.nan
ID = "request-1"


@pytest.fixture(scope="module")
def board(seeded_snapshot):
    return compute_board(seeded_snapshot)


def ask(board, forecast=None, /, table=DEFAULT, **body):
    query = AnalyzeQuery.parse({"mode": "multiple"} | body)
    return analyze(query, board_at=lambda _day: board, forecast=forecast, table=table, request_id=ID)


def data(board, forecast=None, /, **body):
    """The contract's object, through JSON, so that nothing but plain types passes."""
    return json.loads(json.dumps(ask(board, forecast, **body).to_dict(), allow_nan=False))


number, maybe = (int, float), (int, float, type(None))
STOCK = {
    "symbol": str,
    "name": str,
    "price": number,
    "priceChange": maybe,
    "priceChangePercent": maybe,
    "marketCap": maybe,
    "sector": (str, type(None)),
    "asOf": str,
    "stale": bool,
    "compositeScore": number,
    "recommendation": str,
    "confidence": int,
    "coverage": number,
    "technicalScore": maybe,
    "fundamentalScore": maybe,
    "macroeconomicScore": maybe,
    "sentimentScore": maybe,
    "alternativeScore": maybe,
    "factors": list,
    "reasoning": dict,
}
LINE = {
    "name": str,
    "factor": str,
    "value": maybe,
    "unit": str,
    "score": maybe,
    "weight": number,
    "contribution": number,
    "source": str,
    "asOf": (str, type(None)),
}
FLAGS = [
    "technicalAnalysisEnabled",
    "fundamentalDataEnabled",
    "analystDataEnabled",
    "sentimentAnalysisEnabled",
    "macroeconomicAnalysisEnabled",
    "esgAnalysisEnabled",
    "shortInterestAnalysisEnabled",
    "extendedMarketDataEnabled",
]
METADATA = {
    "mode": str,
    "count": int,
    "timestamp": int,
    "sources": list,
    "requestId": str,
    "dataVersion": str,
    "dataName": str,
    "asOf": str,
    "dataAge": dict,
    "warnings": list,
    "analysisInputServices": dict,
    **dict.fromkeys(FLAGS, bool),
    "priceAdjustment": str,
}


def check(body, expected):
    assert list(body) == list(expected)
    for key, kind in expected.items():
        assert isinstance(body[key], kind), key
        assert kind is bool or not isinstance(body[key], bool), key


def test_every_field_of_the_contract_is_there_with_its_type_and_no_other(board):
    found = data(board, symbols=list(board.scores.symbols))
    assert list(found) == ["stocks", "errors", "metadata"]
    assert len(found["stocks"]) == 60
    for stock in found["stocks"]:
        check(stock, STOCK)
        assert list(stock["reasoning"]) == ["primaryFactors", "warnings", "opportunities"]
        assert [line["name"] for line in stock["factors"]] == list(SUB_FACTORS)
        for line in stock["factors"]:
            check({k: v for k, v in line.items() if k != "reason"}, LINE)
            assert (line["score"] is None) == (line.get("reason") in Reason.__members__)
    check(found["metadata"], METADATA)
    for service in found["metadata"]["analysisInputServices"].values():
        assert list(service) == ["enabled", "status", "weight"]


def test_contributions_sum_to_the_score_and_weights_to_one(board):
    for stock in data(board, symbols=list(board.scores.symbols))["stocks"]:
        assert sum(line["contribution"] for line in stock["factors"]) == pytest.approx(
            stock["compositeScore"], abs=1e-6
        )
        assert sum(line["weight"] for line in stock["factors"]) == pytest.approx(1.0, abs=1e-6)


def test_quotes_are_those_of_the_board(board):
    (stock,) = data(board, symbols=["SYNAA"])["stocks"]
    price, change = float(board.price[0]), float(board.change[0])
    assert stock["price"] == pytest.approx(price, abs=1e-6)
    assert stock["priceChange"] == pytest.approx(change, abs=1e-6)
    assert stock["priceChangePercent"] == pytest.approx(100 * change / (price - change), abs=1e-5)
    assert stock["marketCap"] == pytest.approx(float(board.scores.market_cap[0, 0]), abs=0.01)
    assert stock["asOf"] == str(board.as_of)


def test_symbols_are_answered_once_best_first(board):
    asked = ["SYNAF", "SYNAC", "synaf", "SYNAA"]
    stocks = data(board, symbols=asked)["stocks"]
    assert sorted(s["symbol"] for s in stocks) == ["SYNAA", "SYNAC", "SYNAF"]
    keys = [(-s["compositeScore"], s["symbol"]) for s in stocks]
    assert keys == sorted(keys)


def test_limit_does_not_cut_multiple_mode(board):
    assert len(data(board, symbols=list(board.scores.symbols)[:12], limit=3)["stocks"]) == 12


@settings(max_examples=20)
@given(order=st.permutations(range(8)))
def test_the_order_asked_in_changes_nothing(board, order):
    symbols = board.scores.symbols
    plain = data(board, symbols=list(symbols[:8]))
    mixed = data(board, symbols=[symbols[i] for i in order])
    plain["metadata"].pop("timestamp"), mixed["metadata"].pop("timestamp")
    assert mixed == plain


def test_a_symbol_alone_has_the_score_it_has_among_others(board):
    together = {s["symbol"]: s for s in data(board, symbols=list(board.scores.symbols))["stocks"]}
    for symbol in board.scores.symbols[:6]:
        assert data(board, symbols=[symbol])["stocks"] == [together[symbol]]


def test_errors_are_listed_and_the_others_answered(board):
    found = ask(board, symbols=["SYNAA", "ZZZZ"])
    assert [s.symbol for s in found.stocks] == ["SYNAA"]
    assert found.to_dict()["errors"] == [
        {"symbol": "ZZZZ", "code": "UNKNOWN_SYMBOL", "message": "ZZZZ: not in the installed data"}
    ]
    assert found.failed_status is None


def without(board, column):
    """The board, had nothing ever been known of one symbol."""
    scores = board.scores
    points, reason = scores.score.copy(), scores.reason.copy()
    points[:, :, column], reason[:, :, column] = NAN, Reason.NO_HISTORY
    price, last_bar = board.price.copy(), board.last_bar.copy()
    price[column], last_bar[column] = NAN, np.datetime64("NaT")
    return replace(board, price=price, last_bar=last_bar, scores=replace(scores, score=points, reason=reason))


def test_all_failing_says_unknown_or_no_data(board):
    assert ask(board, symbols=["ZZZZ", "ZZZY"]).failed_status == 404
    empty = without(board, 0)
    found = ask(empty, symbols=["SYNAA", "ZZZZ"])
    assert found.failed_status == 503
    assert {e.symbol: e.code for e in found.errors} == {"SYNAA": "NO_DATA", "ZZZZ": "UNKNOWN_SYMBOL"}
    assert ask(empty, symbols=["SYNAA"]).failed_status == 503
    assert ask(empty, symbols=["SYNAB", "SYNAA"]).failed_status is None


def test_unknown_is_null_never_zero_or_fifty(board):
    scores = board.scores
    points, reason = scores.score.copy(), scores.reason.copy()
    rows = [k for k, name in enumerate(scores.names) if name.startswith("sentiment.")]
    points[rows], reason[rows] = NAN, Reason.STALE
    found = data(replace(board, scores=replace(scores, score=points, reason=reason)), symbols=["SYNAA"])
    (stock,) = found["stocks"]
    assert stock["sentimentScore"] is None
    lines = [line for line in stock["factors"] if line["factor"] == "sentiment"]
    assert {(line["score"], line["weight"], line["contribution"], line["reason"]) for line in lines} == {
        (None, 0.0, 0.0, "STALE")
    }
    assert stock["coverage"] < 0.9
    assert found["metadata"]["sentimentAnalysisEnabled"] is False
    assert found["metadata"]["analysisInputServices"]["sentimentAnalysis"] == {
        "enabled": False,
        "status": "stale",
        "weight": 0.0,
    }


def test_a_delisted_symbol_is_stale_with_a_warning_and_leaves_its_sector(board):
    column = board.scores.symbols.index("SYNAE")
    assert board.last_bar[column] < board.as_of
    (stock,) = data(board, symbols=["SYNAE"])["stocks"]
    assert stock["stale"] is True
    assert stock["asOf"] == str(board.last_bar[column])
    assert any("No price since" in text for text in stock["reasoning"]["warnings"])
    sector = board.securities.sector[column]
    assert "SYNAE" not in [s["symbol"] for s in data(board, mode="sector", sector=sector, limit=50)["stocks"]]


def test_sector_mode_ranks_the_sector_and_cuts_it(board):
    members = [s for s, name in zip(board.scores.symbols, board.securities.sector, strict=True) if name == "Energy"]
    whole = data(board, mode="sector", sector="ENERGY", limit=50)
    assert sorted(s["symbol"] for s in whole["stocks"]) == sorted(members)
    best = data(board, mode="sector", sector="energy", limit=3)
    assert best["stocks"] == whole["stocks"][:3]
    assert best["metadata"]["count"] == 3
    assert best["errors"] == []


def test_services_weigh_what_the_answered_stocks_used(board):
    for found in (data(board, mode="sector", sector="energy", limit=2), data(board, symbols=["SYNAA", "SYNAE"])):
        for key, factor in [("technicalAnalysis", "technical"), ("macroeconomicAnalysis", "macro")]:
            used = [
                sum(line["weight"] for line in stock["factors"] if line["factor"] == factor)
                for stock in found["stocks"]
            ]
            service = found["metadata"]["analysisInputServices"][key]
            assert service["weight"] == pytest.approx(np.mean(used), abs=1e-6)


def test_an_unknown_sector_is_refused(board):
    with pytest.raises(UnknownSector, match="Energy"):
        data(board, mode="sector", sector="Utilities")


def test_a_day_after_the_data_ends_lowers_confidence_and_says_so(board):
    now = ask(board, symbols=["SYNAA"]).stocks[0]
    later = ask(board, symbols=["SYNAA"], as_of=str(board.as_of + np.timedelta64(60, "D"))).stocks[0]
    assert later.confidence < now.confidence
    assert any("The data ends on" in text for text in later.reasoning.warnings)
    assert later.composite == now.composite


def test_no_data_passes_through():
    def nothing(day):
        raise NoData("no data set is installed")

    with pytest.raises(NoData):
        analyze(AnalyzeQuery.parse({"mode": "single", "symbols": ["A"]}), board_at=nothing, request_id=ID)


def test_a_table_of_ones_own_changes_score_and_tier(board):
    only = dict.fromkeys(DEFAULT.weights, 0.01) | {"fundamental": 0.96}
    found = ask(board, table=replace(DEFAULT, weights=only), symbols=["SYNAA"]).stocks[0]
    assert found.composite != ask(board, symbols=["SYNAA"]).stocks[0].composite
    assert found.composite == pytest.approx(found.scores["fundamental"], abs=3)


def test_a_frame_has_one_row_per_stock(board):
    frame = ask(board, symbols=["SYNAA", "SYNAB"]).to_frame()
    assert frame.shape[0] == 2
    assert {"symbol", "compositeScore", "technicalScore", "recommendation", "mlScore"} <= set(frame.columns)


def test_progress_runs_from_data_to_complete(board):
    seen = []
    query = AnalyzeQuery.parse({"mode": "multiple", "symbols": ["SYNAA"]})
    analyze(query, board_at=lambda _: board, request_id=ID, progress=lambda *event: seen.append(event))
    assert [stage for stage, _, _ in seen] == ["data", "classic", "ranking", "complete"]
    assert [percent for _, _, percent in seen] == sorted(percent for _, _, percent in seen)
    assert seen[-1][2] == 100


# --- machine learning on ---------------------------------------------------------------------------------------------


@dataclass
class Oracle:
    """A forecaster with a given outcome; remembers what it was asked."""

    outcome: Forecast | MlUnavailable
    asked: list = field(default_factory=list)

    def at(self, *question):
        self.asked.append(question)
        return self.outcome


def forecast(board, *, confidence=0.52, **changes):
    symbols = board.scores.symbols
    n = len(symbols)
    rank = (np.arange(n) + 0.5) / n
    member = MemberForecast("linear", "linear-1", "ok", None, np.full(n, 0.56), np.full(n, 0.01), np.ones(n), 2.0)
    absent = MemberForecast(
        "lstm", None, "no_learner", "no learner yet", np.full(n, NAN), np.full(n, NAN), np.zeros(n), 0.0
    )
    facts = {
        "data_version": board.data_version,
        "as_of": board.as_of,
        "horizon": "7d",
        "symbols": symbols,
        "p_up": np.full(n, 0.56),
        "expected_excess": (rank - 0.5) / 50,
        "low": np.full(n, -0.05),
        "high": np.full(n, 0.06),
        "confidence": np.full(n, confidence),
        "level": 0.9,
        "base_rate": 0.54,
        "score": 100 * rank,
        "agreement": np.full(n, NAN),
        "members": (member, absent),
        "method_applied": "equal_weight",
        "note": "equal weights",
        "small_universe": False,
        "importance": (("momentum_12_1", 0.4),),
        "computed_at": 1_700_000_000_000,
        "latency_ms": 3.5,
        "from_cache": True,
    }
    return Forecast(**(facts | changes))


PREDICTION = {
    "modelId": str,
    "modelType": str,
    "horizon": str,
    "direction": str,
    "prediction": number,
    "probability": dict,
    "baseRate": float,
    "expectedReturn": number,
    "expectedReturnIs": str,
    "interval": dict,
    "confidence": number,
    "weightApplied": number,
    "mlScore": number,
    "smallUniverse": bool,
    "methodApplied": str,
    "methodNote": (str, type(None)),
    "members": list,
    "agreement": maybe,
    "featureImportance": list,
    "latencyMs": number,
    "fromCache": bool,
    "timestamp": int,
}
ENHANCEMENT = {
    "mlEnabled": bool,
    "mlAvailable": bool,
    "mlEnhancementApplied": bool,
    "mlFallbackUsed": bool,
    "mlPredictionsCount": int,
    "mlLatency": maybe,
    "mlAverageConfidence": maybe,
    "modelVersions": list,
}


def test_with_ml_every_field_of_the_contract_is_there(board):
    found = data(board, Oracle(forecast(board)), symbols=["SYNAA", "SYNAB"], include_ml=True)
    check(found["metadata"], METADATA | {"mlEnhancement": dict, "mlEnhancementEnabled": bool})
    check(found["metadata"]["mlEnhancement"], ENHANCEMENT | {"smallUniverse": bool})
    assert found["metadata"]["mlEnhancement"]["mlPredictionsCount"] == 2
    assert found["metadata"]["mlEnhancement"]["modelVersions"] == ["linear-1"]
    for stock in found["stocks"]:
        check(stock, STOCK | {"classicScore": number, "classicRecommendation": str, "mlPrediction": dict})
        body = stock["mlPrediction"]
        check(body, PREDICTION)
        assert (body["modelId"], body["modelType"], body["direction"]) == ("linear-1", "linear", "UP")
        assert body["probability"] == {"up": 0.56, "down": 0.44}
        assert body["interval"] == {"low": -0.05, "high": 0.06, "level": 0.9}
        assert body["baseRate"] == 0.54
        assert body["members"] == [
            {
                "model": "linear",
                "version": "linear-1",
                "probability": 0.56,
                "weight": 1.0,
                "latencyMs": 2.0,
                "status": "ok",
            },
            {
                "model": "lstm",
                "version": None,
                "probability": None,
                "weight": 0.0,
                "latencyMs": 0.0,
                "status": "no_learner",
                "reason": "no learner yet",
            },
        ]
        blended = (1 - body["weightApplied"]) * stock["classicScore"] + body["weightApplied"] * body["mlScore"]
        assert stock["compositeScore"] == pytest.approx(blended, abs=1e-4)
        assert body["weightApplied"] == pytest.approx(0.15 * 0.52)
        assert sum(line["contribution"] for line in stock["factors"]) == pytest.approx(stock["classicScore"], abs=1e-6)


def test_the_query_reaches_the_forecaster(board):
    oracle = Oracle(forecast(board, horizon="30d"))
    body = {"ml_horizon": "1m", "ml_models": ["linear"], "ml_method": "voting", "ml_timeout": 77}
    data(board, oracle, symbols=["SYNAA"], include_ml=True, **body)
    assert oracle.asked == [(None, "30d", ("linear",), "voting", 77)]


def test_scores_are_ranked_again_after_the_blend(board):
    classic = [s.symbol for s in ask(board, symbols=list(board.scores.symbols)).stocks]
    oracle = Oracle(forecast(board, confidence=1.0))
    found = ask(board, oracle, symbols=list(board.scores.symbols), include_ml=True, ml_weight=1).stocks
    assert [s.symbol for s in found] == list(reversed(board.scores.symbols))
    assert classic != [s.symbol for s in found]
    assert found[0].recommendation == "STRONG_BUY"
    assert found[0].classic_recommendation != "STRONG_BUY"


def test_sector_mode_cuts_after_the_blend(board):
    oracle = Oracle(forecast(board, confidence=1.0))
    body = {"mode": "sector", "sector": "energy", "include_ml": True, "ml_weight": 1}
    whole = data(board, oracle, limit=50, **body)["stocks"]
    best = data(board, oracle, limit=2, **body)["stocks"]
    assert [s["symbol"] for s in best] == [s["symbol"] for s in whole[:2]]
    assert whole[0]["mlPrediction"]["mlScore"] == max(s["mlPrediction"]["mlScore"] for s in whole)


@pytest.mark.parametrize(
    ("p_up", "direction"),
    [(0.5101, "UP"), (0.5099, "NEUTRAL"), (0.5, "NEUTRAL"), (0.4901, "NEUTRAL"), (0.4899, "DOWN")],
)
def test_direction_is_neutral_near_one_half(board, p_up, direction):
    oracle = Oracle(forecast(board, p_up=np.full(60, p_up)))
    (stock,) = data(board, oracle, symbols=["SYNAA"], include_ml=True)["stocks"]
    assert stock["mlPrediction"]["direction"] == direction


def test_low_confidence_or_no_weight_shows_the_prediction_and_leaves_the_score(board):
    classic = ask(board, symbols=["SYNAA"]).stocks[0].composite
    for oracle, body in [
        (Oracle(forecast(board, confidence=0.49)), {}),
        (Oracle(forecast(board)), {"ml_confidence_threshold": 0.53}),
        (Oracle(forecast(board)), {"ml_weight": 0}),
    ]:
        found = data(board, oracle, symbols=["SYNAA"], include_ml=True, **body)
        assert found["stocks"][0]["mlPrediction"]["weightApplied"] == 0
        assert found["stocks"][0]["compositeScore"] == found["stocks"][0]["classicScore"] == classic
        assert found["metadata"]["mlEnhancement"]["mlEnhancementApplied"] is False


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (MlUnavailable("TRAINING", "the starter models are being trained"), "TRAINING"),
        (MlUnavailable("DISABLED", "switched off: maintenance"), "DISABLED"),
        (None, "NO_MODEL"),
    ],
)
def test_without_a_forecast_the_classic_answer_stands_with_the_reason(board, outcome, code):
    classic = data(board, symbols=["SYNAA", "SYNAB"])
    found = data(board, outcome and Oracle(outcome), symbols=["SYNAA", "SYNAB"], include_ml=True)
    for with_ml, plain in zip(found["stocks"], classic["stocks"], strict=True):
        assert with_ml.pop("mlUnavailable")["code"] == code
        assert with_ml.pop("classicScore") == plain["compositeScore"]
        assert with_ml.pop("classicRecommendation") == plain["recommendation"]
        assert with_ml == plain
    summary = found["metadata"]["mlEnhancement"]
    check(summary, ENHANCEMENT | {"reason": str})
    assert summary["reason"].startswith(code)
    assert summary["mlEnabled"] is (code != "DISABLED")
    assert (summary["mlAvailable"], summary["mlFallbackUsed"], summary["mlPredictionsCount"]) == (False, True, 0)
    assert found["metadata"]["mlEnhancementEnabled"] is False


def test_a_symbol_without_features_has_its_own_reason(board):
    made = forecast(board)
    gaps = {name: getattr(made, name).copy() for name in ("p_up", "expected_excess", "score", "confidence")}
    for values in gaps.values():
        values[0] = NAN
    found = data(board, Oracle(replace(made, **gaps)), symbols=["SYNAA", "SYNAB"], include_ml=True)
    stocks = {s["symbol"]: s for s in found["stocks"]}
    assert stocks["SYNAA"]["mlUnavailable"]["code"] == "NO_FEATURES"
    assert stocks["SYNAA"]["compositeScore"] == stocks["SYNAA"]["classicScore"]
    assert stocks["SYNAB"]["mlPrediction"]["weightApplied"] > 0
    assert found["metadata"]["mlEnhancement"]["mlPredictionsCount"] == 1
    assert found["metadata"]["mlEnhancement"]["mlFallbackUsed"] is True


def test_a_forecast_of_other_data_is_not_used(board):
    oracle = Oracle(forecast(board, data_version="newer"))
    (stock,) = data(board, oracle, symbols=["SYNAA"], include_ml=True)["stocks"]
    assert stock["mlUnavailable"]["code"] == "ML_ERROR"


def test_ml_off_never_asks_and_says_nothing_of_ml(board):
    oracle = Oracle(forecast(board))
    text = json.dumps(data(board, oracle, symbols=["SYNAA"], include_ml=False))
    assert oracle.asked == []
    assert '"ml' not in text
    assert "classicScore" not in text


class Unasked:
    """A forecaster that nobody should ask."""

    def at(self, *_):
        raise AssertionError("a refused forecast was asked for")

    ready = at


@pytest.mark.parametrize("body", [{"symbols": ["SYM01", "SYM02"]}, {"mode": "sector", "sector": "Energy"}])
def test_a_used_up_quota_leaves_the_classic_answer_byte_for_byte(board, body):
    body = {"mode": "multiple"} | body
    if "symbols" in body:
        body["symbols"] = list(board.scores.symbols[:2])
    refused = MlUnavailable("ML_QUOTA", "the day's units are used up")
    query = replace(AnalyzeQuery.parse(body | {"include_ml": True}), ml_refused=refused)
    short = analyze(query, board_at=lambda _day: board, forecast=Unasked(), request_id=ID).to_dict()
    assert short["metadata"].pop("mlEnhancement")["reason"].startswith("ML_QUOTA")
    assert short["metadata"].pop("mlEnhancementEnabled") is False
    for stock in short["stocks"]:
        assert stock.pop("mlUnavailable") == refused.to_dict()
        assert stock.pop("classicScore") == stock["compositeScore"]
        assert stock.pop("classicRecommendation") == stock["recommendation"]
    classic = analyze(AnalyzeQuery.parse(body), board_at=lambda _day: board, request_id=ID).to_dict()
    for answer in (short, classic):
        answer["metadata"].pop("timestamp")
    assert short["stocks"]
    assert json.dumps(short) == json.dumps(classic)


def test_the_classic_part_is_made_while_the_models_are_asked(board):
    held, missing = Prepared(board, DEFAULT, board.as_of), []

    class Asked:
        def at(self, *_):
            missing.append(held.missing(columns))
            return MlUnavailable("TIMEOUT", "not yet")

    symbols = [symbol for symbol, known in zip(board.scores.symbols, held.answered, strict=True) if known][:3]
    columns = [held.where[symbol] for symbol in symbols]
    query = AnalyzeQuery.parse({"mode": "multiple", "symbols": symbols, "include_ml": True})
    analyze(query, board_at=lambda _: board, forecast=Asked(), request_id=ID, prepare=lambda *_: held)
    assert missing == [[]]
