"""Yahoo's transport against a server on this machine: what yfinance asks, how often, and what comes back."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from tests.adapters.live.yahoo_documents import at, chart, flat, refusal, summary, utc
from yfinance.data import YfData

from vfr.adapters.providers.live.yahoo_transport import YahooTransport
from vfr.errors import BadAnswer, ProviderUnavailable

CHART = "https://query2.finance.yahoo.com/v8/finance/chart/QXZ"
SUMMARY = "https://query2.finance.yahoo.com/v10/finance/quoteSummary/QXZ"
COOKIE, CONSENT, CRUMB = "/", "/consent", "/v1/test/getcrumb"
DATA = urlsplit(CHART).path

Sent = tuple[int, dict[str, str], bytes]


def ok(body: Any) -> Sent:
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


@dataclass
class Yahoo:
    """Answers by path; a path without an answer is 404. `asked` is every request in order."""

    answers: dict[str, Callable[[dict[str, str]], Sent]]
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]


def _handler(yahoo: Yahoo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query))
            yahoo.asked.append((parts.path, params, {k.lower(): v for k, v in self.headers.items()}))
            missing = (404, {}, b"no such page")
            status, headers, body = yahoo.answers.get(parts.path, lambda _params: missing)(params)
            self.close_connection = True
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body)), "Connection": "close"} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_message: object) -> None:
            """Stay quiet."""

    return Handler


@pytest.fixture
def yahoo() -> Iterator[Yahoo]:
    """Yahoo in good health: a cookie, a crumb, a chart."""
    served = Yahoo(
        {
            COOKIE: lambda _: (404, {"Set-Cookie": "A3=d=invented; Path=/; Max-Age=31536000"}, b""),
            CRUMB: lambda _: (200, {"Content-Type": "text/plain"}, b"cRuMb.1"),
            DATA: lambda _: ok(chart({at(utc(2024, 6, 3).date()): flat(10.0)})),
            urlsplit(SUMMARY).path: lambda _: ok(summary()),
        }
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(served))
    server.daemon_threads = True
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def transport(yahoo: Yahoo) -> Iterator[YahooTransport]:
    made = YahooTransport(base=yahoo.url, timeout=20, longest=100_000)
    yield made
    made.close()


def test_cookie_and_crumb_are_fetched_once_and_go_with_every_question(yahoo: Yahoo, transport: YahooTransport) -> None:
    for url in (CHART, SUMMARY, CHART):
        reply = transport.get(url, {"interval": "1d"}, {})
        assert reply.status == 200
    assert json.loads(reply.body)["chart"]["error"] is None
    assert reply.headers["content-type"] == "application/json"
    assert yahoo.paths() == [COOKIE, CRUMB, DATA, urlsplit(SUMMARY).path, DATA]
    for _, params, headers in yahoo.asked[2:]:
        assert params == {"interval": "1d", "crumb": "cRuMb.1"}
        assert headers["cookie"] == "A3=d=invented"
        assert "Chrome" in headers["user-agent"]


def test_headers_of_the_caller_do_not_spoil_the_browser(yahoo: Yahoo, transport: YahooTransport) -> None:
    transport.get(CHART, {}, {"User-Agent": "vfr"})
    assert "Chrome" in yahoo.asked[-1][2]["user-agent"]


def test_two_transports_share_neither_cookie_nor_crumb(yahoo: Yahoo, transport: YahooTransport) -> None:
    transport.get(CHART, {}, {})
    other = YahooTransport(base=yahoo.url)
    other.get(CHART, {}, {})
    other.close()
    assert yahoo.paths() == [COOKIE, CRUMB, DATA] * 2


def test_threads_share_one_cookie_and_one_crumb(yahoo: Yahoo, transport: YahooTransport) -> None:
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(lambda _: transport.get(CHART, {}, {}), range(12)))
    assert {reply.status for reply in replies} == {200}
    assert Counter(yahoo.paths()) == {COOKIE: 1, CRUMB: 1, DATA: 12}


@pytest.mark.parametrize("status", [400, 403, 404, 422, 429, 500, 503])
def test_a_refusal_is_returned_as_it_came_and_asked_once(yahoo: Yahoo, transport: YahooTransport, status: int) -> None:
    yahoo.answers[DATA] = lambda _: (status, {"Retry-After": "7"}, b"Edge: Too Many Requests")
    reply = transport.get(CHART, {}, {})
    assert (reply.status, reply.headers["retry-after"]) == (status, "7")
    assert reply.body == b"Edge: Too Many Requests"
    assert yahoo.paths().count(DATA) == 1


@pytest.mark.parametrize("place", [COOKIE, CRUMB])
def test_a_429_for_cookie_or_crumb_is_a_429(yahoo: Yahoo, transport: YahooTransport, place: str) -> None:
    healthy = yahoo.answers[place]
    yahoo.answers[place] = lambda _: (429, {"Retry-After": "30"}, b"Too Many Requests")
    reply = transport.get(CHART, {}, {})
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")
    assert DATA not in yahoo.paths()
    yahoo.answers[place] = healthy
    assert transport.get(CHART, {}, {}).status == 200
    assert yahoo.asked[-1][1]["crumb"] == "cRuMb.1"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_prices_come_without_a_crumb_where_it_is_refused(yahoo: Yahoo, transport: YahooTransport, status: int) -> None:
    yahoo.answers[CRUMB] = lambda _: (status, {}, b"<p>no crumb</p>")
    assert transport.get(CHART, {}, {}).status == 200
    assert yahoo.asked[-1][:2] == (DATA, {})


def test_an_outdated_crumb_is_replaced_and_the_question_put_once_more(yahoo: Yahoo, transport: YahooTransport) -> None:
    assert transport.get(CHART, {}, {}).status == 200
    yahoo.answers[CRUMB] = lambda _: (200, {}, b"cRuMb.2")
    wrong = refusal("finance", "Unauthorized", "Invalid Crumb")
    healthy = yahoo.answers[DATA]
    yahoo.answers[DATA] = lambda p: (401, {}, json.dumps(wrong).encode()) if p["crumb"] == "cRuMb.1" else healthy(p)
    before = len(yahoo.asked)
    assert transport.get(CHART, {}, {}).status == 200
    assert [params["crumb"] for path, params, _ in yahoo.asked[before:] if path == DATA] == ["cRuMb.1", "cRuMb.2"]


def test_a_lasting_401_is_returned_after_the_second_question(yahoo: Yahoo, transport: YahooTransport) -> None:
    yahoo.answers[DATA] = lambda _: (401, {}, b"no")
    assert transport.get(CHART, {}, {}).status == 401
    assert yahoo.paths().count(DATA) == 2


@pytest.mark.parametrize("status", [400, 404])
def test_yahoos_own_reason_can_be_read(yahoo: Yahoo, transport: YahooTransport, status: int) -> None:
    reason = json.dumps(refusal("chart", "Not Found", "No data found, symbol may be delisted")).encode()
    yahoo.answers[DATA] = lambda _: (status, {}, reason)
    reply = transport.get(CHART, {}, {})
    assert (reply.status, reply.body) == (200, reason)


@pytest.mark.parametrize("body", [b'{"error": "no such page"}', b"[]", b"null", b'{"chart": {"error": null}}'])
def test_a_404_without_a_reason_stays_a_404(yahoo: Yahoo, transport: YahooTransport, body: bytes) -> None:
    yahoo.answers[DATA] = lambda _: (404, {}, body)
    assert transport.get(CHART, {}, {}).status == 404


def test_a_redirect_to_another_host_is_not_followed(yahoo: Yahoo, transport: YahooTransport) -> None:
    yahoo.answers[DATA] = lambda _: (302, {"Location": "https://finance.yahoo.com/"}, b"")
    assert transport.get(CHART, {}, {}).status == 302


def test_a_body_that_is_too_long_is_refused(yahoo: Yahoo, transport: YahooTransport) -> None:
    yahoo.answers[DATA] = lambda _: (200, {}, b" " * 100_001)
    with pytest.raises(BadAnswer, match="yahoo sent more than 100000 bytes"):
        transport.get(CHART, {}, {})


def test_half_a_body_is_no_reply(yahoo: Yahoo, transport: YahooTransport) -> None:
    yahoo.answers[DATA] = lambda _: (200, {"Content-Length": "1000"}, b'{"chart": ')
    with pytest.raises(ProviderUnavailable, match="yahoo cannot be reached, or hung up"):
        transport.get(CHART, {}, {})


def test_a_reply_that_does_not_come_in_time_is_no_reply(yahoo: Yahoo) -> None:
    def late(_params: dict[str, str]) -> Sent:
        yahoo.over.wait(30)
        return ok({})

    yahoo.answers[DATA] = late
    hasty = YahooTransport(base=yahoo.url, timeout=0.5)
    with pytest.raises(ProviderUnavailable, match=r"yahoo did not answer within 0\.5 s"):
        hasty.get(CHART, {}, {})
    hasty.close()
    assert yahoo.paths().count(DATA) == 1


@pytest.mark.parametrize("place", [COOKIE, CRUMB])
def test_a_slow_cookie_or_crumb_is_given_up_within_the_limit(yahoo: Yahoo, place: str) -> None:
    answered = threading.Event()

    def late(_params: dict[str, str]) -> Sent:
        yahoo.over.wait(15)
        answered.set()
        return 404, {}, b""

    yahoo.answers[place] = late
    healthy = yahoo.answers[DATA]
    yahoo.answers[DATA] = lambda params: (503, {}, b"") if answered.is_set() else healthy(params)
    hasty = YahooTransport(base=yahoo.url, timeout=0.5)
    assert hasty.get(CHART, {}, {}).status == 200
    hasty.close()


def test_nobody_listening_is_no_reply() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    url = f"http://127.0.0.1:{server.server_address[1]}"
    server.server_close()
    with pytest.raises(ProviderUnavailable) as caught:
        YahooTransport(base=url).get(CHART, {"crumbly": "x"}, {})
    assert "127.0.0.1" not in caught.value.message


def test_after_closing_a_new_session_is_opened(yahoo: Yahoo, transport: YahooTransport) -> None:
    transport.close()
    assert transport.get(CHART, {}, {}).status == 200
    transport.close()
    assert transport.get(CHART, {}, {}).status == 200
    assert yahoo.paths() == [COOKIE, CRUMB, DATA] * 2


ALONE = """
import sys
from vfr.adapters.providers.live.yahoo_transport import YahooTransport
loaded = [name for name in ("yfinance", "curl_cffi", "pandas") if name in sys.modules]
assert not loaded, loaded
transport = YahooTransport(base=sys.argv[1])
import yfinance.cache
class Refused:
    def __getattr__(self, name):
        raise AssertionError("pickle." + name)
yfinance.cache._pkl = Refused()
print(transport.get("https://query2.finance.yahoo.com/v8/finance/chart/QXZ", {}, {}).status)
"""


def test_no_cookie_is_written_to_disk_and_no_pickle_read(yahoo: Yahoo, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", ALONE, yahoo.url], env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
    assert not list(tmp_path.rglob("*"))
    assert yahoo.paths() == [COOKIE, CRUMB, DATA]


def test_the_parts_of_yfinance_that_are_replaced_are_still_called_so() -> None:
    assert {"_load_cookie_curlCffi", "_save_cookie_curlCffi"} <= vars(YfData).keys()
