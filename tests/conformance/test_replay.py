"""The server itself: a fault that is not really played would make every test of this folder pass for nothing."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

import pytest
from tests.conformance.faults import WIRE
from tests.conformance.replay import Asked, Fault, Replay, document, rewrite


def _play(asked: Asked):
    return document({"path": asked.path, "asked": dict(asked.params)}) if asked.path.startswith("/known") else None


def _get(replay: Replay, path: str, timeout: float = 5.0) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(replay.url).netloc, timeout=timeout)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
    finally:
        connection.close()


def test_a_healthy_document_arrives_and_is_recorded():
    with Replay(_play) as replay:
        status, _, body = _get(replay, "/known/one?a=1&b=x%20y")
        assert (status, json.loads(body)) == (200, {"path": "/known/one", "asked": {"a": "1", "b": "x y"}})
        assert replay.paths() == ["/known/one"]
        assert replay.faulty == 0


def test_a_page_that_the_vendor_does_not_have_is_a_404():
    with Replay(_play) as replay:
        assert _get(replay, "/elsewhere")[0] == 404


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [("throttled_with_time", 429, "7"), ("throttled", 429, None), ("server_error", 500, None)],
)
def test_a_refusal_has_its_status_and_header(fault: str, status: int, header: str | None):
    with Replay(_play, Fault(WIRE[fault])) as replay:
        got, headers, _ = _get(replay, "/known")
        assert (got, headers.get("retry-after")) == (status, header)


def test_a_half_sent_body_is_shorter_than_promised():
    with Replay(_play, Fault(WIRE["half_sent"])) as replay, pytest.raises(http.client.IncompleteRead):
        _get(replay, "/known")


def test_a_cut_body_is_as_long_as_promised_and_no_json():
    with Replay(_play, Fault(WIRE["cut"])) as replay:
        status, headers, body = _get(replay, "/known")
        assert (status, int(headers["content-length"])) == (200, len(body))
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)


def test_a_late_answer_outlasts_the_client():
    with Replay(_play, Fault(WIRE["late"])) as replay, pytest.raises(TimeoutError):
        _get(replay, "/known", timeout=0.1)


def test_a_fault_heals_after_its_number_of_requests_and_touches_only_its_pages():
    with Replay(_play, Fault(WIRE["server_error"], where="/known/b", times=2)) as replay:
        assert [_get(replay, f"/known/{page}")[0] for page in "abab" + "b"] == [200, 500, 200, 500, 200]
        assert (replay.faulty, len(replay.asked)) == (2, 5)


def test_a_fault_of_content_changes_what_the_document_says():
    with Replay(_play, Fault(rewrite(lambda body: body | {"path": "changed"}))) as replay:
        assert json.loads(_get(replay, "/known")[2])["path"] == "changed"
