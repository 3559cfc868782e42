"""POST /api/stocks/analyze: good answers, every kind of bad input, and many at once."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event
from time import sleep
from typing import Any

import pytest

from vfr import bootstrap
from vfr.settings import Settings
from vfr.workflows.forecaster import MlUnavailable

URL = "/api/stocks/analyze"
Json = dict[str, Any]


def post(client: Any, body: object) -> Any:
    return client.post(URL, content=json.dumps(body), headers={"Content-Type": "application/json"})


def test_multiple_answers_every_symbol_once_best_first(client: Any) -> None:
    response = post(client, {"mode": "multiple", "symbols": ["xom", " JPM", "AAPL", "aapl"]})
    assert response.status_code == 200
    body = response.json()
    assert body["success"] is True
    stocks = body["data"]["stocks"]
    assert sorted(s["symbol"] for s in stocks) == ["AAPL", "JPM", "XOM"]
    scores = [s["compositeScore"] for s in stocks]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 100 for score in scores)
    assert body["data"]["metadata"]["requestId"] == response.headers["x-request-id"]
    assert body["data"]["metadata"]["count"] == 3


def test_no_ml_key_without_ml(client: Any) -> None:
    text = post(client, {"mode": "single", "symbols": ["AAPL"]}).text
    assert '"ml' not in text
    assert "classicScore" not in text


def test_ml_without_models_says_so_beside_the_classic_answer(client: Any) -> None:
    body = post(client, {"mode": "single", "symbols": ["AAPL"], "include_ml": True}).json()
    stock = body["data"]["stocks"][0]
    assert stock["mlUnavailable"]["code"] == "NO_MODEL"
    assert stock["classicScore"] == stock["compositeScore"]
    assert body["data"]["metadata"]["mlEnhancementEnabled"] is False


def test_config_symbol_wins_in_single_mode(client: Any) -> None:
    body = post(client, {"mode": "single", "symbols": ["AAPL"], "config": {"symbol": "jpm", "timeout": 5}}).json()
    assert [s["symbol"] for s in body["data"]["stocks"]] == ["JPM"]


def test_sector_is_cut_by_limit(client: Any) -> None:
    whole = post(client, {"mode": "sector", "sector": "Energy"}).json()["data"]["stocks"]
    cut = post(client, {"mode": "sector", "sector": "ENERGY", "limit": 1}).json()["data"]["stocks"]
    assert len(whole) > 1
    assert cut == whole[:1]


def test_unknown_fields_are_ignored(client: Any) -> None:
    assert post(client, {"mode": "single", "symbols": ["AAPL"], "theme": "dark"}).status_code == 200


def test_as_of_answers_as_it_was(client: Any) -> None:
    stock = post(client, {"mode": "single", "symbols": ["AAPL"], "as_of": "2015-06-28"}).json()["data"]["stocks"][0]
    assert stock["asOf"] == "2015-06-26"


def test_partial_success_lists_the_unknown(client: Any) -> None:
    data = post(client, {"mode": "multiple", "symbols": ["AAPL", "ZZZZ"]}).json()["data"]
    assert [s["symbol"] for s in data["stocks"]] == ["AAPL"]
    assert [(e["symbol"], e["code"]) for e in data["errors"]] == [("ZZZZ", "UNKNOWN_SYMBOL")]


def test_all_unknown_is_404(client: Any, failure: Any) -> None:
    message = failure(post(client, {"mode": "multiple", "symbols": ["ZZZZ", "BRK.B"]}), 404, "UNKNOWN_SYMBOL")
    assert "ZZZZ" in message
    assert "BRK.B" in message


def test_unknown_sector_is_404_and_names_the_known(client: Any, failure: Any) -> None:
    assert "Energy" in failure(post(client, {"mode": "sector", "sector": "Magic"}), 404, "UNKNOWN_SECTOR")


@pytest.mark.parametrize("path", ["/api/stocks/analyze", "/api/ml/predict"])
def test_a_day_before_the_data_or_to_come_is_a_wrong_field_that_names_the_limit(
    client: Any, failure: Any, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("vfr.workflows.query.utc_now", lambda: datetime(2024, 3, 1, 23, 30, tzinfo=UTC))
    for day, limit in (("1950-01-03", "1990-01-02"), ("2024-03-02", "2024-03-01")):
        response = client.post(path, json={"mode": "single", "symbols": ["AAPL"], "as_of": day})
        assert limit in failure(response, 422, "INVALID_FIELD")
        assert response.json()["field"] == "as_of"


def test_today_is_the_latest_session(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vfr.workflows.query.utc_now", lambda: datetime(2024, 3, 1, 23, 30, tzinfo=UTC))
    asked = {"mode": "single", "symbols": ["AAPL"]}
    today, latest = (post(client, asked | more).json()["data"]["stocks"] for more in ({"as_of": "2024-03-01"}, {}))
    assert [stock["asOf"] for stock in today] == [stock["asOf"] for stock in latest]


AAPL: Json = {"mode": "single", "symbols": ["AAPL"]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "mode"),
        ({"mode": "every"}, "mode"),
        ({"mode": 7}, "mode"),
        ([], "body"),
        ("AAPL", "body"),
        (None, "body"),
        ({"mode": "single"}, "symbols"),
        ({"mode": "multiple", "symbols": []}, "symbols"),
        ({"mode": "multiple", "symbols": "AAPL"}, "symbols"),
        ({"mode": "multiple", "symbols": [7]}, "symbols"),
        ({"mode": "multiple", "symbols": [f"A{n}" for n in range(101)]}, "symbols"),
        ({"mode": "multiple", "symbols": ["../../etc"]}, "symbols"),
        ({"mode": "multiple", "symbols": ["AA\u0000PL"]}, "symbols"),
        ({"mode": "multiple", "symbols": ["AAPL\n"]}, "symbols"),
        ({"mode": "multiple", "symbols": ["\u202eAAPL"]}, "symbols"),
        ({"mode": "multiple", "symbols": ["'; DROP TABLE"]}, "symbols"),
        ({"mode": "multiple", "symbols": [""]}, "symbols"),
        ({"mode": "sector"}, "sector"),
        ({"mode": "sector", "sector": 45}, "sector"),
        ({"mode": "sector", "sector": "a\u0007b"}, "sector"),
        ({**AAPL, "limit": 0}, "limit"),
        ({**AAPL, "limit": 51}, "limit"),
        ({**AAPL, "limit": "ten"}, "limit"),
        ({**AAPL, "limit": True}, "limit"),
        ({**AAPL, "limit": 1e308}, "limit"),
        ({**AAPL, "as_of": "yesterday"}, "as_of"),
        ({**AAPL, "as_of": "2019-02-30"}, "as_of"),
        ({**AAPL, "include_ml": "yes"}, "include_ml"),
        ({**AAPL, "ml_confidence_threshold": 1.5}, "ml_confidence_threshold"),
        ({**AAPL, "ml_weight": -0.1}, "ml_weight"),
        ({**AAPL, "ml_weight": "0.1"}, "ml_weight"),
        ({**AAPL, "ml_models": ["oracle"]}, "ml_models"),
        ({**AAPL, "ml_models": []}, "ml_models"),
        ({**AAPL, "ml_method": "best"}, "ml_method"),
        ({**AAPL, "ml_timeout": 9}, "ml_timeout"),
        ({**AAPL, "ml_timeout": 30_001}, "ml_timeout"),
        ({**AAPL, "config": []}, "config"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_wrong_field_is_named(client: Any, failure: Any, body: object, field: str) -> None:
    response = post(client, body)
    failure(response, 422, "INVALID_FIELD")
    assert response.json()["field"] == field


@pytest.mark.parametrize("horizon", ["1h", "4h", "2d", "", 7])
def test_an_unsupported_horizon_names_the_supported(client: Any, failure: Any, horizon: object) -> None:
    message = failure(post(client, {**AAPL, "ml_horizon": horizon}), 422, "UNSUPPORTED_HORIZON")
    assert all(name in message for name in ("1d", "7d", "30d"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'mode': 'single'}",
        b'{"mode": "single",}',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 01}',
        b"\xff\xfe{}",
        b'{"a": "\xc3\x28"}',
        b"\xef\xbb\xbf{}",
        b'{"mode": "single"} trailing',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"a": "\x00"}',
    ],
    ids=range(14),
)
def test_malformed_json_is_400(client: Any, failure: Any, body: bytes) -> None:
    response = client.post(URL, content=body, headers={"Content-Type": "application/json"})
    failure(response, 400, "MALFORMED_JSON")


@pytest.mark.parametrize("text", ['{"mode": "\\ud800"}', '{"mode": "single", "symbols": ["\\udfff"]}'])
def test_half_a_surrogate_pair_is_refused(client: Any, text: str) -> None:
    response = client.post(URL, content=text.encode(), headers={"Content-Type": "application/json"})
    assert response.status_code in (400, 422)
    assert response.json()["success"] is False


def test_a_body_of_one_megabyte_is_413(client: Any, failure: Any) -> None:
    body = json.dumps({**AAPL, "padding": "x" * 1_000_000}).encode()
    failure(client.post(URL, content=body, headers={"Content-Type": "application/json"}), 413, "BODY_TOO_LARGE")


def test_a_body_without_declared_length_is_cut_off(client: Any, failure: Any) -> None:
    read = 0

    async def chunks() -> Any:
        nonlocal read
        for _ in range(64):
            read += 65_536
            yield b"x" * 65_536

    failure(client.post(URL, content=chunks(), headers={"Content-Type": "application/json"}), 413, "BODY_TOO_LARGE")
    assert read <= 6 * 65_536


def test_status(client: Any) -> None:
    data = client.get(URL).json()["data"]
    assert data["status"] == "operational"
    assert data["services"]["prices"]["available"] is True
    assert data["services"]["volume"]["available"] is False
    assert data["timestamp"] > 1_600_000_000_000


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_are_405(client: Any, failure: Any, method: str) -> None:
    response = client.request(method, URL, json=AAPL)
    failure(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "GET, HEAD, POST"


def test_a_405_names_the_methods_of_every_route_of_the_path(client: Any, failure: Any) -> None:
    response = client.request("PUT", "/api/admin/users/x")
    failure(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["allow"] == "DELETE, GET, POST"


def test_fifty_at_once_get_the_same_answer(client: Any) -> None:
    bodies = [{"mode": "multiple", "symbols": ["AAPL", "JPM"], "ml_weight": n / 50} for n in range(50)]
    responses = client.at_once([("POST", URL, {"json": body}) for body in bodies])
    assert {r.status_code for r in responses} == {200}
    assert len({r.headers["x-request-id"] for r in responses}) == 50
    assert len({json.dumps(r.json()["data"]["stocks"]) for r in responses}) == 1


def test_more_than_the_line_holds_is_503(home: Any, client_of: Any, failure: Any) -> None:
    application = bootstrap.build(Settings(data_home=home, request_threads=1, request_queue=1))

    class Slow:
        def at(self, day: Any) -> Any:
            sleep(0.2)
            return application.boards.at(day)

        def ready(self, _day: Any) -> None:
            """Return nothing: whoever asks has to wait."""

    responses = client_of(replace(application, boards=Slow())).at_once([("POST", URL, {"json": AAPL})] * 20)
    refused = [r for r in responses if r.status_code == 503]
    assert 0 < len(refused) < 20
    for response in refused:
        failure(response, 503, "OVERLOADED")
        assert response.headers["retry-after"] == "1"


def test_classic_answers_do_not_wait_for_machine_learning(
    application: Any, client_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, released = Event(), []

    class Stuck:
        def at(self, *_: Any) -> MlUnavailable:
            released.append(free.wait(20))
            return MlUnavailable("TIMEOUT", "stuck")

        def ready(self, *_: Any) -> None:
            """Return nothing: whoever asks has to wait."""

    monkeypatch.setattr("vfr.api.application.ML_THREADS", 2)
    monkeypatch.setattr("vfr.api.application.ML_QUEUE", 1)
    client = client_of(replace(application, forecaster=Stuck()))
    stuck = [("GET", "/api/ml/health", {}), *[("POST", URL, {"json": {**AAPL, "include_ml": True}})] * 3]
    others = [("POST", URL, {"json": AAPL}), ("GET", "/api/health/ready", {})]

    async def ask() -> tuple[list[Any], list[Any], bool]:
        async with client.session() as session:
            waiting = [asyncio.create_task(session.request(m, url, **how)) for m, url, how in stuck]
            try:
                answers = [await session.request(m, url, **how) for m, url, how in others]
                early = not released
            finally:
                free.set()
            return answers, await asyncio.gather(*waiting), early

    assert post(client, AAPL).status_code == 200
    answers, (_, *late), early = asyncio.run(ask())
    assert early
    assert [r.status_code for r in answers] == [200, 200]
    assert [r.status_code for r in late] == [200, 200, 200]
    said = [r.json()["data"]["stocks"][0] for r in late]
    assert {stock["mlUnavailable"]["code"] for stock in said} == {"TIMEOUT"}
    assert sum("too many" in stock["mlUnavailable"]["message"] for stock in said) == 1
    assert len({stock["classicScore"] for stock in said}) == 1


def test_what_needs_no_waiting_takes_no_thread(client_with: Any) -> None:
    client = client_with(request_threads=1, request_queue=1)
    assert post(client, AAPL).status_code == 200
    responses = client.at_once([("POST", URL, {"json": AAPL})] * 50)
    assert {r.status_code for r in responses} == {200}


def test_a_ready_answer_is_the_one_that_was_waited_for(client_with: Any) -> None:
    client = client_with()
    body = {"mode": "multiple", "symbols": ["AAPL", "JPM", "ZZZZ"]}
    first, second = (post(client, body) for _ in range(2))
    bodies = [response.json() for response in (first, second)]
    for one in bodies:
        del one["data"]["metadata"]["timestamp"], one["data"]["metadata"]["requestId"]
    assert bodies[0] == bodies[1]
    assert set(first.headers) == set(second.headers)


@pytest.mark.parametrize("warm", [False, True])
def test_errors_are_the_same_on_the_way_without_waiting(client_with: Any, failure: Any, warm: bool) -> None:
    client = client_with()
    if warm:
        assert post(client, AAPL).status_code == 200
    failure(post(client, {"mode": "single", "symbols": ["ZZZZ"]}), 404, "UNKNOWN_SYMBOL")
    failure(post(client, {"mode": "sector", "sector": "Magic"}), 404, "UNKNOWN_SECTOR")
