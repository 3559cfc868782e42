"""The OpenAPI document is the contract: a snapshot guards it, and answers are held to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from vfr.api import openapi, schemas, schemas_analyze
from vfr.api.shapes import Success

SNAPSHOT = Path(__file__).with_name("openapi.json")


def test_the_document_is_the_snapshot(client: Any) -> None:
    document = client.get("/openapi.json").json()
    document["info"]["version"] = "x"
    rendered = json.dumps(document, indent=1, sort_keys=True) + "\n"
    if not SNAPSHOT.exists():
        SNAPSHOT.write_text(rendered)
        pytest.fail(f"{SNAPSHOT.name} was missing and has been written: read it, then run again")
    assert rendered == SNAPSHOT.read_text(), (
        f"the contract changed; if that is wanted, delete {SNAPSHOT.name}, run twice"
    )


def test_the_document_is_made_once(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/openapi.json")
    monkeypatch.setattr(openapi, "document", lambda api: pytest.fail("strangers may ask for it as often as they like"))
    assert client.get("/openapi.json").content == first.content
    assert first.headers["content-type"] == "application/json"


CONTRACT = {
    "AnalyzeBody": """mode symbols sector limit as_of config include_ml ml_horizon ml_confidence_threshold ml_weight
        ml_models ml_method ml_timeout sessionId""",
    "Stock": """symbol name price priceChange priceChangePercent marketCap sector asOf compositeScore recommendation
        confidence coverage technicalScore fundamentalScore macroeconomicScore sentimentScore alternativeScore factors
        reasoning classicScore classicRecommendation mlPrediction mlUnavailable""",
    "Reasoning": "primaryFactors warnings opportunities",
    "FactorLine": "value score weight contribution source asOf reason",
    "MlPrediction": """modelId modelType horizon direction prediction probability expectedReturn interval confidence
        weightApplied members agreement featureImportance latencyMs fromCache timestamp""",
    "Member": "model version probability weight latencyMs status",
    "MlUnavailable": "code message",
    "Metadata": """mode count timestamp sources requestId dataVersion analysisInputServices technicalAnalysisEnabled
        fundamentalDataEnabled analystDataEnabled sentimentAnalysisEnabled macroeconomicAnalysisEnabled
        esgAnalysisEnabled shortInterestAnalysisEnabled extendedMarketDataEnabled priceAdjustment mlEnhancement
        mlEnhancementEnabled""",
    "MlEnhancement": """mlEnabled mlAvailable mlEnhancementApplied mlFallbackUsed mlPredictionsCount mlLatency
        mlAverageConfidence modelVersions reason""",
    "SearchResult": "symbol name exchange type currency matchScore",
    "HistoryData": "symbol adjustment bars",
    "SectorData": "sector symbols",
    "Failure": "success error code requestId",
}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_fields_of_the_contract_are_there(client: Any, name: str) -> None:
    documented = client.get("/openapi.json").json()["components"]["schemas"][name]["properties"]
    assert set(documented) >= set(CONTRACT[name].split())


ANSWERS = [
    ("GET", "/api/stocks/analyze", schemas.StatusData),
    ("GET", "/api/health", schemas.HealthData),
    ("GET", "/api/health/ready", schemas.ReadyData),
    ("GET", "/api/stocks/search?query=a", schemas.SearchData),
    ("GET", "/api/stocks/AAPL/history?limit=3", schemas.HistoryData),
    ("GET", "/api/stocks/by-sector?sector=energy", schemas.SectorData),
    ("GET", "/api/stocks/sector-rankings", schemas.RankingsData),
    ("GET", "/api/ml/models", schemas.ModelsData),
    ("POST", "/api/stocks/analyze", schemas_analyze.AnalyzeData),
]


@pytest.mark.parametrize("include_ml", [False, True])
@pytest.mark.parametrize(("method", "path", "shape"), ANSWERS, ids=lambda value: str(value).rsplit(".", 1)[-1])
def test_answers_have_the_documented_shape_and_no_other_field(
    client: Any, method: str, path: str, shape: Any, include_ml: bool
) -> None:
    body = {"mode": "multiple", "symbols": ["AAPL", "XOM", "ZZZZ"], "include_ml": include_ml}
    response = client.request(method, path, **({"json": body} if method == "POST" else {}))
    assert response.status_code == 200
    TypeAdapter(Success[shape]).validate_json(response.content, strict=True, extra="forbid", by_alias=True)
